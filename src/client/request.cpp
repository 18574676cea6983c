// SPDX-License-Identifier: Apache-2.0
#include "client/request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace fwknop::client {
namespace {

problem invalid_message(const std::string& why) {
    return failure("fwknop: fko_set_spa_message: Error 102 - Invalid SPA access message format: " +
                   why);
}

struct nat_request {
    std::string host;
    std::optional<std::uint16_t> port;
};

checked<std::uint16_t> nat_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || rest != end || port == 0)
        return failure("[*] Invalid port value in -N arg. It must be within [1-65535], not '" +
                       std::string{text} + "'.");
    return port;
}

/// `HOST`, `HOST:PORT` or `HOST,PORT`; an IPv6 host takes the comma, or brackets and the colon.
checked<nat_request> parse_nat(std::string_view text) {
    nat_request nat;
    std::optional<std::string_view> port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == text.npos)
            return failure("[*] Invalid NAT destination '" + std::string{text} +
                           "' for -N arg: the ] is missing.");
        nat.host = text.substr(1, end - 1);
        const auto rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':' && rest.front() != ',')
            return failure("[*] Invalid NAT destination '" + std::string{text} +
                           "' for -N arg: :PORT shall follow the ].");
        if (!rest.empty()) port = rest.substr(1);
    } else {
        auto separator = text.find(',');
        if (separator == text.npos && std::count(text.begin(), text.end(), ':') == 1)
            separator = text.find(':');
        nat.host = text.substr(0, separator);
        if (separator != text.npos) port = text.substr(separator + 1);
    }
    if (port) {
        const auto number = nat_port(*port);
        if (!number) return number.error();
        nat.port = *number;
    }
    return nat;
}

std::string without_brackets(const std::string& host) {
    return host.size() > 2 && host.front() == '[' && host.back() == ']'
               ? host.substr(1, host.size() - 2)
               : host;
}

/// The NAT field: -N's host, else for local NAT the destination as typed; -N's port, else -A's.
checked<std::string> nat_field(const settings& from, std::uint16_t access_port) {
    nat_request nat{without_brackets(from.destination), {}};
    if (!from.nat_access.empty()) {
        auto parsed = parse_nat(from.nat_access);
        if (!parsed) return parsed.error();
        nat = std::move(*parsed);
    }
    const auto field = nat.host + ',' + std::to_string(nat.port.value_or(access_port));
    if (const auto valid = parse_nat_access(field); !valid || nat.host.empty())
        return failure("[*] Invalid NAT destination '" + nat.host +
                       "' for -N arg: " + (valid ? "it is empty" : valid.error().message()) + ".");
    return field;
}

std::string access_text(const ip_address& allow, const std::vector<service>& services) {
    auto text = allow.to_string();
    for (const auto& each : services) (text += ',') += to_string(each);
    return text;
}

/// The source address must be one that the packet can have.
checked<void> check_spoofing(const settings& from) {
    if (!from.spoof_source) return {};
    if (!is_raw(from.protocol))
        return failure("Must set -P <udpraw|tcpraw|icmp> with a spoofed source IP");
    const bool v6 = from.spoof_source->is_v6();
    const auto literal = ip_address::parse(without_brackets(from.destination));
    if (literal && literal->is_v6() != v6)
        return failure("-Q/--spoof-source " + from.spoof_source->to_string() + " cannot send to " +
                       literal->to_string() + ": give two IPv4 addresses, or two IPv6 addresses");
    if (from.family == (v6 ? family_choice::v4_only : family_choice::v6_only))
        return failure("-Q/--spoof-source " + from.spoof_source->to_string() +
                       " does not go with " + (v6 ? "-4" : "-6") + ": leave one of them out");
    return {};
}

checked<void> add_command(request& to, const settings& from, const ip_address& allow) {
    if (!from.nat_access.empty() || from.nat_local)
        return failure("-C/--server-cmd cannot be combined with NAT access: leave out -N, "
                       "--nat-access and --nat-local.");
    to.message.type = message_type::command;
    to.message.text = allow.to_string() + ',' + from.command;
    return {};
}

checked<void> add_access(request& to, const settings& from, const circumstances& given) {
    auto services = parse_services(from.access);
    if (!services) return invalid_message(services.error().message() + " in '" + from.access + "'");
    const auto asked_port = services->front().port;
    const auto replaced = from.nat_random_port ? given.random_port : from.nat_port;
    if (replaced != 0) {
        if (services->size() != 1)
            return failure("[*] NAT for multiple ports/protocols not yet supported.");
        services->front().port = replaced;
    }
    const auto tcp = std::find_if(services->begin(), services->end(), [](const service& each) {
        return each.protocol == protocol::tcp;
    });
    if (tcp != services->end()) to.tcp_port = tcp->port;
    to.message.text = access_text(given.allow, *services);
    if (from.nat_access.empty() && !from.nat_local) return {};

    auto nat = nat_field(from, asked_port);
    if (!nat) return nat.error();
    to.message.type = from.nat_local ? message_type::local_nat_access : message_type::nat_access;
    if (from.nat_random_port)
        to.announcement = "[+] Randomly assigned port '" + std::to_string(replaced) + "' on: '" +
                          to.message.text + "' will grant access to: '" + *nat + "'";
    to.message.nat_access = std::move(*nat);
    return {};
}

} // namespace

checked<void> check_completeness(const settings& from) {
    if (from.destination.empty() && !from.test)
        return failure("Must use --destination unless --test mode is used");
    if (from.allow_source == allow_from::nothing && !from.resolve)
        return failure("Must use one of [-s|-R|-a] to specify IP for SPA access.");
    if (const auto spoof = check_spoofing(from); !spoof) return spoof.error();
    if (!from.http_proxy.empty() && from.protocol != carrier::http)
        return failure("Cannot set --http-proxy with a non-HTTP protocol.");
    if (from.access.empty() && from.command.empty())
        return invalid_message("-A/--access or -C/--server-cmd is missing");
    if (from.use_gpg && from.gpg_recipient.empty())
        return failure("Must specify --gpg-recipient-key when GPG is used.");
    return {};
}

ip_address source_placeholder(const settings& from) {
    const auto literal = ip_address::parse(without_brackets(from.destination));
    const bool only_v6 = from.family == family_choice::v6_only || (literal && literal->is_v6());
    return only_v6 ? ip_address::v6(std::array<std::uint8_t, 16>{}) : ip_address{};
}

checked<request> build_request(const settings& from, const circumstances& given) {
    request built;
    auto& message = built.message;
    message.user = given.user;
    message.time = given.now + from.time_offset;
    message.version = protocol_version;
    const auto added = from.command.empty() ? add_access(built, from, given)
                                            : add_command(built, from, given.allow);
    if (!added) return added.error();
    if (from.wait && built.tcp_port == 0)
        return failure("--wait needs a TCP port to connect to: ask for one with -A, e.g. tcp/22");
    if (message.text.size() > max_message_size)
        return failure("The request is too long: " + std::to_string(message.text.size()) +
                       " characters, at most " + std::to_string(max_message_size) + " fit.");
    // A command has no slot for a timeout; clients of the 2.6 line print it all the same.
    message.client_timeout = from.timeout;
    if (message.type != message_type::command)
        message.type = with_timeout(message.type, from.timeout);
    return built;
}

} // namespace fwknop::client
