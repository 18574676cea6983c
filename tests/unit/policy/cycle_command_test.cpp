// SPDX-License-Identifier: Apache-2.0
#include "core/policy/cycle_command.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;

namespace {

using words = std::vector<std::string>;

cycle_values some_values() {
    return {.allow = *ip_address::parse("203.0.113.9"),
            .packet_source = *ip_address::parse("192.0.2.7"),
            .packet_destination = *ip_address::parse("2001:db8::1"),
            .packet_port = 62201,
            .door = {protocol::udp, 53},
            .timeout = std::chrono::seconds{40},
            .expires = 1'700'000'040,
            .user = "alice",
            .stanza = 3};
}

std::string filled(const std::string& word) {
    return fill_cycle_words({word}, some_values()).at(0);
}

} // namespace

TEST_CASE("each variable has its value") {
    CHECK(filled("$IP") == "203.0.113.9");
    CHECK(filled("$SRC") == "203.0.113.9");
    CHECK(filled("$PKT_SRC") == "192.0.2.7");
    CHECK(filled("$DST") == "2001:db8::1");
    CHECK(filled("$DST_PORT") == "62201");
    CHECK(filled("$PROTO") == "17");
    CHECK(filled("$PORT") == "53");
    CHECK(filled("$CLIENT_TIMEOUT") == "40");
    CHECK(filled("$TIMEOUT") == "1700000040");
    CHECK(filled("$USER") == "alice");
    CHECK(filled("$STANZA") == "3");
}

TEST_CASE("the longest known name wins and the rest stays") {
    CHECK(filled("$PORTS $IPX $DST_P $SRC_IP") == "53S 203.0.113.9X 2001:db8::1_P 203.0.113.9_IP");
    CHECK(filled("$HOME$$IP$") == "$HOME$203.0.113.9$");
    CHECK(filled("--to=$IP/32:$PORT,") == "--to=203.0.113.9/32:53,");
    CHECK(filled("$ip ${IP}") == "$ip ${IP}");
    CHECK(filled("") == "");
}

TEST_CASE("a value adds no argument and no variable") {
    auto values = some_values();
    values.user = "a b $IP '";
    CHECK(fill_cycle_words({"/bin/x", "$USER", "", "$PORT"}, values) ==
          words{"/bin/x", "a b $IP '", "", "53"});
}

TEST_CASE("variables that stand for nothing are found") {
    using names = std::vector<std::string>;
    CHECK(unknown_variables("/bin/x $IP $SRC $PKT_SRC $DST $PROTO $PORT $CLIENT_TIMEOUT $TIMEOUT "
                            "$DST_PORT $USER $STANZA $IPX")
              .empty());
    CHECK(unknown_variables("/bin/x $HOME $ip $") == names{"$HOME", "$ip", "$"});
}
