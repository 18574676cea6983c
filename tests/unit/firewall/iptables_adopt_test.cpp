// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_adopt.hpp"
#include "firewall/iptables_grant_rule.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

const std::vector<std::string> targets{"ACCEPT", "ACCEPT", "ACCEPT", "DNAT", "SNAT", "MASQUERADE"};

// The rules of a grant, as an earlier run left them.
void leave(std::vector<found_rule>& found, const grant_key& key, std::int64_t expires,
           bool output = true) {
    for (std::size_t i = 0; i < rule_role_count; ++i) {
        const auto role = static_cast<rule_role>(i);
        if (role == rule_role::output && !output) continue;
        const auto rule = grant_rule(role, key, from_seconds(expires), targets[i]);
        if (!rule) continue;
        found.push_back({role,
                         *rule,
                         {ip_family::v4, "table", "CHAIN", found.size() + 1, to_text(*rule),
                          from_seconds(expires)}});
    }
}

std::vector<nat_route> routes(const ip_address& inside, const ip_address& own) {
    std::vector<nat_route> all;
    for (const bool local : {false, true})
        for (const bool all_ports : {false, true})
            for (const bool destination : {false, true})
                for (const auto source : {source_translation::none, source_translation::address,
                                          source_translation::masquerade})
                    all.push_back({{inside, 22}, local, all_ports, destination, source, own});
    return all;
}

grant_key key_of(const nat_route& route, std::uint16_t door = 8022) {
    const bool six = route.inside.address.is_v6();
    return make_grant_key(address(six ? "2001:db8::7" : "192.0.2.7"), std::nullopt,
                          {protocol::tcp, door}, route);
}

// How many rules will end in time.
std::size_t accounted(const adoption& result) {
    std::size_t rules = result.tagged.size();
    for (const auto& grant : result.grants)
        for (std::size_t i = 0; i < rule_role_count; ++i)
            if (grant_rule(static_cast<rule_role>(i), grant.key, grant.expires, targets[i]))
                ++rules;
    return rules;
}

} // namespace

TEST_CASE("every kind of grant is put together again") {
    const bool six = GENERATE(false, true);
    for (const nat_route& route : routes(address(six ? "fd00::5" : "10.0.0.5"),
                                         address(six ? "2001:db8::1" : "203.0.113.5"))) {
        CAPTURE(route.local, route.all_ports, route.translate_destination,
                static_cast<int>(route.translate_source));
        std::vector<found_rule> found;
        leave(found, key_of(route), 100);
        const auto adopted = adopt_rules(found);
        // What opens this host and translates nothing that is its own looks like plain access.
        if (route.local && !route.translate_destination) {
            REQUIRE(adopted.grants.size() == 1);
            CHECK_FALSE(adopted.grants[0].key.nat);
            CHECK(adopted.grants[0].key.door.port == 22);
            CHECK(adopted.tagged.size() ==
                  (route.translate_source == source_translation::none ? 0 : 1));
            continue;
        }
        CHECK(adopted.grants == std::vector<adopted_grant>{{key_of(route), from_seconds(100)}});
        CHECK(adopted.tagged.empty());
    }
}

TEST_CASE("grants side by side keep their own rules") {
    std::vector<found_rule> found;
    std::vector<adopted_grant> left;
    const auto add = [&](const grant_key& key, std::int64_t expires) {
        leave(found, key, expires);
        left.push_back({key, from_seconds(expires)});
    };
    nat_route route;
    route.inside = {address("10.0.0.5"), 22};
    add(key_of(route, 8022), 100);
    add(key_of(route, 8023), 100); // the same forward rule
    route.translate_source = source_translation::masquerade;
    add(key_of(route, 8024), 100);
    add(tcp("192.0.2.7", 22), 100);
    add(udp("192.0.2.8", 53), 101);
    route.local = true;
    add(key_of(route, 8025), 102);
    auto adopted = adopt_rules(found);
    CHECK(adopted.tagged.empty());
    std::ranges::sort(left, {}, &adopted_grant::key);
    std::ranges::sort(adopted.grants, {}, &adopted_grant::key);
    CHECK(adopted.grants == left);
}

TEST_CASE("what cannot be put together still ends in time") {
    nat_route route;
    route.inside = {address("10.0.0.5"), 22};
    route.translate_source = source_translation::masquerade;
    std::vector<found_rule> found;
    leave(found, key_of(route), 100);
    REQUIRE(found.size() == 3);
    // The whole twice, with another expiry.
    auto twice = found;
    leave(twice, key_of(route), 200);
    CHECK(accounted(adopt_rules(twice)) == 6);
    CHECK(adopt_rules(twice).grants.at(0).key == key_of(route));
    // Halves that differ in their expiry.
    for (std::size_t i = 0; i < 3; ++i) {
        auto split = found;
        split[i].rule.expires = from_seconds(200);
        CHECK(accounted(adopt_rules(split)) == 3);
    }
    // Rules that are none of ours.
    found.clear();
    iptables_rule odd;
    odd.target = "DNAT";
    odd.translation = "--to-destination 10.0.0.5:22-23";
    odd.source = address("192.0.2.7");
    found.push_back({rule_role::dnat, odd, {}});
    odd.source.reset();
    found.push_back({rule_role::input, odd, {}});
    found.push_back({rule_role::forward, odd, {}});
    found.push_back({rule_role::output, odd, {}});
    CHECK(adopt_rules(found).grants.empty());
    CHECK(adopt_rules(found).tagged.size() == 4);
}

TEST_CASE("an output rule whose other half is gone is a grant's") {
    std::vector<found_rule> found;
    leave(found, tcp("192.0.2.7", 22), 100);
    found.erase(found.begin());
    const auto adopted = adopt_rules(found);
    CHECK(adopted.grants == std::vector<adopted_grant>{{tcp("192.0.2.7", 22), from_seconds(100)}});
    CHECK(adopted.tagged.empty());
}
