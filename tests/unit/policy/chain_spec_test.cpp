// SPDX-License-Identifier: Apache-2.0
#include "core/policy/chain_spec.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;

TEST_CASE("a chain description has six fields") {
    const auto chain = chain_spec::parse("DNAT,nat , PREROUTING, 2, MY_chain1, 3");
    REQUIRE(chain.has_value());
    CHECK(*chain == chain_spec{"DNAT", "nat", "PREROUTING", 2, "MY_chain1", 3});
}

TEST_CASE("positions are 0 to 65536") {
    CHECK(chain_spec::parse("A, b, C, 0, D, 65536")->jump_position == 0);
    CHECK(chain_spec::parse("A, b, C, 65536, D, 0")->jump_position == 65536);
    CHECK_FALSE(chain_spec::parse("A, b, C, 65537, D, 1").has_value());
    CHECK_FALSE(chain_spec::parse("A, b, C, 1, D, 65537").has_value());
    CHECK_FALSE(chain_spec::parse("A, b, C, -1, D, 1").has_value());
    CHECK_FALSE(chain_spec::parse("A, b, C, one, D, 1").has_value());
    CHECK_FALSE(chain_spec::parse("A, b, C, 1 x, D, 1").has_value());
    CHECK_FALSE(chain_spec::parse("A, b, C, , D, 1").has_value());
}

TEST_CASE("our chain is one of its own") {
    for (const auto* const text :
         {"ACCEPT, filter, INPUT, 1, INPUT, 1", "ACCEPT, filter, INPUT, 1, FORWARD, 1",
          "DNAT, nat, PREROUTING, 1, POSTROUTING, 1", "ACCEPT, filter, MINE, 1, MINE, 1"}) {
        CAPTURE(text);
        CHECK_FALSE(chain_spec::parse(text).has_value());
    }
}

TEST_CASE("what could confuse a firewall program is refused by name") {
    for (const auto* const text :
         {"A, b, C, 1, D", "A, b, C, 1, D, 1, 1", "", "-j A, b, C, 1, D, 1", "A, b-b, C, 1, D, 1",
          "A, b, C;C, 1, D, 1", "A, b, C, 1, $D, 1", "A, b, C, 1, , 1", ", b, C, 1, D, 1"}) {
        CAPTURE(text);
        CHECK_FALSE(chain_spec::parse(text).has_value());
    }
    CHECK(chain_spec::parse("A, b-b, C, 1, D, 1").error().text.find("'b-b'") != std::string::npos);
    CHECK(chain_spec::parse("A, b, C, 1, D").error().text.find("5 fields") != std::string::npos);
}
