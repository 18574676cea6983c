// SPDX-License-Identifier: Apache-2.0
#include "core/policy/decision.hpp"

#include "core/policy/cycle_command.hpp"
#include "core/policy/nat_plan.hpp"
#include "core/spa/command_words.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {
namespace {

[[nodiscard]] refused refuse(refusal reason) {
    refused why;
    why.reason = reason;
    // As ever: who names no valid address gets no second try at a laxer stanza.
    why.final = reason == refusal::allow_address_invalid;
    return why;
}

[[nodiscard]] refused malformed(const boost::system::error_code& error) {
    if (errc_of(error) == errc::allow_address_malformed) {
        return refuse(refusal::allow_address_invalid);
    }
    auto why = refuse(refusal::message_malformed);
    why.detail = error.message();
    return why;
}

/// Nothing when `allow` stands for the source of a packet that has no such source.
[[nodiscard]] std::optional<ip_address> address_to_open(const ip_address& allow,
                                                        const ip_address& source) {
    // Unmapped first: ::ffff:0.0.0.0 must not get through as an address of its own.
    const auto plain = allow.unmapped();
    if (!plain.is_unspecified()) return plain;
    if (plain.is_v6() && source.is_v4()) return std::nullopt;
    return source;
}

[[nodiscard]] bool allows(const stanza& entry, const service& door) {
    return (!entry.open_ports || entry.open_ports->contains(door)) &&
           !entry.restrict_ports.contains(door);
}

[[nodiscard]] std::chrono::seconds timeout_of(const message& request, const stanza& entry) {
    const auto positive = [](std::chrono::seconds value, std::chrono::seconds otherwise) {
        return value.count() > 0 ? value : otherwise;
    };
    if (has_client_timeout(request.type) && request.client_timeout > 0) {
        return std::min(std::chrono::seconds{request.client_timeout},
                        positive(entry.max_timeout, default_max_timeout));
    }
    return positive(entry.access_timeout, default_access_timeout);
}

[[nodiscard]] bool names_somebody(const account_name& name) {
    return !name.text.empty() && name.text != "root";
}

/// `<SUDO_EXE> [-u user] [-g group]`
[[nodiscard]] std::vector<std::string> sudo_words(const command_settings& settings,
                                                  const std::string& program) {
    std::vector<std::string> words{program};
    if (names_somebody(settings.sudo_user)) {
        words.insert(words.end(), {"-u", settings.sudo_user.text});
    }
    if (names_somebody(settings.sudo_group)) {
        words.insert(words.end(), {"-g", settings.sudo_group.text});
    }
    return words;
}

[[nodiscard]] decision decide_command(command_request asked, const ip_address& source,
                                      const message& request, const stanza& entry,
                                      const server_config& server) {
    const command_settings& settings = entry.command;
    if (!settings.enabled || entry.cycle.enabled()) return refuse(refusal::command_not_allowed);
    auto words = split_command_words(asked.command);
    const char* problem = nullptr;
    if (!words) {
        problem = "the command has a quote that is not closed, ends in a backslash, or has a zero "
                  "byte";
    } else if (words->empty() || words->front().empty()) {
        problem = "the command names no program";
    } else if (settings.by_sudo &&
               (words->front().front() == '-' || words->front().find('=') != std::string::npos)) {
        // sudo would take them for options and variables of its own: `-u root` among others.
        problem = "the command begins with what sudo takes for itself";
    }
    if (problem != nullptr) {
        auto why = refuse(refusal::message_malformed);
        why.detail = problem;
        return why;
    }
    command_decision run;
    run.source = source;
    if (settings.by_sudo) run.words = sudo_words(settings, server.sudo_exe);
    run.words.insert(run.words.end(), words->begin(), words->end());
    run.command = std::move(asked.command);
    run.run_as = settings.run_as;
    run.other_user = names_somebody(settings.user) || names_somebody(settings.group);
    run.time_limit = std::chrono::seconds{server.cmd_exec_timeout};
    run.user = request.user;
    return run;
}

/// `values` has what is the same for every port, but for the times.
[[nodiscard]] cycle_decision decide_cycle(const std::vector<service>& doors, cycle_values values,
                                          const message& request, const stanza& entry,
                                          const server_config& server) {
    const bool asks = has_client_timeout(request.type) && request.client_timeout > 0;
    values.timeout = asks ? std::chrono::seconds{request.client_timeout} : entry.cycle.timer;
    values.expires = request.time + values.timeout.count();
    values.user = request.user;
    values.stanza = entry.number;

    cycle_decision cycle;
    cycle.source = values.allow;
    for (const service& door : doors) {
        values.door = door;
        cycle.runs.push_back({fill_cycle_words(entry.cycle.open_words, values),
                              fill_cycle_words(entry.cycle.close_words, values)});
    }
    cycle.close_after = values.timeout;
    cycle.run_as = entry.cycle.run_as;
    cycle.time_limit = std::chrono::seconds{server.cmd_exec_timeout};
    cycle.user = request.user;
    return cycle;
}

} // namespace

