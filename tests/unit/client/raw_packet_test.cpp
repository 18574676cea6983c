// SPDX-License-Identifier: Apache-2.0
#include "client/raw_packet.hpp"
#include "core/frame/frame.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::client;

namespace {

/// 40000 -> 62201, between documentation addresses.
raw_headers headers(carrier protocol, ip_family family, std::uint8_t icmp_type = 0,
                    std::uint8_t icmp_code = 0) {
    const bool v6 = family == ip_family::v6;
    return {.protocol = protocol,
            .source = *ip_address::parse(v6 ? "2001:db8::7" : "192.0.2.7"),
            .destination = *ip_address::parse(v6 ? "2001:db8::9" : "198.51.100.9"),
            .source_port = 40000,
            .destination_port = 62201,
            .icmp_type = icmp_type,
            .icmp_code = icmp_code,
            .echo_identifier = 0x1234,
            .identification = 0xabcd};
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const auto each : bytes) (out += digits[each >> 4U]) += digits[each & 15U];
    return out;
}

const std::string v6_addresses = "20010db800000000000000000000000720010db8000000000000000000000009";

} // namespace

TEST_CASE("raw packets, byte by byte") {
    // The expected bytes come from another program than ours, and tcpdump finds no fault in them.
    struct row {
        raw_headers given;
        std::string ip;
        std::string transport;
    };
    constexpr auto v4 = ip_family::v4;
    constexpr auto v6 = ip_family::v6;
    const std::vector<row> rows{
        {headers(carrier::udp_raw, v4), "45000021abcd0000ff1123bac0000207c6336409",
         "9c40f2f9000d3e83"},
        {headers(carrier::tcp_raw, v4), "4500002dabcd0000ff0623b9c0000207c6336409",
         "9c40f2f9000000010000000050027fff6e8c0000"},
        {headers(carrier::icmp, v4), "45000021abcd0000ff0123cac0000207c6336409",
         "0000ba2d00000000"},
        {headers(carrier::icmp, v4, 8), "45000021abcd0000ff0123cac0000207c6336409",
         "08009ff812340001"},
        {headers(carrier::icmp, v4, 8, 3), "45000021abcd0000ff0123cac0000207c6336409",
         "0803b22a00000000"},
        {headers(carrier::icmp, v4, 40, 15), "45000021abcd0000ff0123cac0000207c6336409",
         "280f921e00000000"},
        {headers(carrier::udp_raw, v6), "60000000000d11ff" + v6_addresses, "9c40f2f9000dcf45"},
        {headers(carrier::tcp_raw, v6), "60000000001906ff" + v6_addresses,
         "9c40f2f9000000010000000050027fffff4e0000"},
        {headers(carrier::icmp, v6), "60000000000d3aff" + v6_addresses, "8100dd6300000000"},
        {headers(carrier::icmp, v6, 8), "60000000000d3aff" + v6_addresses, "8000cc2e12340001"},
        {headers(carrier::icmp, v6, 8, 3), "60000000000d3aff" + v6_addresses, "8003de6000000000"},
        {headers(carrier::icmp, v6, 40, 15), "60000000000d3aff" + v6_addresses, "280f365500000000"},
    };
    for (const auto& [given, ip, transport] : rows)
        CHECK(hex(raw_packet(given, "knock")) == ip + transport + hex({'k', 'n', 'o', 'c', 'k'}));
}

TEST_CASE("a UDP checksum that comes to zero is sent as its other form") {
    CHECK(hex(raw_packet(headers(carrier::udp_raw, ip_family::v4), "\x84\x5b")).substr(40) ==
          "9c40f2f9000affff845b");
    CHECK(hex(raw_packet(headers(carrier::udp_raw, ip_family::v6), "\x15\x1e")).substr(80) ==
          "9c40f2f9000affff151e");
}

TEST_CASE("the daemon's frame reader finds in a raw packet what was put in") {
    const std::vector<std::string> payloads{"k", std::string(204, 'x'), std::string(1400, '\xff'),
                                            std::string(max_raw_payload, 'y')};
    for (const auto protocol : {carrier::udp_raw, carrier::tcp_raw, carrier::icmp})
        for (const auto family : {ip_family::v4, ip_family::v6})
            for (const auto& payload : payloads) {
                const auto given = headers(protocol, family);
                const auto packet = raw_packet(given, payload);
                const auto found = parse_frame(link_type::raw_ip, packet, packet.size());
                REQUIRE(found);
                CHECK(found->source == given.source);
                CHECK(found->destination == given.destination);
                CHECK(found->source_port == (protocol == carrier::icmp ? 0 : 40000));
                CHECK(found->destination_port == (protocol == carrier::icmp ? 0 : 62201));
                CHECK(found->payload == payload);
            }
}
