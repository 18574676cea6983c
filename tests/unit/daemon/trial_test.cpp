// SPDX-License-Identifier: Apache-2.0
#include "daemon/trial.hpp"
#include "firewall/no_backend.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace std::chrono_literals;

TEST_CASE("a trial takes a second to a day") {
    CHECK_FALSE(parse_trial(std::nullopt));
    CHECK(parse_trial("1") == 1s);
    CHECK(parse_trial("86400") == 24h);
    for (const std::string wrong :
         {"", "0", "86401", "-1", "60s", "1.5", " 60", "99999999999999999999"}) {
        CAPTURE(wrong);
        CHECK_THROWS_WITH(parse_trial(wrong), "[*] --trial value '" + wrong +
                                                  "' is not a number of seconds from 1 to 86400 "
                                                  "(a day)");
    }
}

TEST_CASE("there is no trial where nothing is hidden") {
    boost::asio::io_context context;
    no_backend none;
    CHECK_THROWS_WITH((trial{context.get_executor(), 60s, none}),
                      Catch::StartsWith("--trial ends the protection of PROTECT_PORTS, and there "
                                        "is none with this configuration: set PROTECT_PORTS"));
}
