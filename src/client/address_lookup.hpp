// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/address_query.hpp"
#include "client/checked.hpp"

#include <fwknop/ip_address.hpp>

namespace fwknop::client {

/// Asks a web server for our address, in this process: at most 10 s for everything, at most 4 KiB
/// of answer, status 200, no redirects. Over TLS: 1.2 at least, the certificate verified against
/// OpenSSL's default store (SSL_CERT_FILE and SSL_CERT_DIR override it) and the host. Every address
/// of the host is tried until one takes the connection, IPv4 first: servers of the 2.6 line cannot
/// open for an IPv6 address. Problem: one line that says what went wrong.
[[nodiscard]] checked<ip_address> fetch_address(const address_query& query);

} // namespace fwknop::client
