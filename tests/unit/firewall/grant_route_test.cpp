// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_route.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

nat_route to(std::string_view host, std::uint16_t port) {
    nat_route route;
    route.inside = {address(host), port};
    return route;
}

grant_key key(std::uint16_t door, const nat_route& route, std::string_view destination = {}) {
    std::optional<ip_address> aimed;
    if (!destination.empty()) aimed = address(destination);
    return make_grant_key(address("192.0.2.7"), aimed, {protocol::tcp, door}, route);
}

} // namespace

TEST_CASE("grants differ where their rules differ") {
    const nat_route base = to("10.0.0.5", 22);
    std::vector<grant_key> keys{key(8022, base),
                                key(8023, base),
                                key(8022, to("10.0.0.6", 22)),
                                key(8022, to("10.0.0.5", 23)),
                                key(8022, base, "198.51.100.1"),
                                tcp("192.0.2.7", 8022),
                                tcp("192.0.2.7", 22)};
    auto other = base;
    other.local = true;
    keys.push_back(key(8022, other));
    other = base;
    other.all_ports = true;
    keys.push_back(key(8022, other));
    other = base;
    other.translate_destination = false;
    keys.push_back(key(8022, other));
    other = base;
    other.translate_source = source_translation::masquerade;
    keys.push_back(key(8022, other));
    other.translate_source = source_translation::address;
    other.source_address = address("203.0.113.5");
    keys.push_back(key(8022, other));
    other.source_address = address("203.0.113.6");
    keys.push_back(key(8022, other));
    for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t j = 0; j < keys.size(); ++j) {
            CAPTURE(i, j);
            CHECK((keys[i] == keys[j]) == (i == j));
        }
}

TEST_CASE("grants are equal where no rule shows the difference") {
    auto route = to("10.0.0.5", 22);
    route.all_ports = true;
    CHECK(key(8022, route) == key(8023, route));
    auto other = to("10.0.0.5", 23);
    other.all_ports = true;
    CHECK(key(8022, route) == key(8022, other));
    route.translate_destination = other.translate_destination = false;
    other.inside.address = address("10.0.0.6");
    CHECK(key(8022, route, "198.51.100.1") == key(8022, other));

    route = to("10.0.0.5", 22);
    route.translate_destination = false;
    other = to("10.0.0.6", 22);
    other.translate_destination = false;
    CHECK(key(8022, route) == key(8023, other));
    route.translate_source = source_translation::masquerade; // it has the outside port
    CHECK(key(8022, route) != key(8023, route));
    route.translate_source = source_translation::address;
    CHECK(key(8022, route) == key(8023, route));

    route = to("10.0.0.5", 22);
    other = route;
    other.source_address = address("203.0.113.6"); // not used
    CHECK(key(8022, route) == key(8022, other));
    CHECK(std::hash<grant_key>{}(key(8022, route)) == std::hash<grant_key>{}(key(8022, other)));
}
