// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/ip_address.hpp>

#include <compare>
#include <cstdint>

namespace fwknop {

struct nat_endpoint {
    ip_address address; ///< unspecified: none
    std::uint16_t port = 0;

    friend auto operator<=>(const nat_endpoint&, const nat_endpoint&) noexcept = default;
};

/// Whose address the inside host sees.
enum class source_translation : std::uint8_t {
    none,       ///< the client's
    address,    ///< `nat_route::source_address`
    masquerade, ///< that of the interface the connection leaves by
};

/// Where a granted connection goes when it does not end at the very port it was asked for.
/// Addresses are of one family, that of whom access is granted to.
struct nat_route {
    nat_endpoint inside{};             ///< the address may be missing where nothing is sent to it
    bool local = false;                ///< `inside` is this host: no forwarding
    bool all_ports = false;            ///< FORWARD_ALL
    bool translate_destination = true; ///< N with DISABLE_DNAT, or where there is no `inside`
    source_translation translate_source = source_translation::none;
    ip_address source_address{}; ///< of `source_translation::address`

    friend auto operator<=>(const nat_route&, const nat_route&) noexcept = default;
};

} // namespace fwknop
