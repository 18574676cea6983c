// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_element.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

std::string hex(const nft_bytes& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i % 4 == 0 && i != 0) text += " ";
        text += digits[bytes[i] >> 4U];
        text += digits[bytes[i] & 15U];
    }
    return text;
}

// Set, key and value, or "none".
std::string shown(rule_role role, const grant_key& key) {
    const auto made = element_of(role, key);
    if (!made) return "none";
    CHECK(key_size(made->shape) == made->key.size());
    return nft_home{}.set_name(made->shape) + ": " + hex(made->key) +
           (made->value.empty() ? "" : " -> " + hex(made->value));
}

grant_key with_nat(grant_key key, std::string_view inside, std::uint16_t port) {
    key.nat.emplace();
    key.nat->inside = {address(inside), port};
    return key;
}

} // namespace

TEST_CASE("an access grant is an element for what comes in, and its mirror") {
    CHECK(shown(rule_role::input, tcp("192.0.2.7", 22)) == "grant4: c0000207 06000000 00160000");
    CHECK(shown(rule_role::input, udp("2001:db8::7", 443)) ==
          "grant6: 20010db8 00000000 00000000 00000007 11000000 01bb0000");
    CHECK(shown(rule_role::output, tcp("192.0.2.7", 22)) == "output4: c0000207 06000000 00160000");
    for (const auto role :
         {rule_role::forward, rule_role::dnat, rule_role::snat, rule_role::masquerade})
        CHECK(shown(role, tcp("192.0.2.7", 22)) == "none");

    grant_key wide = tcp("192.0.2.7", 22);
    wide.source = network{address("192.0.2.7"), 24};
    wide.destination = address("203.0.113.1");
    CHECK(shown(rule_role::input, wide) == "grant4_24_to: c0000200 cb007101 06000000 00160000");
}

TEST_CASE("NAT has elements for each of its parts") {
    auto key = with_nat(tcp("192.0.2.7", 8022), "10.0.0.5", 22);
    CHECK(shown(rule_role::input, key) == "none");
    CHECK(shown(rule_role::forward, key) == "forward4: c0000207 06000000 00160000");
    CHECK(shown(rule_role::dnat, key) == "dnat4: c0000207 06000000 1f560000 -> 0a000005 00160000");
    key.destination = address("203.0.113.1");
    CHECK(shown(rule_role::dnat, key) ==
          "dnat4_to: c0000207 cb007101 06000000 1f560000 -> 0a000005 00160000");

    key.nat->translate_source = source_translation::address;
    key.nat->source_address = address("10.0.0.1");
    CHECK(shown(rule_role::snat, key) == "snat4: c0000207 0a000005 06000000 00160000 -> 0a000001");
    key.nat->translate_source = source_translation::masquerade;
    CHECK(shown(rule_role::masquerade, key) ==
          "masquerade4: c0000207 0a000005 06000000 00160000 -> 1f56");

    auto local = with_nat(tcp("192.0.2.7", 8022), "10.0.0.1", 22);
    local.nat->local = true;
    CHECK(shown(rule_role::input, local) == "grant4: c0000207 06000000 00160000");
    CHECK(shown(rule_role::forward, local) == "none");
}

TEST_CASE("FORWARD_ALL names neither protocol nor port") {
    auto key = with_nat(tcp("2001:db8::7", 0), "fd00::5", 0);
    key.nat->all_ports = true;
    key.nat->translate_source = source_translation::masquerade;
    const std::string source = "20010db8 00000000 00000000 00000007";
    CHECK(shown(rule_role::forward, key) == "forward6_all: " + source);
    CHECK(shown(rule_role::dnat, key) ==
          "dnat6_all: " + source + " -> fd000000 00000000 00000000 00000005");
    CHECK(shown(rule_role::masquerade, key) == "masquerade6_all: " + source);
}

TEST_CASE("the longest key fits, and nothing longer exists") {
    auto key = with_nat(udp("2001:db8::7", 53), "fd00::5", 53);
    key.destination = address("2001:db8::1");
    key.nat->translate_source = source_translation::address;
    key.nat->source_address = address("fd00::1");
    CHECK(element_of(rule_role::snat, key)->key.size() == std::size_t{nft_bytes::static_capacity});
    CHECK(element_of(rule_role::dnat, key)->key.size() == std::size_t{nft_bytes::static_capacity});
}

TEST_CASE("an element of the kernel is a grant again, if it is one of ours") {
    std::vector<grant_key> keys{tcp("192.0.2.7", 22), udp("2001:db8::7", 65535)};
    keys.push_back({network{address("192.0.2.0"), 25}, std::nullopt, {protocol::tcp, 1}});
    keys.push_back(
        {network{address("2001:db8::"), 64}, address("2001:db8::1"), {protocol::tcp, 1}});
    for (const auto& key : keys) {
        const auto made = *element_of(rule_role::input, key);
        CHECK(input_grant(made.shape, made.key) == key);

        // One byte short, one extra, in a buffer of that very size.
        std::vector<std::uint8_t> other{made.key.begin(), made.key.end() - 1};
        CHECK_FALSE(input_grant(made.shape, other));
        other.assign(made.key.begin(), made.key.end());
        other.push_back(0);
        CHECK_FALSE(input_grant(made.shape, other));
        for (const std::size_t from_end : {8U, 7U, 1U}) { // protocol, and what fills up
            other.assign(made.key.begin(), made.key.end());
            other[other.size() - from_end] = 1;
            CHECK_FALSE(input_grant(made.shape, other));
        }
    }
    // Bits behind the prefix.
    const auto wide = *element_of(rule_role::input, keys[2]);
    auto bytes = wide.key;
    bytes[3] = 1;
    CHECK_FALSE(input_grant(wide.shape, bytes));
    CHECK_FALSE(input_grant({}, {}));
    CHECK_FALSE(input_grant({rule_role::output, ip_family::v4, 32, false, false},
                            element_of(rule_role::output, keys[0])->key));
}
