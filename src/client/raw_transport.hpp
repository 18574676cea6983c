// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/transport.hpp"

#include <cstddef>
#include <string_view>

struct addrinfo;

namespace fwknop::client {

/// The destinations that `way` leaves: those of a spoofed source's family, if there is one.
[[nodiscard]] family_choice family_of(const route& way) noexcept;

/// Sends `payload` to one address with headers of our own; ports are those of `way`, not of `to`.
/// The source is `way.spoof_source`, else the address that the kernel would send from. Returns the
/// bytes sent, headers included. Problems: no right to (CAP_NET_RAW), no way there, a packet longer
/// than the network takes in one piece.
[[nodiscard]] checked<std::size_t> send_raw(const route& way, const addrinfo& to,
                                            std::string_view payload);

} // namespace fwknop::client
