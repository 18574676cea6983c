// SPDX-License-Identifier: Apache-2.0
//
// Lets frames of one kind pass through the pipeline, for their instructions to be counted.
//
//   packet_path <kind> <frames>
//
// All else is the same for any number of frames, so the difference of two runs belongs to them.
// Exit 1: the frames did not end as those of their kind must.
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"
#include "daemon/pipeline.hpp"
#include "frame/frames.hpp"
#include "policy/access_fixture.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;

namespace {

constexpr std::size_t most_frames = 250;

/// What is sent, who is asked, and how many were counted where they must be.
struct kind {
    std::function<std::string()> payload;
    std::string stanzas;
    std::uint64_t packet_counters::*counted = nullptr; ///< null: `error`
    errc error{};

    [[nodiscard]] std::uint64_t count(const packet_counters& all) const {
        return counted != nullptr ? all.*counted : all.by_error[static_cast<std::size_t>(error)];
    }
};

std::string strangers_stanzas(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(i);
        text += "SOURCE ANY\nKEY key-" + n + "-of-somebody\nHMAC_KEY hmac-" + n + "-of-somebody\n";
    }
    return text;
}

std::map<std::string_view, kind> all_kinds() {
    const auto good = [] { return seal(); };
    const auto again = [payload = seal()] { return payload; };
    const auto junk = [] { return std::string(200, '!'); };
    const std::string ours = "SOURCE ANY\n" + our_keys;
    return {
        {"junk", {junk, ours, nullptr, errc::payload_not_base64}},
        {"unexpected", {good, "SOURCE 203.0.113.1\n" + our_keys, &packet_counters::unexpected}},
        {"wrong_hmac", {good, strangers_stanzas(1), nullptr, errc::hmac_mismatch}},
        {"wrong_hmac_1000", {good, strangers_stanzas(1000), nullptr, errc::hmac_mismatch}},
        {"replay", {again, ours, &packet_counters::replayed}},
        {"good", {good, ours, &packet_counters::granted}},
    };
}

std::vector<octets> make_frames(const kind& which) {
    std::vector<octets> frames;
    for (std::size_t i = 0; i < most_frames; ++i)
        frames.push_back(ethernet(ethertype_ipv4, ipv4(ip_protocol_udp, udp(which.payload()))));
    return frames;
}

int run(const kind& which, std::size_t count) {
    const std::vector<octets> frames = make_frames(which);
    const daemon::test::log_lines log;
    access_fixture fixture;
    fixture.parse(which.stanzas);
    const auto rules =
        std::make_shared<rulebook>(configuration{fixture.server, std::move(fixture.stanzas)});
    auto replays = replay_store::open("/nonexistent/digest.cache", unix_time{}, false);
    decision_log decisions;
    source_budget::limits endless; // counting makes everything slow
    endless.all.depth = std::chrono::hours{1};
    pipeline line{rules,
                  replays,
                  decisions,
                  [](const attempt&, const datagram&) {},
                  true,
                  [](const gpg_settings&, const gpg_envelope&,
                     const std::function<void(gpg_desk::answer)>&) {},
                  nullptr,
                  endless};
    const moment now{std::chrono::steady_clock::time_point{std::chrono::seconds{1000}},
                     from_seconds(noon)};
    // The first of them pays for what is set up late.
    constexpr std::size_t first = 10;
    for (std::size_t i = 0; i < first + count; ++i)
        line.receive_frame(link_type::ethernet, frames[i], frames[i].size(), now);
    const std::uint64_t counted = which.count(line.counters());
    // Of a replay the first is none; and four attempts of a packet are counted.
    if (counted + 1 >= first + count) return EXIT_SUCCESS;
    std::fprintf(stderr, "packet_path: %llu of %zu ended as they must\n",
                 static_cast<unsigned long long>(counted), first + count);
    return EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    const auto kinds = all_kinds();
    const auto found = argc == 3 ? kinds.find(argv[1]) : kinds.end();
    const auto count = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (found == kinds.end() || count + 10 > most_frames) {
        std::fprintf(stderr,
                     "usage: packet_path <kind> <frames, at most %zu>; kinds:", most_frames - 10);
        for (const auto& each : kinds) std::fprintf(stderr, " %s", each.first.data());
        std::fputs("\n", stderr);
        return 2;
    }
    return run(found->second, count);
}
