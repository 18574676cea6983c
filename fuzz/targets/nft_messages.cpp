// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's packet filter answers and announces: errors, chains, rules, sets, elements,
// changes of others. The first byte chooses the family of our table.
#include "firewall/nft_messages.hpp"

#include "firewall/netlink_walk.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <utility>
#include <vector>

using namespace fwknop;

namespace {

// As the loop that lists hands them over.
void read(const nlmsghdr& message, const nft_home& home) {
    if (const auto object = read_object(message, home)) {
        fuzz::promise(!object->name.empty(), "an object has a name");
        const auto shape =
            object->what == nft_object::kind::set ? home.shape_of(object->name) : std::nullopt;
        fuzz::promise(!shape || home.set_name(*shape) == object->name,
                      "the name of a set tells its shape");
    }
    for (const nft_listed_element& each : read_elements(message)) {
        for (const auto& [family, bits] : {std::pair{ip_family::v4, 32}, {ip_family::v6, 128}}) {
            const nft_shape shape{.family = family,
                                  .prefix_length = static_cast<std::uint8_t>(bits)};
            const auto key = input_grant(shape, each.key);
            if (!key) continue;
            const auto element = element_of(rule_role::input, *key);
            fuzz::promise(element && element->shape == shape &&
                              std::ranges::equal(element->key, each.key),
                          "the grant behind an element has that element");
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    // Aligned as what a receive call fills, and not a byte longer.
    const std::vector<std::uint8_t> bytes{data + 1, data + size};
    nft_home home;
    home.family = static_cast<nft_family>(data[0] % 3);
    home.prefix = data[0] >= 128 ? "fwknop_" : "";

    nft_replies replies;
    static_cast<void>(replies.read(bytes, 1));
    for (const nft_reply_error& each : replies.errors)
        fuzz::promise(each.number > 0, "an error has a number");
    static_cast<void>(touches_table(bytes, home));
    static_cast<void>(for_each_netlink_message(bytes, [&home](const nlmsghdr& message) {
        read(message, home);
        return true;
    }));
    return 0;
}
