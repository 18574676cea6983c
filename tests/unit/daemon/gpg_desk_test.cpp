// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/gpg_knock.hpp"
#include "daemon/log_lines.hpp"
#include "daemon/pipeline.hpp"
#include "policy/access_fixture.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using client::test::temporary_folder;
using fwknop::daemon::test::log_lines;

namespace {

const std::string gpg_hmac = "SOURCE ANY\n" + gpg_lines + hmac_line;
const std::string symmetric = "SOURCE ANY\n" + our_keys;

/// A pipeline and a GnuPG that answers when it is told to.
struct desk : access_fixture {
    log_lines log;
    temporary_folder folder;
    replay_store replays = replay_store::open(folder.file("digest.cache"), unix_time{}, true);
    decision_log decisions;
    std::optional<pipeline> line;
    std::deque<std::function<void(gpg_desk::answer)>> questions; ///< not answered yet
    std::vector<std::size_t> opened;                             ///< numbers of stanzas
    moment now{std::chrono::steady_clock::time_point{std::chrono::seconds{1000}},
               from_seconds(noon)};

    std::shared_ptr<const rulebook> rules(const std::string& text) {
        parse(text);
        INFO(error());
        REQUIRE_FALSE(report.failed());
        return std::make_shared<rulebook>(configuration{server, std::move(stanzas)});
    }
    void build(const std::string& text, bool test_mode = false) {
        line.emplace(
            rules(text), replays, decisions,
            [this](const attempt& granted, const datagram& packet) {
                CHECK(packet.destination_port == 62201);
                opened.push_back(granted.entry->number);
            },
            test_mode,
            [this](const gpg_settings&, const gpg_envelope&,
                   std::function<void(gpg_desk::answer)> done) {
                questions.push_back(std::move(done));
            });
    }
    void receive(const std::string& payload, std::string_view source = "192.0.2.7") {
        // Gone afterwards, as a capture's buffer is.
        const auto exact = std::make_unique<char[]>(payload.size());
        payload.copy(exact.get(), payload.size());
        line->receive(datagram_of({exact.get(), payload.size()}, source), now);
    }
    void answer(gpg_desk::answer what) {
        REQUIRE_FALSE(questions.empty());
        const auto done = std::move(questions.front());
        questions.pop_front();
        done(std::move(what));
    }
    void answer(const gpg_knock& knock) {
        answer(gpg::decrypted{knock.decrypted(), {good_signature()}});
    }
    void fail(gpg::failure_kind kind, const std::string& text = "why") {
        answer(gpg::failure{kind, text});
    }
    [[nodiscard]] std::uint64_t errors(errc what) const {
        return line->counters().by_error[static_cast<std::size_t>(what)];
    }
};

} // namespace

TEST_CASE_METHOD(desk, "a packet for GPG opens when GnuPG has answered, and is on record") {
    build(gpg_hmac);
    const auto knock = seal_gpg();
    receive(knock.payload);
    CHECK(opened.empty());
    CHECK(line->waiting() == 1);
    CHECK(replays.size() == 0);
    answer(knock);
    CHECK(opened == std::vector<std::size_t>{1});
    CHECK(line->waiting() == 0);
    CHECK(line->counters().granted == 1);
    CHECK(replays.size() == 1);
    receive(knock.payload);
    CHECK(line->counters().replayed == 1);
    CHECK(questions.empty());
    bool named = false;
    for (const auto& each : log.take())
        named = named || each == "[192.0.2.7] (stanza #1) Incoming SPA data signed by '00112233' "
                                 "(fingerprint '00112233445566778899AABBCCDDEEFF00112233').";
    CHECK(named);
}

TEST_CASE_METHOD(desk, "a symmetric packet does not wait for GnuPG") {
    build(gpg_hmac + symmetric);
    for (std::size_t i = 0; i < 2 * gpg_desk::max_waiting; ++i) receive(seal_gpg().payload);
    receive(seal());
    CHECK(opened == std::vector<std::size_t>{2});
}

TEST_CASE_METHOD(desk, "few packets are with GnuPG, some wait, the rest is dropped and counted") {
    build(gpg_hmac);
    constexpr std::size_t all = gpg_desk::max_working + gpg_desk::max_waiting;
    std::deque<gpg_knock> knocks;
    for (std::size_t i = 0; i < all + 5; ++i) {
        knocks.push_back(seal_gpg());
        receive(knocks.back().payload);
        CHECK(questions.size() == std::min(i + 1, gpg_desk::max_working));
    }
    CHECK(line->waiting() == all);
    CHECK(line->counters().for_gpg == all);
    CHECK(errors(errc::gpg_overloaded) == 5);
    CHECK(line->room() == 0);
    // In the order of arrival; and there is room again after each.
    for (std::size_t i = 0; i < all; ++i) {
        answer(knocks[i]);
        CHECK(opened.size() == i + 1);
    }
    CHECK(line->waiting() == 0);
    CHECK(line->room() == all);
    // What was dropped is not on record: it may come again.
    receive(knocks.back().payload);
    answer(knocks.back());
    CHECK(opened.size() == all + 1);
}

