// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_layout.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <tuple>
#include <vector>

using namespace fwknop;

TEST_CASE("names of sets tell their shape, and are read back") {
    const std::vector<std::tuple<nft_shape, std::string>> rows{
        {{rule_role::input, ip_family::v4, 32, false, false}, "grant4"},
        {{rule_role::input, ip_family::v6, 128, false, false}, "grant6"},
        {{rule_role::input, ip_family::v4, 24, false, false}, "grant4_24"},
        {{rule_role::input, ip_family::v6, 64, true, false}, "grant6_64_to"},
        {{rule_role::input, ip_family::v4, 0, false, false}, "grant4_0"},
        {{rule_role::output, ip_family::v4, 32, true, false}, "output4_to"},
        {{rule_role::forward, ip_family::v4, 32, false, true}, "forward4_all"},
        {{rule_role::dnat, ip_family::v6, 48, true, true}, "dnat6_48_to_all"},
        {{rule_role::snat, ip_family::v4, 32, false, false}, "snat4"},
        {{rule_role::masquerade, ip_family::v6, 128, false, false}, "masquerade6"},
    };
    for (const auto& [shape, name] : rows) {
        CHECK(nft_home{}.set_name(shape) == name);
        CHECK(nft_home{}.shape_of(name) == shape);
    }
    for (const std::string name :
         {"", "grant", "grant5", "grant4_", "grant4_33", "grant6_129", "grant4_024", "grant4_32",
          "grant4_24_", "grant4_all_to", "grant4x", "grants4", "4", "protected", "grant4_-1",
          "grant4_999999999999999999999"}) {
        INFO(name);
        CHECK_FALSE(nft_home{}.shape_of(name));
    }
}

TEST_CASE("sets are there for what the configuration asks") {
    const auto names_of = [](const nft_layout& layout) {
        std::string names;
        for (const auto& shape : layout.shapes()) names += layout.set_name(shape) + " ";
        return names;
    };
    nft_layout layout;
    CHECK(names_of(layout) == "grant4 grant6 ");
    layout.destination = true;
    CHECK(names_of(layout) == "grant4 grant4_to grant6 grant6_to ");
    layout.destination = false;
    layout.source_nat = true; // of no use alone
    CHECK(names_of(layout) == "grant4 grant6 ");
    layout.nat = true;
    layout.output = true;
    CHECK(names_of(layout) == "grant4 grant6 output4 output6 forward4 forward6 dnat4 dnat6 snat4 "
                              "snat6 masquerade4 masquerade6 ");
    layout.source_nat = false;
    layout.destination = true;
    CHECK(names_of(layout) == "grant4 grant4_to grant6 grant6_to output4 output4_to output6 "
                              "output6_to forward4 forward6 dnat4 dnat4_to dnat6 dnat6_to ");
}

TEST_CASE("ports that meet or overlap become one range") {
    const auto text_of = [](std::vector<port_range> ranges) {
        std::string text;
        for (const auto& each : merged(std::move(ranges)))
            text += std::string{name_of(each.protocol)} + "/" + std::to_string(each.first) + "-" +
                    std::to_string(each.last) + " ";
        return text;
    };
    constexpr auto tcp = protocol::tcp;
    constexpr auto udp = protocol::udp;
    CHECK(text_of({}) == "");
    CHECK(text_of({{tcp, 22, 22}, {tcp, 22, 22}}) == "tcp/22-22 ");
    CHECK(text_of({{udp, 5, 9}, {tcp, 20, 30}, {tcp, 22, 25}, {tcp, 31, 40}, {tcp, 42, 42}}) ==
          "tcp/20-40 tcp/42-42 udp/5-9 ");
    CHECK(text_of({{tcp, 1, 65535}, {tcp, 65535, 65535}, {udp, 65535, 65535}}) ==
          "tcp/1-65535 udp/65535-65535 ");
}

TEST_CASE("in a table of somebody else our names begin with ours, and one family may be all") {
    nft_layout layout;
    layout.prefix = "fwknop_";
    CHECK(layout.set_name({rule_role::input, ip_family::v4, 24, false, false}) ==
          "fwknop_grant4_24");
    CHECK(layout.shape_of("fwknop_grant4_24") ==
          nft_shape{rule_role::input, ip_family::v4, 24, false, false});
    CHECK_FALSE(layout.shape_of("grant4_24"));
    CHECK_FALSE(layout.shape_of("fwknop_"));
    CHECK((layout.serves(ip_family::v4) && layout.serves(ip_family::v6)));
    layout.family = nft_family::ip;
    CHECK((layout.serves(ip_family::v4) && !layout.serves(ip_family::v6)));
    CHECK(layout.shapes().size() == 1);
    layout.family = nft_family::ip6;
    CHECK((!layout.serves(ip_family::v4) && layout.serves(ip_family::v6)));
    CHECK(layout.place() == "table ip6 fwknop");
}
