// SPDX-License-Identifier: Apache-2.0
//
// What the pipeline makes of packets that come otherwise than as a UDP datagram.

#include "client/temporary_folder.hpp"
#include "core/crypto/base64.hpp"
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"
#include "daemon/pipeline.hpp"
#include "policy/access_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using client::test::temporary_folder;
using fwknop::daemon::test::log_lines;

namespace {

/// A pipeline with everything that belongs to it, between packets and a list of addresses.
struct carriage : access_fixture {
    log_lines log;
    temporary_folder folder;
    replay_store replays = replay_store::open(folder.file("digest.cache"), unix_time{}, true);
    decision_log decisions;
    std::optional<pipeline> line;
    std::vector<ip_address> opened;
    moment now{std::chrono::steady_clock::time_point{std::chrono::seconds{1000}},
               from_seconds(noon)};

    /// Begins afresh with these stanzas.
    void build(const std::string& text, std::optional<http_rules> http = std::nullopt) {
        parse(text);
        INFO(error());
        REQUIRE_FALSE(report.failed());
        server.spa_over_http = http.has_value();
        server.allow_any_user_agent = http && http->any_user_agent;
        server.x_forwarded_for = http && http->forwarded_for;
        line.emplace(
            std::make_shared<rulebook>(configuration{server, std::move(stanzas)}), replays,
            decisions,
            [this](const attempt& granted, const datagram&) {
                opened.push_back(std::get<access_decision>(granted.outcome).source.address());
            },
            false, nullptr);
    }
    /// 192.0.2.7:40000 -> 198.51.100.9:62201 over TCP, unless `change` has it otherwise.
    void receive(
        const std::string& payload, const std::function<void(datagram&)>& change = [](auto&) {}) {
        // Exactly as many bytes as there are, so that a sanitizer sees a read past the end.
        const auto exact = std::make_unique<char[]>(payload.size());
        payload.copy(exact.get(), payload.size());
        datagram packet = datagram_of({exact.get(), payload.size()});
        packet.protocol = ip_protocol_tcp;
        change(packet);
        line->receive(packet, now);
    }

    /// The counters that have a name of their own here, and all the others together.
    struct counts {
        std::uint64_t granted = 0, replayed = 0, seen_again = 0, others = 0;
        friend bool operator==(const counts&, const counts&) = default;
    };
    [[nodiscard]] counts counted() const {
        const packet_counters& all = line->counters();
        const auto sum = [](const auto& of) {
            return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
        };
        return {all.granted, all.replayed, all.seen_again,
                sum(all.by_error) + sum(all.by_refusal) + all.unexpected + all.not_recorded};
    }
    [[nodiscard]] std::uint64_t counted(errc error) const {
        return line->counters().by_error[static_cast<std::size_t>(error)];
    }
    [[nodiscard]] std::string file() const { return folder.read("digest.cache"); }
};

const std::string ours = "SOURCE ANY\n" + our_keys;

/// As a client wraps it for HTTP.
std::string request_of(std::string payload,
                       const std::string& header = "User-Agent: Fwknop/3\r\n") {
    std::replace(payload.begin(), payload.end(), '+', '-');
    std::replace(payload.begin(), payload.end(), '/', '_');
    return "GET /" + payload + " HTTP/1.1\r\n" + header + "\r\n";
}

void over_udp(datagram& packet) {
    packet.protocol = ip_protocol_udp;
}

} // namespace

TEST_CASE_METHOD(carriage, "a request is unwrapped where that is on, and known by its packet") {
    const std::string payload = seal();
    build(ours);
    receive(request_of(payload));
    CHECK(counted(errc::payload_not_base64) == 1);
    CHECK(opened.empty());

    build(ours, http_rules{});
    receive(request_of(payload));
    CHECK(counted() == counts{.granted = 1});
    const auto id = identify_payload(payload).value();
    CHECK(file().find(crypto::base64_encode(id)) != std::string::npos);
    CHECK_THAT(file(), Catch::EndsWith(" 6 192.0.2.7 40000 198.51.100.9 62201 1700000000\n"));
    // The same packet without its wrapping, and in another one, is a replay.
    receive(payload, over_udp);
    receive(request_of(payload, "User-Agent: Fwknop/9\r\n"),
            [](datagram& packet) { packet.source_port = 40001; });
    CHECK(counted() == counts{.granted = 1, .replayed = 2});
    receive(seal());
    receive(request_of(seal()), over_udp);
    CHECK(counted() == counts{.granted = 3, .replayed = 2});
}

