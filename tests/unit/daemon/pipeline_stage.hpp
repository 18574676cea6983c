// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/temporary_folder.hpp"
#include "core/frame/frame.hpp"
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"
#include "daemon/pipeline.hpp"
#include "policy/access_fixture.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop::daemon::test {

/// A pipeline with everything that belongs to it, between packets and a list of grants.
struct stage : access_fixture {
    log_lines log;
    client::test::temporary_folder folder;
    replay_store replays = replay_store::open(folder.file("digest.cache"), unix_time{}, true);
    decision_log decisions;
    std::shared_ptr<const rulebook> rules;
    std::optional<pipeline> line;
    std::vector<access_decision> opened;
    std::vector<attempt> others; ///< granted, but no ports
    std::function<void()> on_open = [] {};
    std::deque<std::function<void(gpg_desk::answer)>> questions; ///< for GnuPG, not answered yet
    bool commits_later = false; ///< set before `build`: the test commits
    int commits_asked = 0;
    source_budget::limits budget{}; ///< set before `build`
    moment now{std::chrono::steady_clock::time_point{std::chrono::seconds{1000}},
               from_seconds(fwknop::test::noon)};

    /// Begins afresh with these stanzas.
    void build(const std::string& text, bool test_mode = false) {
        parse(text);
        INFO(error());
        REQUIRE_FALSE(report.failed());
        rules = std::make_shared<rulebook>(configuration{server, std::move(stanzas)});
        line.emplace(
            rules, replays, decisions,
            [this](const attempt& granted, const datagram&) {
                CHECK(granted.entry->number >= 1);
                on_open();
                if (const auto* const ports = std::get_if<access_decision>(&granted.outcome)) {
                    opened.push_back(*ports);
                } else {
                    others.push_back(granted);
                }
            },
            test_mode,
            [this](const gpg_settings&, const gpg_envelope&,
                   std::function<void(gpg_desk::answer)> done) {
                questions.push_back(std::move(done));
            },
            commits_later ? [this] { ++commits_asked; } : std::function<void()>{}, budget);
    }

    void receive(const std::string& payload, std::string_view source = "192.0.2.7") {
        // Exactly as many bytes as there are, so that a sanitizer sees a read past the end.
        const auto exact = std::make_unique<char[]>(payload.size());
        payload.copy(exact.get(), payload.size());
        line->receive(fwknop::test::datagram_of({exact.get(), payload.size()}, source), now);
    }

    /// Every counter that is not zero, by name, e.g. "received 2, granted 1, stale 1".
    [[nodiscard]] std::string counted() const {
        const packet_counters& all = line->counters();
        std::string out;
        const auto add = [&out](std::string_view name, std::uint64_t count) {
            if (count == 0) return;
            out.append(out.empty() ? "" : ", ").append(name).append(" ");
            out.append(std::to_string(count));
        };
        add("received", all.received);
        add("unexpected", all.unexpected);
        add("withheld", all.withheld);
        add("replayed", all.replayed);
        add("not_recorded", all.not_recorded);
        add("granted", all.granted);
        for (std::size_t i = 0; i < all.by_error.size(); ++i) {
            add(i == 0 ? "other" : message_of(static_cast<errc>(i)), all.by_error[i]);
        }
        for (std::size_t i = 0; i < all.by_refusal.size(); ++i) {
            add(name_of(static_cast<refusal>(i)), all.by_refusal[i]);
        }
        return out;
    }
    [[nodiscard]] std::string file() const { return folder.read("digest.cache"); }
};

/// One stanza, for packets with our keys from anywhere.
inline const std::string ours = "SOURCE ANY\n" + fwknop::test::our_keys;

} // namespace fwknop::daemon::test
