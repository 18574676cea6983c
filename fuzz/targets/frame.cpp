// SPDX-License-Identifier: Apache-2.0
//
// Frames as they come off the wire. The first byte chooses the link type, the second how much
// longer the frame was than what was caught of it.
#include "core/frame/frame.hpp"

#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr unsigned link_types = static_cast<unsigned>(link_type::null_loopback) + 1;
    const auto link = static_cast<link_type>(data[0] % link_types);
    const std::span frame{data + 2, size - 2};
    const auto found = parse_frame(link, frame, frame.size() + data[1]);
    if (!found) return 0;
    fuzz::promise(!found->payload.empty(), "a datagram has a payload");
    fuzz::promise(fuzz::is_inside(found->payload, fuzz::text_of(frame.data(), frame.size())),
                  "the payload is a view into the frame");
    fuzz::promise(found->source.family() == found->destination.family(),
                  "both addresses are of one family");
    return 0;
}
