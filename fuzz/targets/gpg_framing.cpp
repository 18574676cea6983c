// SPDX-License-Identifier: Apache-2.0
#include "core/spa/gpg_framing.hpp"

#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto framed = frame_for_hq_prefix({data, size});
    if (!framed) return 0;
    fuzz::promise(framed->size() >= 3 && (*framed)[0] == 0x85,
                  "the header has its three-byte form");
    const auto again = frame_for_hq_prefix(*framed);
    fuzz::promise(again.has_value() && *again == *framed, "what is framed stays as it is");
    return 0;
}