decision decide(const message& request, const stanza& entry, const server_config& server,
                const ip_address& packet_source, const ip_address& packet_destination,
                std::uint16_t packet_destination_port, unix_time now, bool check_age,
                const std::optional<ip_address>& forwarded_for) {
    if (entry.has_expired(now)) return refuse(refusal::stanza_expired);
    if (check_age) {
        const auto difference = to_seconds(now) - request.time;
        const auto age = difference < 0 ? -difference : difference;
        if (age > static_cast<std::int64_t>(server.max_packet_age)) {
            auto why = refuse(refusal::stale);
            why.seconds = age;
            return why;
        }
    }

    const bool is_command = request.type == message_type::command;
    access_request asked;
    command_request asked_command;
    if (is_command) {
        auto command = parse_command_message(request.text);
        if (!command) return malformed(command.error());
        asked.allow = command->allow;
        asked_command = std::move(*command);
    } else {
        auto access = parse_access_message(request.text);
        if (!access) return malformed(access.error());
        asked = std::move(*access);
    }

    if (entry.require_source_address && asked.allow.unmapped().is_unspecified()) {
        return refuse(refusal::source_address_required);
    }
    const auto source =
        address_to_open(asked.allow, forwarded_for.value_or(packet_source).unmapped());
    if (!source) return refuse(refusal::allow_address_invalid);

    if (entry.require_username && *entry.require_username != request.user) {
        auto why = refuse(refusal::user_mismatch);
        why.detail = request.user;
        why.required = *entry.require_username;
        return why;
    }
    if (!nat_allowed(request.type, server)) return refuse(refusal::nat_not_allowed);
    if (is_command) {
        return decide_command(std::move(asked_command), *source, request, entry, server);
    }
    if (!std::ranges::all_of(asked.services,
                             [&](const service& door) { return allows(entry, door); })) {
        return refuse(refusal::port_denied);
    }
    if (entry.cycle.enabled()) {
        cycle_values values;
        values.allow = *source;
        values.packet_source = packet_source.unmapped();
        values.packet_destination = packet_destination.unmapped();
        values.packet_port = packet_destination_port;
        return decide_cycle(asked.services, std::move(values), request, entry, server);
    }
    auto nat = plan_nat(request, entry, server, *source);
    if (nat.no) return *std::move(nat.no);

    access_decision granted;
    granted.source = {*source, source->is_v4() ? entry.widen.v4_prefix : entry.widen.v6_prefix};
    if (server.destination_rule) {
        // No rule can have an address of each family, and one without destination is too wide.
        granted.destination = packet_destination.unmapped();
        if (granted.destination->family() != source->family()) {
            return refuse(refusal::allow_address_invalid);
        }
    }
    granted.services = std::move(asked.services);
    granted.timeout = timeout_of(request, entry);
    granted.user = request.user;
    granted.nat = nat.route;
    granted.nat_host = std::move(nat.host);
    return granted;
}

std::string refusal_text(const refused& why, std::size_t stanza_number,
                         const ip_address& packet_source) {
    const auto source = packet_source.unmapped().to_string();
    const auto number = "(stanza #" + std::to_string(stanza_number) + ") ";
    auto head = "[" + source + "] " + number;
    switch (why.reason) {
    case refusal::stanza_expired:
        return head + "Access stanza has expired";
    case refusal::stale:
        return head + "SPA data time difference is too great (" + std::to_string(why.seconds) +
               " seconds).";
    case refusal::message_malformed:
        return head + "Error parsing SPA message string: " + why.detail;
    case refusal::allow_address_invalid:
        return head + "Invalid source IP in SPA message, ignoring SPA packet";
    case refusal::source_address_required:
        return head + "Got 0.0.0.0 when valid source IP was required.";
    case refusal::user_mismatch:
        return head + "Username in SPA data (" + why.detail +
               ") does not match required username: " + why.required;
    case refusal::nat_not_allowed:
        return number + "SPA packet from " + source +
               " requested NAT access, but is not enabled/supported";
    case refusal::nat_host_name_disabled:
        return head + "Received Hostname in NAT SPA message, but hostname is disabled.";
    case refusal::nat_target_unusable:
        return head + "The NAT target cannot be used: " + why.detail;
    case refusal::command_not_allowed:
        return head + "SPA Command messages are not allowed in the current configuration.";
    case refusal::port_denied:
        return head + "One or more requested protocol/ports was denied per access.conf.";
    case refusal::signature_missing:
    case refusal::signature_bad:
    case refusal::signature_untrusted:
        return head + "Error creating fko context: " + why.detail;
    case refusal::wrong_signer:
        if (why.required == "GPG_REMOTE_ID") {
            return head + "Incoming SPA packet signed by ID: " + why.detail +
                   ", but that ID is not in the GPG_REMOTE_ID list.";
        }
        return head + "Incoming SPA packet signed by: " + why.detail +
               ", but that fingerprint is not in the GPG_FINGERPRINT_ID list.";
    case refusal::end_:
        break;
    }
    return head;
}

std::string_view name_of(refusal reason) noexcept {
    switch (reason) {
    case refusal::stanza_expired:
        return "stanza_expired";
    case refusal::stale:
        return "stale";
    case refusal::message_malformed:
        return "message_malformed";
    case refusal::allow_address_invalid:
        return "allow_address_invalid";
    case refusal::source_address_required:
        return "source_address_required";
    case refusal::user_mismatch:
        return "user_mismatch";
    case refusal::nat_not_allowed:
        return "nat_not_allowed";
    case refusal::nat_host_name_disabled:
        return "nat_host_name_disabled";
    case refusal::nat_target_unusable:
        return "nat_target_unusable";
    case refusal::command_not_allowed:
        return "command_not_allowed";
    case refusal::port_denied:
        return "port_denied";
    case refusal::signature_missing:
        return "signature_missing";
    case refusal::signature_bad:
        return "signature_bad";
    case refusal::signature_untrusted:
        return "signature_untrusted";
    case refusal::wrong_signer:
        return "wrong_signer";
    case refusal::end_:
        break;
    }
    return "unknown";
}

} // namespace fwknop
