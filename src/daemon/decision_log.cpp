// SPDX-License-Identifier: Apache-2.0
#include "daemon/decision_log.hpp"

#include "core/spa/text.hpp"
#include "daemon/log.hpp"

#include <fwknop/report.hpp>

#include <array>
#include <ctime>

namespace fwknop::daemon {

namespace {

std::string stanza_tag(const stanza& entry) {
    return "(stanza #" + std::to_string(entry.number) + ")";
}

std::string source_and_stanza(const datagram& packet, const stanza& entry) {
    return "[" + packet.source.to_string() + "] " + stanza_tag(entry) + " ";
}

std::string match_line(const datagram& packet, const stanza& entry) {
    return stanza_tag(entry) + " SPA Packet from IP: " + packet.source.to_string() +
           " received with access source match";
}

std::string signer_line(const datagram& packet, const attempt& each) {
    const auto id =
        each.signer.substr(each.signer.size() - std::min<std::size_t>(8, each.signer.size()));
    return source_and_stanza(packet, *each.entry) + "Incoming SPA data signed by '" + id +
           "' (fingerprint '" + each.signer + "').";
}

bool is_hmac_failure(errc error) noexcept {
    return error == errc::hmac_mismatch || error == errc::hmac_missing;
}

std::string failure_line(const datagram& packet, const stanza& entry, errc error) {
    const std::string head = source_and_stanza(packet, entry);
    if (is_hmac_failure(error)) {
        return head + "Non-corresponding HMAC for this stanza";
    }
    return head + "Error creating fko context: " + message_of(error);
}

// As operators know it: local time, MM/DD/YY HH:MM:SS.
std::string entry_time(unix_time time) {
    const std::time_t seconds = to_seconds(time);
    std::tm local{};
    std::array<char, 32> text{};
    if (localtime_r(&seconds, &local) == nullptr) return std::to_string(seconds);
    const std::size_t size = std::strftime(text.data(), text.size(), "%m/%d/%y %H:%M:%S", &local);
    return {text.data(), size};
}

log::event event_of(log::event_kind kind, const datagram& packet, const stanza& entry) {
    log::event what{.kind = kind, .source = packet.source.to_string()};
    what.stanza = entry.number;
    what.name = entry.name;
    return what;
}

// Who asked for what, as far as that may be shown: a command that did not run may not.
void add_request(log::event& what, const verdict& result) {
    if (!result.packet) return;
    const message& request = result.packet->message;
    what.user = request.user;
    if (request.type == message_type::command) return;
    if (const auto asked = parse_access_message(request.text)) {
        what.access = log::access_of(asked->services);
    }
}

gpg_report report_of(const gpg_settings& entry, const std::optional<gpg_signature>& signature) {
    gpg_report out{.signer = std::nullopt,
                   .recipient = entry.decrypt_id,
                   .check_signature = entry.check_signature,
                   .ignore_verify_error = entry.ignore_verify_error,
                   .home = entry.home_dir,
                   .program = entry.program};
    if (!signature) return out;
    out.signature_id = signature->short_id();
    out.fingerprint = signature->fingerprint;
    out.summary = static_cast<int>(signature->summary);
    out.status = static_cast<int>(signature->status);
    return out;
}

void log_fields(const verdict& result) {
    if (!log::enabled(log::level::debug) || !result.packet || result.opened_by == nullptr) return;
    // Nobody gets to read a command that did not run: it may be for another machine.
    if (result.granted() == nullptr && result.packet->message.type == message_type::command) return;
    const stanza& entry = *result.opened_by;
    const auto hmac = entry.hmac ? std::optional{entry.hmac->type()} : std::nullopt;
    std::optional<gpg_report> gpg;
    if (result.by_gpg) gpg = report_of(entry.gpg, result.signature);
    const auto mode = result.by_gpg ? encryption_mode::asymmetric : entry.encryption->mode;
    log::debug(describe_packet(*result.packet, mode, hmac, result.packet->ciphertext,
                               gpg ? &*gpg : nullptr));
}

} // namespace

std::array<line_budget, decision_log::stranger_kinds> decision_log::make_budgets() {
    std::array<line_budget, stranger_kinds> budgets{};
    budgets.fill(line_budget{stranger_packets, interval});
    return budgets;
}

bool decision_log::within_budget(stranger kind, moment now) {
    return budgets_[static_cast<std::size_t>(kind)].take(now.steady);
}

void decision_log::judged(const datagram& packet, const verdict& result, bool test_mode,
                          moment now) {
    if (!result.authenticated()) {
        failed(packet, result, now);
        return;
    }
    for (const auto& each : result.attempts) {
        const stanza& entry = *each.entry;
        if (const auto* const error = std::get_if<errc>(&each.outcome)) {
            // Somebody else's stanza in front of the right one is nothing to report, nor
            // worth putting a line together that nobody sees.
            if (log::enabled(log::level::debug)) {
                log::debug(failure_line(packet, entry, *error));
            }
            continue;
        }
        log::info(match_line(packet, entry));
        if (!each.signer.empty()) log::info(signer_line(packet, each));
        if (const auto* const why = std::get_if<refused>(&each.outcome)) {
            log::event what = event_of(log::event_kind::refuse, packet, entry);
            add_request(what, result);
            what.reason = name_of(why->reason);
            log::warning(refusal_text(*why, entry.number, packet.source), what);
        } else if (test_mode) {
            const bool opens = std::holds_alternative<access_decision>(each.outcome);
            log::info(source_and_stanza(packet, entry) + "--test mode enabled, skipping " +
                      (opens ? "firewall manipulation." : "command execution."));
        } else if (const auto* const run = std::get_if<command_decision>(&each.outcome)) {
            log::info(source_and_stanza(packet, entry) +
                      "Processing SPA Command message: command='" + escaped(run->command) + "'.");
        }
    }
    log_fields(result);
}

decision_log::stranger decision_log::kind_of(const refused& why) noexcept {
    return why.reason == refusal::stanza_expired ? stranger::expired_stanza
                                                 : stranger::unsigned_message;
}

// A packet of nobody we know: the budget is asked once, by its first failure.
void decision_log::failed(const datagram& packet, const verdict& result, moment now) {
    if (result.attempts.empty()) return; // no stanza for that destination
    const auto* const first = std::get_if<errc>(&result.attempts.front().outcome);
    const stranger kind = first == nullptr
                              ? kind_of(std::get<refused>(result.attempts.front().outcome))
                          : is_hmac_failure(*first) ? stranger::wrong_hmac
                                                    : stranger::undecryptable;
    const auto severity = within_budget(kind, now) ? log::level::info : log::level::debug;
    if (!log::enabled(severity)) return;
    for (const auto& each : result.attempts) {
        const stanza& entry = *each.entry;
        log::event what = event_of(log::event_kind::refuse, packet, entry);
        if (const auto* const error = std::get_if<errc>(&each.outcome)) {
            what.reason = is_hmac_failure(*error) ? "wrong_hmac" : "not_decryptable";
            log::write(severity, failure_line(packet, entry, *error), what);
        } else {
            const auto& why = std::get<refused>(each.outcome);
            what.reason = name_of(why.reason);
            log::write(severity, refusal_text(why, entry.number, packet.source), what);
        }
    }
}

void decision_log::unexpected(const datagram& packet, moment now) {
    const auto severity =
        within_budget(stranger::unexpected_source, now) ? log::level::info : log::level::debug;
    if (!log::enabled(severity)) return;
    log::write(severity, "No access data found for source IP: " + packet.source.to_string(),
               {.kind = log::event_kind::refuse,
                .source = packet.source.to_string(),
                .reason = "unexpected_source"});
}

void decision_log::replayed(const datagram& packet, const packet_origin& original, moment now) {
    const auto severity =
        within_budget(stranger::replay, now) ? log::level::warning : log::level::debug;
    if (!log::enabled(severity)) return;
    log::write(severity,
               "Replay detected from source IP: " + packet.source.to_string() +
                   ", Destination proto/port: " + std::to_string(packet.protocol) + "/" +
                   std::to_string(packet.destination_port) +
                   ", Original source IP: " + original.source.to_string() +
                   ", Original dst proto/port: " + std::to_string(original.protocol) + "/" +
                   std::to_string(original.destination_port) +
                   ", Entry created: " + entry_time(original.seen),
               {.kind = log::event_kind::replay, .source = packet.source.to_string()});
}

void decision_log::not_recorded(const datagram& packet, const verdict& result,
                                std::string_view why) {
    log::event what = event_of(log::event_kind::error, packet, *result.opened_by);
    add_request(what, result);
    what.reason = why;
    log::error(source_and_stanza(packet, *result.opened_by) +
                   "SPA packet refused because it could not be recorded in the replay file: " +
                   std::string{why},
               what);
}

void decision_log::withheld(const datagram& packet, moment now) {
    const auto severity =
        within_budget(stranger::overload, now) ? log::level::warning : log::level::debug;
    if (!log::enabled(severity)) return;
    log::write(severity,
               "Dropped an SPA packet from IP: " + packet.source.to_string() +
                   ": too many from there failed, and checking them leaves no time for others",
               {.kind = log::event_kind::refuse,
                .source = packet.source.to_string(),
                .reason = "source_over_budget"});
}

void decision_log::gpg_overloaded(const datagram& packet, moment now) {
    const auto severity =
        within_budget(stranger::gpg_overload, now) ? log::level::warning : log::level::debug;
    if (!log::enabled(severity)) return;
    log::write(severity,
               "Dropped an SPA packet from IP: " + packet.source.to_string() +
                   ": too many packets wait for GnuPG",
               {.kind = log::event_kind::refuse,
                .source = packet.source.to_string(),
                .reason = "gpg_overloaded"});
}

void decision_log::gpg_trouble(const datagram& packet, const stanza& entry, std::string_view why,
                               moment now) {
    const auto severity =
        within_budget(stranger::gpg_trouble, now) ? log::level::error : log::level::debug;
    if (!log::enabled(severity)) return;
    log::event what = event_of(log::event_kind::error, packet, entry);
    what.reason = why;
    log::write(severity, source_and_stanza(packet, entry) + "GPG ERROR: " + std::string{why}, what);
}

std::optional<std::chrono::steady_clock::time_point> decision_log::summary_due() const {
    std::optional<std::chrono::steady_clock::time_point> due;
    for (const auto& budget : budgets_) {
        if (budget.suppressed() > 0 && (!due || budget.interval_end() > *due)) {
            due = budget.interval_end();
        }
    }
    return due;
}

void decision_log::sum_up() {
    constexpr std::array<std::string_view, stranger_kinds> names{
        "unexpected source",
        "wrong HMAC",
        "not decryptable",
        "expired stanza",
        "not signed as it must be",
        "more than the source's share of time",
        "too many for GPG",
        "GPG failed",
        "replay"};
    std::string counts;
    for (std::size_t kind = 0; kind < stranger_kinds; ++kind) {
        const std::uint64_t suppressed = budgets_[kind].take_suppressed();
        if (suppressed == 0) continue;
        counts += (counts.empty() ? "" : ", ") + std::string{names[kind]} + " " +
                  std::to_string(suppressed);
    }
    if (!counts.empty()) log::warning("More refused packets, not logged one by one: " + counts);
}

} // namespace fwknop::daemon
