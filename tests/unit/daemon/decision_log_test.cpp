// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/decision_log.hpp"
#include "daemon/knock.hpp"
#include "daemon/listening_socket.hpp"
#include "daemon/log_lines.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <utility>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using fwknop::daemon::test::lines;
using fwknop::daemon::test::log_lines;

namespace {

/// Verdicts made by hand, and the log that is told of them.
struct told {
    log_lines log;
    decision_log decisions;
    stanza entry;
    datagram packet = datagram_of("");
    moment now{std::chrono::steady_clock::time_point{std::chrono::seconds{1000}},
               from_seconds(noon)};

    told() {
        entry.number = 3;
        entry.encryption.emplace(secret_bytes::from_text(pass_phrase));
    }

    using outcome = decltype(attempt::outcome);

    /// For a packet that is nobody's.
    lines judge(outcome what) {
        verdict result;
        result.attempts.push_back({&entry, std::move(what)});
        decisions.judged(packet, result, false, now);
        return log.take();
    }
    /// The same for a packet that authenticated.
    lines judge_opened(outcome what, bool test_mode = false) {
        verdict result;
        result.attempts.push_back({&entry, std::move(what)});
        result.packet.emplace();
        result.opened_by = &entry;
        decisions.judged(packet, result, test_mode, now);
        return log.take();
    }
    lines refuse(refusal reason) { return judge(refused{.reason = reason}); }
};

const std::string match = "(stanza #3) SPA Packet from IP: 192.0.2.7 received with access source "
                          "match";
const std::string head = "[192.0.2.7] (stanza #3) ";

access_decision some_grant() {
    return {.source = at("203.0.113.9"),
            .destination = {},
            .services = {{protocol::tcp, 22}},
            .timeout = std::chrono::seconds{30},
            .user = "alice"};
}

/// Times of the log are local ones.
class time_zone {
  public:
    explicit time_zone(const char* name) {
        if (const char* const before = std::getenv("TZ")) before_ = before;
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    time_zone(const time_zone&) = delete;
    time_zone& operator=(const time_zone&) = delete;
    ~time_zone() {
        if (before_) {
            ::setenv("TZ", before_->c_str(), 1);
        } else {
            ::unsetenv("TZ");
        }
        ::tzset();
    }

  private:
    std::optional<std::string> before_;
};

} // namespace

TEST_CASE_METHOD(told, "a grant is one line, in test mode two") {
    CHECK(judge_opened(some_grant()) == lines{match});
    CHECK(judge_opened(some_grant(), true) ==
          lines{match, head + "--test mode enabled, skipping firewall manipulation."});
}

TEST_CASE_METHOD(told, "a command is told before it runs, on one line") {
    command_decision run;
    run.command = "/bin/echo 'a\nb'";
    CHECK(judge_opened(run) ==
          lines{match, head + "Processing SPA Command message: command='/bin/echo 'a\\x0ab''."});
    const lines skipped{match, head + "--test mode enabled, skipping command execution."};
    CHECK(judge_opened(run, true) == skipped);
    CHECK(judge_opened(cycle_decision{}, true) == skipped);
    CHECK(judge_opened(cycle_decision{}) == lines{match});
}

TEST_CASE_METHOD(told, "refusals of a key's holder have the words that filters know") {
    refused stale{.reason = refusal::stale, .final = false, .seconds = 121};
    CHECK(judge_opened(stale) ==
          lines{match, head + "SPA data time difference is too great (121 seconds)."});
    refused user{.reason = refusal::user_mismatch};
    user.detail = "alice";
    user.required = "bob";
    CHECK(
        judge_opened(user) ==
        lines{match, head + "Username in SPA data (alice) does not match required username: bob"});
    refused malformed{.reason = refusal::message_malformed};
    malformed.detail = "why";
    CHECK(judge_opened(malformed) == lines{match, head + "Error parsing SPA message string: why"});
    CHECK(judge_opened(refused{.reason = refusal::source_address_required}) ==
          lines{match, head + "Got 0.0.0.0 when valid source IP was required."});
    CHECK(judge_opened(refused{.reason = refusal::port_denied}) ==
          lines{match, head + "One or more requested protocol/ports was denied per access.conf."});
    CHECK(
        judge_opened(refused{.reason = refusal::command_not_allowed}) ==
        lines{match, head + "SPA Command messages are not allowed in the current configuration."});
    CHECK(judge_opened(refused{.reason = refusal::nat_not_allowed}) ==
          lines{match, "(stanza #3) SPA packet from 192.0.2.7 requested NAT access, but is not "
                       "enabled/supported"});
    CHECK(judge_opened(refused{.reason = refusal::allow_address_invalid}) ==
          lines{match, head + "Invalid source IP in SPA message, ignoring SPA packet"});
}

TEST_CASE_METHOD(told, "an expired stanza says nothing about the packet") {
    CHECK(refuse(refusal::stanza_expired) == lines{head + "Access stanza has expired"});
}

TEST_CASE_METHOD(told, "what did not authenticate has a line that names its source") {
    CHECK(judge(errc::hmac_mismatch) == lines{head + "Non-corresponding HMAC for this stanza"});
    CHECK(judge(errc::hmac_missing) == lines{head + "Non-corresponding HMAC for this stanza"});
    CHECK(judge(errc::decryption_failed) ==
          lines{head + "Error creating fko context: decryption failed or wrong key"});
}

TEST_CASE_METHOD(told, "somebody else's stanza in front of the right one is nothing to report") {
    verdict result;
    stanza first;
    first.number = 1;
    result.attempts.push_back({&first, errc::hmac_mismatch});
    result.attempts.push_back({&entry, some_grant()});
    result.packet.emplace();
    result.opened_by = &entry;
    decisions.judged(packet, result, false, now);
    CHECK(log.take() == lines{match});

    const log_lines everything{1};
    decisions.judged(packet, result, false, now);
    CHECK_THAT(everything.text(),
               Catch::Contains("[192.0.2.7] (stanza #1) Non-corresponding HMAC for this stanza"));
}

TEST_CASE_METHOD(told, "a packet from nowhere in access.conf has one line") {
    decisions.unexpected(packet, now);
    CHECK(log.take() == lines{"No access data found for source IP: 192.0.2.7"});
}

TEST_CASE_METHOD(told, "a replay names both packets' origins and the first one's local time") {
    const packet_origin original{6,    at("203.0.113.66"), 1234, at("198.51.100.1"),
                                 4444, from_seconds(noon)};
    {
        const time_zone zone{"UTC"};
        decisions.replayed(packet, original, now);
    }
    {
        const time_zone zone{"UTC+5"};
        decisions.replayed(packet, original, now);
    }
    const std::string line =
        "Replay detected from source IP: 192.0.2.7, Destination proto/port: 17/62201, Original "
        "source IP: 203.0.113.66, Original dst proto/port: 6/4444, Entry created: ";
    CHECK(log.take() == lines{line + "11/14/23 22:13:20", line + "11/14/23 17:13:20"});
}

TEST_CASE_METHOD(told, "a packet that is on no record has a line with the reason") {
    verdict result;
    result.opened_by = &entry;
    decisions.not_recorded(packet, result, "No space left on device");
    CHECK(log.take() == lines{head + "SPA packet refused because it could not be recorded in the "
                                     "replay file: No space left on device"});
}

TEST_CASE_METHOD(told, "the fields of a packet are shown to who asks for more") {
    const auto signing =
        hmac_key::make(digest_type::sha256, secret_bytes::from_text(hmac_pass_phrase)).value();
    const std::string payload = seal();
    verdict result;
    result.attempts.push_back({&entry, some_grant()});
    result.packet = open_packet(*examine_payload(payload), *entry.encryption, &signing).value();
    result.opened_by = &entry;
    decisions.judged(packet, result, false, now);
    CHECK(log.take() == lines{match});

    const log_lines everything{1};
    decisions.judged(packet, result, false, now);
    CHECK_THAT(everything.text(), Catch::Contains("SPA Field Values:") &&
                                      Catch::Contains("Message String: 203.0.113.9,tcp/22"));
    CHECK_THAT(everything.text(), !Catch::Contains(std::string{pass_phrase}) &&
                                      !Catch::Contains(std::string{hmac_pass_phrase}));
}

TEST_CASE_METHOD(told, "a flood of junk is a few lines and then a sum") {
    constexpr std::size_t flood = 10'000;
    CHECK_FALSE(decisions.summary_due().has_value());
    struct kind {
        const char* name;
        std::function<void()> happens;
    };
    const auto judged = [this](outcome what) {
        verdict result;
        result.attempts.push_back({&entry, std::move(what)});
        decisions.judged(packet, result, false, now);
    };
    const kind kinds[] = {
        {"unexpected source", [&] { decisions.unexpected(packet, now); }},
        {"wrong HMAC", [&] { judged(errc::hmac_mismatch); }},
        {"wrong HMAC", [&] { judged(errc::hmac_missing); }},
        {"not decryptable", [&] { judged(errc::decryption_failed); }},
        {"expired stanza", [&] { judged(refused{.reason = refusal::stanza_expired}); }},
        {"replay", [&] { decisions.replayed(packet, {}, now); }},
    };
    for (const kind& each : kinds) {
        CAPTURE(each.name);
        now.steady += decision_log::interval;
        for (std::size_t i = 0; i < flood; ++i) each.happens();
        CHECK(log.take().size() == decision_log::stranger_packets);
        REQUIRE(decisions.summary_due().has_value());
        CHECK(*decisions.summary_due() == now.steady + decision_log::interval);

        decisions.sum_up();
        CHECK(log.take() ==
              lines{"More refused packets, not logged one by one: " + std::string{each.name} + " " +
                    std::to_string(flood - decision_log::stranger_packets)});
        CHECK_FALSE(decisions.summary_due().has_value());
        decisions.sum_up();
        CHECK(log.take().empty());
    }
}

TEST_CASE_METHOD(told, "a packet that fails for several stanzas spends its budget once") {
    verdict result;
    for (std::size_t i = 0; i < gatekeeper::max_recorded_failures; ++i) {
        result.attempts.push_back({&entry, errc::hmac_mismatch});
    }
    for (int i = 0; i < 10'000; ++i) decisions.judged(packet, result, false, now);
    CHECK(log.take().size() == gatekeeper::max_recorded_failures * decision_log::stranger_packets);
}

TEST_CASE_METHOD(told, "junk of one kind silences no other, nor a key's holder") {
    for (int i = 0; i < 100; ++i) decisions.unexpected(packet, now);
    static_cast<void>(log.take());
    decisions.unexpected(packet, now);
    CHECK(log.take().empty());
    decisions.replayed(packet, {}, now);
    CHECK(log.take().size() == 1);
    CHECK(judge(errc::hmac_mismatch).size() == 1);
    CHECK(refuse(refusal::stanza_expired).size() == 1);
    CHECK(judge_opened(some_grant()) == lines{match});
    CHECK(judge_opened(refused{.reason = refusal::port_denied}).size() == 2);
    // And strangers again in the next interval.
    now.steady += decision_log::interval;
    decisions.unexpected(packet, now);
    CHECK(log.take().size() == 1);
}

TEST_CASE_METHOD(told, "the sum has every kind, and is due when the last interval ends") {
    for (int i = 0; i < 5; ++i) decisions.unexpected(packet, now);
    now.steady += std::chrono::seconds{10};
    for (int i = 0; i < 6; ++i) decisions.replayed(packet, {}, now);
    static_cast<void>(log.take());
    CHECK(decisions.summary_due() == now.steady + decision_log::interval);
    decisions.sum_up();
    CHECK(log.take() ==
          lines{"More refused packets, not logged one by one: unexpected source 1, replay 2"});
}

TEST_CASE_METHOD(told, "beyond the budget there are lines for who asks for more") {
    for (int i = 0; i < 100; ++i) decisions.unexpected(packet, now);
    log_lines everything{1};
    decisions.unexpected(packet, now);
    CHECK(everything.take() == lines{"No access data found for source IP: 192.0.2.7"});
}

TEST_CASE_METHOD(told, "a command that was refused is shown to nobody") {
    message command = access_message("203.0.113.9,reboot now");
    command.type = message_type::command;
    const std::string payload = seal(command, pass_phrase, "");
    verdict result;
    result.attempts.push_back({&entry, refused{.reason = refusal::command_not_allowed}});
    result.packet = open_packet(*examine_payload(payload), *entry.encryption, nullptr).value();
    result.opened_by = &entry;
    log_lines everything{1};
    decisions.judged(packet, result, false, now);
    const std::string shown = everything.text();
    CHECK_THAT(shown, Catch::Contains("SPA Command messages are not allowed"));
    CHECK_THAT(shown, !Catch::Contains("reboot") && !Catch::Contains("SPA Field Values"));
}

TEST_CASE_METHOD(told,
                 "nor is it in the fields of the journal, which has who sent it and why not") {
    const fwknop::client::test::temporary_folder folder;
    const fwknop::daemon::test::listening_socket listener{folder.file("journal")};
    message command = access_message("203.0.113.9,reboot now");
    command.type = message_type::command;
    const std::string payload = seal(command, pass_phrase, "");
    verdict result;
    result.attempts.push_back({&entry, refused{.reason = refusal::command_not_allowed}});
    result.packet = open_packet(*examine_payload(payload), *entry.encryption, nullptr).value();
    result.opened_by = &entry;
    entry.name = "web";
    log::open({.standard_error = false, .journal = folder.file("journal"), .verbose = 1});
    decisions.judged(packet, result, false, now);
    log::open({});

    const auto entries = listener.all();
    REQUIRE(entries.size() == 2);
    for (const auto& each : entries) CHECK_THAT(each, !Catch::Contains("reboot"));
    auto fields = fwknop::daemon::test::fields_in(entries[1]);
    CHECK(fields["SPA_EVENT"] == "refuse");
    CHECK(fields["SPA_REASON"] == "command_not_allowed");
    CHECK(fields["SPA_SOURCE"] == "192.0.2.7");
    CHECK(fields["SPA_STANZA"] == "3");
    CHECK(fields["SPA_NAME"] == "web");
    CHECK(fields["SPA_USER"] == command.user);
    CHECK_FALSE(fields.contains("SPA_ACCESS"));
}
