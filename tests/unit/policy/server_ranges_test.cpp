// SPDX-License-Identifier: Apache-2.0
#include "core/policy/server_config.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace fwknop;

namespace {

std::string error_of(const std::string& line) {
    server_config config;
    diagnostics report;
    (void)parse_server_config("/c", line, config, report);
    return report.failed() ? report.first_error()->text : "";
}

} // namespace

// The numbers are written out here once more: a slip in the table shall not go unseen.
TEST_CASE("ranges end where they end") {
    const auto [name, low, high] = GENERATE(table<std::string, std::int64_t, std::int64_t>({
        {"PCAP_DISPATCH_COUNT", 1, 8388608},
        {"PCAP_LOOP_SLEEP", 1, 8388608},
        {"MAX_SNIFF_BYTES", 1, 32768},
        {"MAX_SPA_PACKET_AGE", 1, 100000},
        {"RULES_CHECK_THRESHOLD", 0, 131071},
        {"TCPSERV_PORT", 1, 65535},
        {"UDPSERV_PORT", 1, 65535},
        {"UDPSERV_SELECT_TIMEOUT", 1, 8388608},
        {"CMD_EXEC_TIMEOUT", 1, 8388608},
        {"VERBOSE", 0, 8388608},
        {"IPFW_START_RULE_NUM", 0, 65535},
        {"IPFW_MAX_RULES", 1, 65535},
        {"IPFW_ACTIVE_SET_NUM", 0, 31},
        {"IPFW_EXPIRE_SET_NUM", 0, 31},
        {"IPFW_EXPIRE_PURGE_INTERVAL", 1, 8388608},
        {"PF_EXPIRE_INTERVAL", 1, 8388608},
    }));
    CAPTURE(name);
    const auto refused = [&](const std::string& value) {
        return error_of(name + " " + value + ";") ==
               "[*] var " + name + " value '" + value + "' not in the range " +
                   std::to_string(low) + "-" + std::to_string(high);
    };
    CHECK(error_of(name + " " + std::to_string(low) + ";").empty());
    CHECK(error_of(name + " " + std::to_string(high) + ";").empty());
    CHECK(refused(std::to_string(low - 1)));
    CHECK(refused(std::to_string(high + 1)));
    CHECK(refused("abc"));
    CHECK(refused("1abc"));
    CHECK(refused("99999999999999999999999999"));
}

TEST_CASE("a remark behind a number is ignored with a warning") {
    server_config config;
    diagnostics report;
    REQUIRE(parse_server_config("/c", "MAX_SPA_PACKET_AGE 12 # short", config, report));
    CHECK(config.max_packet_age == 12);
    REQUIRE(report.all().size() == 1);
    CHECK(report.all()[0].level == severity::warning);
}
