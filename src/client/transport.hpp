// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <fwknop/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The only place of the client that knows sockets and name service.

namespace fwknop::client {

struct route {
    std::string host; ///< name or address; an IPv6 address may stand in brackets
    std::uint16_t port = 0;
    std::uint16_t source_port = 0; ///< 0 lets the operating system choose; raw: as it is
    carrier protocol = carrier::udp;
    family_choice family = family_choice::any;
    std::optional<ip_address> spoof_source = {}; ///< raw carriers only: in place of our own
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::string http_proxy = {}; ///< HOST[:PORT], empty: none
    std::string user_agent = {}; ///< of HTTP requests
};

/// Sends `payload`: in one datagram to the first address of the host that takes it, or as the only
/// data of a connection to the first that accepts one (10 s each). Over HTTP a request is that
/// data, the proxy takes the host's place, and the answer is not waited for. Returns the bytes
/// sent, which with a raw carrier include the headers. Problem: the last address's error.
[[nodiscard]] checked<std::size_t> send_payload(const route& way, std::string_view payload);

/// The addresses of `host`, in the resolver's order.
[[nodiscard]] checked<std::vector<ip_address>> resolve_host(const std::string& host,
                                                            family_choice family);

} // namespace fwknop::client
