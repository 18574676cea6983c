// SPDX-License-Identifier: Apache-2.0
#include "core/spa/text.hpp"

#include <fwknop/message.hpp>

#include <algorithm>
#include <utility>

namespace fwknop {

namespace {

constexpr std::string_view forbidden_in_user = "\"/\\[]:;|=,+*?<>";
constexpr std::string_view forbidden_in_host = " /?\"'\\";

/// A port is written with at most five digits, leading zeros included.
constexpr std::size_t max_port_digits = 5;

result<std::uint16_t> parse_port(std::string_view text, errc malformed) {
    const auto port = parse_digits<std::uint32_t>(text);
    if (!port) {
        const bool all_digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
        return all_digits ? errc::port_out_of_range : malformed;
    }
    if (text.size() > max_port_digits || *port == 0 || *port > 65535) {
        return errc::port_out_of_range;
    }
    return static_cast<std::uint16_t>(*port);
}

result<service> parse_service(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return errc::access_list_malformed;

    const std::string_view name = text.substr(0, slash);
    const bool tcp = name == name_of(protocol::tcp);
    if (!tcp && name != name_of(protocol::udp)) {
        return name.empty() ? errc::access_list_malformed : errc::protocol_unsupported;
    }
    const auto port = parse_port(text.substr(slash + 1), errc::access_list_malformed);
    if (!port) return port.error();
    return service{tcp ? protocol::tcp : protocol::udp, *port};
}

struct address_and_rest {
    ip_address address;
    std::string_view rest;
};

// `<allow-ip>,<rest>`
result<address_and_rest> split_allow_address(std::string_view text) {
    if (text.size() > max_message_size) return errc::message_too_long;
    const std::size_t comma = text.find(',');
    const auto address = ip_address::parse(text.substr(0, comma));
    if (!address) return errc::allow_address_malformed;
    return address_and_rest{*address, comma == std::string_view::npos ? std::string_view{}
                                                                      : text.substr(comma + 1)};
}

} // namespace

message_type with_timeout(message_type type, std::uint32_t seconds) noexcept {
    const bool timeout = seconds > 0;
    switch (type) {
    case message_type::command:
        return type;
    case message_type::access:
    case message_type::access_timeout:
        return timeout ? message_type::access_timeout : message_type::access;
    case message_type::nat_access:
    case message_type::nat_access_timeout:
        return timeout ? message_type::nat_access_timeout : message_type::nat_access;
    case message_type::local_nat_access:
    case message_type::local_nat_access_timeout:
        return timeout ? message_type::local_nat_access_timeout : message_type::local_nat_access;
    }
    return type;
}

std::string_view name_of(message_type type) noexcept {
    switch (type) {
    case message_type::command:
        return "Command msg";
    case message_type::access:
        return "Access msg";
    case message_type::nat_access:
        return "NAT access msg";
    case message_type::access_timeout:
        return "Client timeout access msg";
    case message_type::nat_access_timeout:
        return "Client timeout NAT access msg";
    case message_type::local_nat_access:
        return "Local NAT access msg";
    case message_type::local_nat_access_timeout:
        return "Client timeout local NAT access msg";
    }
    return "Unknown msg";
}

std::string_view name_of(protocol value) noexcept {
    return value == protocol::tcp ? "tcp" : "udp";
}

std::string to_string(const service& value) {
    return std::string{name_of(value.protocol)} + '/' + std::to_string(value.port);
}

result<std::vector<service>> parse_services(std::string_view text) {
    std::vector<service> services;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        const auto each = parse_service(text.substr(0, comma));
        if (!each) return each.error();
        services.push_back(*each);
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);
    }
    return services;
}

result<access_request> parse_access_message(std::string_view text) {
    const auto split = split_allow_address(text);
    if (!split) return split.error();
    auto services = parse_services(split->rest);
    if (!services) return services.error();
    return access_request{split->address, *std::move(services)};
}

result<command_request> parse_command_message(std::string_view text) {
    const auto split = split_allow_address(text);
    if (!split) return split.error();
    if (split->rest.empty()) return errc::command_empty;
    return command_request{split->address, std::string{split->rest}};
}

result<nat_target> parse_nat_access(std::string_view text) {
    if (text.size() > max_nat_access_size) return errc::nat_access_too_long;
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return errc::nat_access_malformed;

    const std::string_view host = text.substr(0, comma);
    if (host.empty() || host.size() > max_nat_host_size ||
        host.find_first_of(forbidden_in_host) != std::string_view::npos ||
        !std::all_of(host.begin(), host.end(), is_printable)) {
        return errc::nat_access_malformed;
    }
    const auto port = parse_port(text.substr(comma + 1), errc::nat_access_malformed);
    if (!port) return port.error();
    return nat_target{std::string{host}, *port};
}

result<void> check_user_name(std::string_view user) {
    if (user.size() > max_user_base64 * 6 / 8) return errc::user_name_too_long;
    if (user.empty() || !std::all_of(user.begin(), user.end(), is_printable) ||
        user.find_first_of(forbidden_in_user) != std::string_view::npos) {
        return errc::user_name_malformed;
    }
    return {};
}

} // namespace fwknop