TEST_CASE_METHOD(carriage, "a request that carries no packet is counted by its reason") {
    const std::string payload = seal();
    const auto [request, reason] = GENERATE_COPY(table<std::string, errc>({
        {"GET / HTTP/1.1\r\nUser-Agent: Fwknop\r\n\r\n", errc::http_request_malformed},
        {"GET /", errc::http_request_malformed},
        {request_of(payload, "User-Agent: curl\r\n"), errc::http_user_agent_foreign},
        {request_of("index.html"), errc::payload_too_short},
        {request_of(std::string(1500, 'A')), errc::payload_too_long},
        {request_of(std::string(200, '%')), errc::payload_not_base64},
        {request_of("U2FsdGVkX1" + payload), errc::payload_rijndael_prefix},
        {request_of(seal(access_message(), pass_phrase, "otherhmac")), errc::hmac_mismatch},
    }));
    CAPTURE(request);
    build(ours, http_rules{});
    receive(request);
    CHECK(counted(reason) == 1);
    CHECK(counted() == counts{.others = 1});
    if (reason != errc::hmac_mismatch) CHECK(log.take().empty());
    CHECK(replays.size() == 0);
    build(ours, http_rules{.any_user_agent = true});
    receive(request_of(payload, "User-Agent: curl\r\n"));
    CHECK(counted() == counts{.granted = 1});
}

TEST_CASE_METHOD(carriage, "who is named by X-Forwarded-For is opened for, and nothing else") {
    const std::string named = "User-Agent: Fwknop\r\nX-Forwarded-For: 203.0.113.77\r\n";
    const auto asking = [&] { return request_of(seal(access_message("0.0.0.0,tcp/22")), named); };
    build("SOURCE 192.0.2.7\n" + our_keys, http_rules{.forwarded_for = true});
    receive(asking());
    receive(request_of(seal(), named));
    CHECK(opened == std::vector{at("203.0.113.77"), at("203.0.113.9")});
    // The file, the log and SOURCE go by where it came from.
    CHECK(file().find("203.0.113.77") == std::string::npos);
    CHECK_THAT(log.text(), Catch::Contains("SPA Packet from IP: 192.0.2.7 received") &&
                               !Catch::Contains("203.0.113.77"));
    receive(asking(), [](datagram& packet) { packet.source = at("203.0.113.77"); });
    CHECK(line->counters().unexpected == 1);

    build(ours, http_rules{});
    receive(asking());
    CHECK(opened.back() == at("192.0.2.7"));
}

TEST_CASE_METHOD(carriage, "one connection seen twice is no attack, everything else is") {
    build(ours);
    const std::string payload = seal();
    receive(payload);
    receive(payload);
    now.wall += std::chrono::seconds{2};
    receive(payload);
    CHECK(counted() == counts{.granted = 1, .seen_again = 2});
    CHECK_THAT(log.text(), !Catch::Contains("Replay"));

    const std::function<void(datagram&)> differences[] = {
        [](datagram& packet) { packet.source = at("192.0.2.8"); },
        [](datagram& packet) { packet.source_port = 40001; },
        [](datagram& packet) { packet.destination = at("198.51.100.8"); },
        [](datagram& packet) { packet.destination_port = 62202; },
        over_udp,
    };
    for (const auto& difference : differences) receive(payload, difference);
    CHECK(counted() == counts{.granted = 1, .replayed = 5, .seen_again = 2});
    now.wall += std::chrono::seconds{1};
    receive(payload);
    now.wall -= std::chrono::seconds{6};
    receive(payload);
    CHECK(counted() == counts{.granted = 1, .replayed = 7, .seen_again = 2});
    CHECK_THAT(log.text(), Catch::Contains("Replay detected from source IP: 192.0.2.8"));
    CHECK(opened.size() == 1);

    // Over UDP nothing is sent twice by itself.
    const std::string other = seal();
    receive(other, over_udp);
    receive(other, over_udp);
    CHECK(line->counters().replayed == 8);
}
