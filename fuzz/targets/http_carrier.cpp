// SPDX-License-Identifier: Apache-2.0
//
// HTTP requests that carry a packet. The first byte chooses the rules.
#include "core/spa/http_carrier.hpp"

#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view request = fuzz::text_of(data + 1, size - 1);
    static_cast<void>(ends_http_header(request));
    if (!begins_http_request(request)) return 0;
    http_reader reader{
        {.any_user_agent = (data[0] & 1U) != 0, .forwarded_for = (data[0] & 2U) != 0}};
    const auto found = reader.read(request);
    if (!found) return 0;
    fuzz::promise(found->payload.size() <= max_payload_size, "a payload is no longer than any");
    fuzz::promise((data[0] & 2U) != 0 || !found->forwarded_for,
                  "who did not ask for the sender is told none");
    return 0;
}
