// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: anybody sends anything that begins like a request. So one pass over
// bytes that are there already, one copy into a buffer of fixed size, nothing allocated, no general
// HTTP: what a knocking client and the proxies on its way do not write is refused.

#include "core/spa/http_carrier.hpp"

#include "core/spa/text.hpp"

#include <algorithm>

namespace fwknop {

namespace {

constexpr std::string_view method = "GET ";
constexpr std::string_view agent_of_clients = "Fwknop";

// The first line of `rest`, without its end, which is CR LF or LF alone (RFC 9112, section 2.2).
// Nothing when there is no end.
std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_version(std::string_view text) noexcept {
    constexpr std::string_view head = "HTTP/1.";
    return text.size() == head.size() + 1 && text.starts_with(head) && is_digit(text.back());
}

// What stands behind the host: `/<text>`, or `http://<host>/<text>` as it is sent to a proxy.
// Nothing when there is no text.
std::optional<std::string_view> path_of(std::string_view target) noexcept {
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        target.remove_prefix(scheme.size());
        const std::size_t host_size = target.find('/');
        if (host_size == 0 || host_size == std::string_view::npos) return std::nullopt;
        target.remove_prefix(host_size);
    }
    if (target.size() < 2 || target.front() != '/') return std::nullopt;
    return target.substr(1);
}

std::optional<std::string_view> path_of_request_line(std::string_view line) noexcept {
    if (!line.starts_with(method)) return std::nullopt;
    line.remove_prefix(method.size());
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || !is_version(line.substr(blank + 1))) return std::nullopt;
    return path_of(line.substr(0, blank));
}

constexpr char as_sealed(char c) noexcept {
    return c == '-' ? '+' : c == '_' ? '/' : c;
}

/// The header lines that matter. Of two with the same name the first counts: a proxy that adds its
/// own line adds it behind the one that names the sender.
struct header {
    std::optional<std::string_view> user_agent;
    std::optional<std::string_view> forwarded_for;

    // False for what is no header line.
    bool take(std::string_view line) noexcept {
        const std::size_t colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos) return false;
        const std::string_view name = line.substr(0, colon);
        if (name.find_first_of(" \t") != std::string_view::npos) return false;
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (!user_agent && equal_ignoring_case(name, "User-Agent")) user_agent = value;
        if (!forwarded_for && equal_ignoring_case(name, "X-Forwarded-For")) forwarded_for = value;
        return true;
    }
};

// The unspecified address is nobody's: a rule for it would open for the wrong host or for all.
std::optional<ip_address> sender_named_by(std::string_view text) {
    const auto address = ip_address::parse(text);
    if (!address || address->unmapped().is_unspecified()) return std::nullopt;
    return address->unmapped();
}

} // namespace

bool begins_http_request(std::string_view bytes) noexcept {
    return bytes.starts_with(method);
}

bool ends_http_header(std::string_view bytes) noexcept {
    while (const auto line = take_line(bytes)) {
        if (line->empty()) return true;
    }
    return false;
}

result<http_cargo> http_reader::read(std::string_view request) {
    const auto first = take_line(request);
    if (!first) return errc::http_request_malformed;
    const auto path = path_of_request_line(*first);
    if (!path) return errc::http_request_malformed;

    header lines;
    for (;;) {
        const auto line = take_line(request);
        if (!line && rules_.forwarded_for) return errc::http_request_malformed;
        if (!line || line->empty()) break;
        if (!lines.take(*line)) return errc::http_request_malformed;
    }
    if (!rules_.any_user_agent &&
        (!lines.user_agent || !lines.user_agent->starts_with(agent_of_clients))) {
        return errc::http_user_agent_foreign;
    }
    if (path->size() > text_.size()) return errc::payload_too_long;
    std::transform(path->begin(), path->end(), text_.begin(), as_sealed);

    http_cargo out{.payload = {text_.data(), path->size()}, .forwarded_for = std::nullopt};
    if (rules_.forwarded_for && lines.forwarded_for) {
        out.forwarded_for = sender_named_by(*lines.forwarded_for);
    }
    return out;
}

} // namespace fwknop