TEST_CASE_METHOD(desk, "a copy of what GnuPG has is neither decrypted nor granted twice") {
    build(gpg_hmac);
    const auto knock = seal_gpg();
    receive(knock.payload);
    receive(knock.payload);
    CHECK(line->waiting() == 1);
    CHECK(line->counters().replayed == 1);
    answer(knock);
    CHECK(opened.size() == 1);
    CHECK(questions.empty());
}

TEST_CASE_METHOD(desk, "a copy from the wrong place does not take the right one's turn") {
    build("SOURCE 198.51.100.0/24\nGPG_HOME_DIR /other\n" + gpg_lines + hmac_line +
          "SOURCE 192.0.2.0/24\n" + gpg_lines + hmac_line);
    const auto knock = seal_gpg();
    receive(knock.payload, "198.51.100.1"); // captured, and faster
    receive(knock.payload);
    CHECK(line->waiting() == 2);
    CHECK(questions.size() == 1);
    fail(gpg::failure_kind::secret_key);
    CHECK(opened.empty());
    answer(knock);
    CHECK(opened == std::vector<std::size_t>{2});

    // The other way round the later one is a replay.
    const auto next = seal_gpg();
    receive(next.payload);
    receive(next.payload, "198.51.100.1");
    answer(next);
    CHECK(opened.size() == 2);
    CHECK(questions.empty());
    CHECK(line->counters().replayed == 1);
    CHECK(line->waiting() == 0);
}

TEST_CASE_METHOD(desk, "copies from many places do not fill the line") {
    build(gpg_hmac);
    const auto knock = seal_gpg();
    for (int i = 1; i < 30; ++i) receive(knock.payload, "192.0.2." + std::to_string(i));
    CHECK(line->waiting() == gpg_desk::max_copies);
    answer(knock);
    CHECK(opened.size() == 1);
    CHECK(line->waiting() == 0);
}

TEST_CASE_METHOD(desk, "what GnuPG cannot open is counted, and the next stanza has its turn") {
    build(gpg_hmac + "SOURCE ANY\nGPG_HOME_DIR /other\n" + gpg_lines + hmac_line);
    const auto knock = seal_gpg();
    receive(knock.payload);
    fail(gpg::failure_kind::message);
    answer(knock);
    CHECK(opened == std::vector<std::size_t>{2});

    receive(seal_gpg().payload);
    static_cast<void>(log.take());
    fail(gpg::failure_kind::secret_key);
    fail(gpg::failure_kind::agent, "no gpg-agent");
    CHECK(errors(errc::decryption_failed) == 1);
    CHECK(errors(errc::gpg_failed) == 1);
    CHECK(log.take().front() == "[192.0.2.7] (stanza #2) GPG ERROR: no gpg-agent");
    CHECK(replays.size() == 1);
}

TEST_CASE_METHOD(desk, "rules that change while GnuPG works count") {
    build(gpg_hmac);
    const auto knock = seal_gpg();
    receive(knock.payload);
    line->use(rules(symmetric));
    answer(knock);
    CHECK(opened.empty());
    CHECK(line->waiting() == 0);

    line->use(rules(gpg_hmac));
    const auto next = seal_gpg();
    receive(next.payload);
    line->use(rules(symmetric + gpg_hmac));
    answer(next); // asked by the old rules
    CHECK(opened.empty());
    answer(next);
    CHECK(opened == std::vector<std::size_t>{2});
}

TEST_CASE_METHOD(desk, "a desk that is closed, or gone, ignores late answers") {
    build(gpg_hmac);
    const auto knock = seal_gpg();
    receive(knock.payload);
    line->close();
    answer(knock);
    CHECK(opened.empty());
    receive(seal_gpg().payload);
    CHECK(questions.empty());

    build(gpg_hmac);
    receive(knock.payload);
    line.reset();
    answer(knock);
    CHECK(opened.empty());
}

TEST_CASE_METHOD(desk, "option --test says so and opens nothing") {
    build(gpg_hmac, true);
    const auto knock = seal_gpg();
    receive(knock.payload);
    answer(knock);
    CHECK(opened.empty());
    CHECK(log.take().back() ==
          "[192.0.2.7] (stanza #1) --test mode enabled, skipping firewall manipulation.");
}

TEST_CASE_METHOD(desk, "a stranger's unsigned packets have few lines and leave no trace") {
    build("SOURCE ANY\n" + gpg_lines);
    for (int i = 0; i < 20; ++i) {
        const auto knock = seal_gpg(access_message(), "");
        receive(knock.payload);
        answer(gpg::decrypted{knock.decrypted(), {}});
    }
    CHECK(replays.size() == 0);
    CHECK(log.take().size() == decision_log::stranger_packets);
    CHECK(line->counters().by_refusal[static_cast<std::size_t>(refusal::signature_missing)] == 20);
}
