// SPDX-License-Identifier: Apache-2.0
//
// Genuine packets in 23 framings (tests/vectors/captures/INDEX.md): how many frames give a
// datagram, with which error the others are refused, and how many of the datagrams open with the
// keys of access.conf and were not seen before.

#include "core/frame/frame.hpp"
#include "core/replay/replay_table.hpp"
#include "support/result.hpp"

#include <fwknop/packet.hpp>

#include <catch2/catch.hpp>
#include <pcap/pcap.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace fwknop;
using test::error_of;

namespace {

const std::string captures = FWKNOP_VECTORS "/captures/";

struct pcap_closer {
    void operator()(pcap_t* handle) const noexcept { pcap_close(handle); }
};
using pcap_file = std::unique_ptr<pcap_t, pcap_closer>;

struct outcome {
    std::vector<errc> frames; ///< what `parse_frame` said, success as `errc{}`
    std::size_t opened = 0;
};

// The value of a directive in the access.conf that lies beside the captures.
secret_bytes configured_key(const std::string& directive) {
    std::ifstream file{captures + "access.conf"};
    std::string name;
    std::string value;
    while (file >> name >> value) {
        if (name == directive) return secret_bytes::from_text(value);
    }
    FAIL("no " << directive << " in access.conf");
    return {};
}

class receiver {
  public:
    receiver()
        : key_{configured_key("KEY"), encryption_mode::cbc}
        , hmac_{hmac_key::make(digest_type::sha256, configured_key("HMAC_KEY"))} {
        REQUIRE(hmac_.has_value());
    }

    bool accepts(const datagram& packet) {
        const auto examined = examine_payload(packet.payload);
        if (!examined || !open_packet(*examined, key_, &*hmac_)) return false;
        const auto id = identify_payload(packet.payload);
        return id && seen_.insert(*id, {packet.protocol,
                                        packet.source,
                                        packet.source_port,
                                        packet.destination,
                                        packet.destination_port,
                                        {}});
    }

  private:
    encryption_key key_;
    result<hmac_key> hmac_;
    replay_table seen_{1};
};

outcome read(const std::string& name) {
    char error[PCAP_ERRBUF_SIZE] = "";
    const pcap_file file{pcap_open_offline((captures + name).c_str(), error)};
    INFO(error);
    REQUIRE(file);
    const auto link = link_type_of(pcap_datalink(file.get()));
    REQUIRE(link.has_value());

    outcome out;
    receiver server;
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    int status = 0;
    while ((status = pcap_next_ex(file.get(), &header, &bytes)) == 1) {
        // A buffer of exactly this size: a sanitizer sees a read past its end.
        const std::vector<std::uint8_t> frame{bytes, bytes + header->caplen};
        const auto packet = parse_frame(*link, frame, header->len);
        out.frames.push_back(error_of(packet));
        if (packet && server.accepts(*packet)) ++out.opened;
    }
    REQUIRE(status == PCAP_ERROR_BREAK);
    return out;
}

struct expectation {
    std::string name;
    std::vector<errc> frames;
    std::size_t opened = 0;
};

constexpr errc good{};

const std::vector<expectation> all{
    {"bad-ihl.pcap", {errc::frame_ip_header_malformed}, 0},
    {"ethernet.pcap", {good, good}, 2},
    {"fcs.pcap", {good}, 1},
    {"fragments.pcap", {errc::frame_fragment, errc::frame_fragment, errc::frame_fragment}, 0},
    {"icmp.pcap", {good}, 1},
    {"ip-options.pcap", {good}, 1},
    {"ipv6-ext.pcap", {good}, 1},
    {"ipv6.pcap", {good}, 1},
    {"junk.pcap", {good, good, good, good, errc::frame_empty}, 0},
    {"linux-sll.pcap", {good}, 1},
    {"linux-sll2.pcap", {good}, 1},
    {"lying-total-length.pcap", {errc::frame_truncated}, 0},
    {"lying-udp-length.pcap", {errc::frame_transport_malformed}, 0},
    {"null-loopback.pcap", {good}, 1},
    {"pppoe.pcap", {good}, 1},
    {"qinq.pcap", {good}, 1},
    {"raw-ip.pcap", {good, good}, 2},
    {"replay-prefixed.pcap", {good, good}, 1},
    {"replay.pcap", {good, good}, 1},
    {"tcp-data.pcap", {good}, 1},
    {"tcp-syn-data.pcap", {good}, 1},
    {"truncated.pcap", {errc::frame_truncated, errc::frame_truncated, errc::frame_truncated}, 0},
    {"vlan.pcap", {good}, 1},
};

} // namespace

TEST_CASE("every capture yields what its index says") {
    const auto& expected = GENERATE(from_range(all));
    CAPTURE(expected.name);
    const outcome got = read(expected.name);
    CHECK(got.frames == expected.frames);
    CHECK(got.opened == expected.opened);
}

TEST_CASE("no capture is forgotten") {
    std::set<std::string> expected;
    for (const auto& each : all) expected.insert(each.name);
    std::set<std::string> there;
    for (const auto& entry : std::filesystem::directory_iterator{captures}) {
        if (entry.path().extension() == ".pcap") there.insert(entry.path().filename());
    }
    CHECK(there == expected);
}
