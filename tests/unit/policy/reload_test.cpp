// SPDX-License-Identifier: Apache-2.0
#include "core/policy/reload.hpp"
#include "core/policy/server_directives.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

namespace {

server_config reading(const std::string& text) {
    server_config config;
    diagnostics report;
    REQUIRE(parse_server_config("/c", text, config, report));
    REQUIRE(finish_server_config(config, report));
    return config;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("the same configuration changes nothing, whatever its words") {
    const auto changes =
        compare(reading(""), reading("MAX_SPA_PACKET_AGE 120;\nENABLE_SPA_PACKET_AGING Y;\n"));
    CHECK_FALSE(changes.capture);
    CHECK(changes.on_restart.empty());
}

TEST_CASE("changes are told apart by when they take effect") {
    struct row {
        std::string text;
        bool capture;
        names on_restart;
    };
    for (const auto& [text, capture, on_restart] : std::vector<row>{
             {"MAX_SPA_PACKET_AGE 60;", false, {}},
             {"VERBOSE 2;\nACCESS_FILE /a;\nGPG_HOME_DIR /g;", false, {}},
             {"PCAP_FILTER udp port 1;", true, {}},
             {"PCAP_INTF lo,eth1;\nMAX_SPA_PACKET_AGE 60;", true, {}},
             {"ENABLE_IPT_FORWARDING Y;", false, {"ENABLE_IPT_FORWARDING"}},
             {"IPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, X, 1;", false, {"IPT_INPUT_ACCESS"}},
             {"DIGEST_FILE /d;\nENABLE_UDP_SERVER Y;\nPCAP_INTF lo;",
              true,
              {"ENABLE_UDP_SERVER", "DIGEST_FILE"}},
             {"FWKNOP_RUN_DIR /r;", false, {"FWKNOP_RUN_DIR", "FWKNOP_PID_FILE", "DIGEST_FILE"}},
         }) {
        INFO(text);
        const auto changes = compare(reading(""), reading(text));
        CHECK(changes.capture == capture);
        CHECK(changes.on_restart == on_restart);
        CHECK(compare(reading(text), reading("")).on_restart == on_restart);
    }
}

TEST_CASE("every directive that may change at once is one") {
    // A misspelt name in the lists would silently mean a restart.
    int at_once = 0;
    int with_capture = 0;
    for (const auto& each : server_directives()) {
        at_once += int{when_changed(each.name) == takes_effect::at_once};
        with_capture += int{when_changed(each.name) == takes_effect::with_capture};
    }
    CHECK(at_once == 24);
    CHECK(with_capture == 6);
}
