// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/transport.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// A packet as the path of a GET request, for networks that let nothing but the web out. Pure: what
// to send where; the sending is the one of TCP.

namespace fwknop::client {

/// As long as clients of the 2.6 line send it; they cut the rest off.
inline constexpr std::size_t max_user_agent_size = 99;

struct http_proxy {
    std::string host;       ///< name or address, without brackets; empty: no proxy
    std::uint16_t port = 0; ///< 0: not named, the port of the server counts
};

/// `HOST`, `HOST:PORT`, `[V6]:PORT`, also as `http://HOST:PORT/`. The empty text is no proxy.
[[nodiscard]] checked<http_proxy> parse_http_proxy(std::string_view text);

/// `given`, cut to what is sent, or `Fwknop/<version>` when it is empty.
[[nodiscard]] std::string user_agent_or_own(std::string_view given);

/// `host`, an IPv6 address in brackets whether it came with them or not.
[[nodiscard]] std::string bracketed(const std::string& host);

struct http_knock {
    std::string host; ///< whom to connect to: the server, or the proxy
    std::uint16_t port = 0;
    std::string text; ///< the whole request
};

/// The request for `payload` (b64 text; `+` travels as `-`, `/` as `_`). Problems: the proxy, or a
/// host that cannot stand in a request.
[[nodiscard]] checked<http_knock> make_http_knock(const route& way, std::string_view payload);

} // namespace fwknop::client
