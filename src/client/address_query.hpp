// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <cstdint>
#include <string>

namespace fwknop::client {

/// A question to a web server: what is our address? (-R)
struct address_query {
    std::string url;  ///< what is asked, whole, for people
    std::string host; ///< name or address, without brackets
    std::uint16_t port = 443;
    std::string target = "/"; ///< path and query
    bool tls = true;
    family_choice family = family_choice::any; ///< of the connection, and of the answer
    std::string user_agent;
    std::string warning; ///< for people, before it is asked; empty: none
};

/// The query that the settings ask for. Plain HTTP is spoken only with --resolve-http-only; without
/// it an http URL, and one without a scheme, is warned about and asked over HTTPS. A destination
/// that can only be reached over IPv6 wants an IPv6 address. Pure. Problems: whatever is no URL of
/// a web server.
[[nodiscard]] checked<address_query> make_address_query(const settings& from);

} // namespace fwknop::client
