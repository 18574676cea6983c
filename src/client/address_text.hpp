// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <fwknop/ip_address.hpp>

#include <string_view>

namespace fwknop::client {

/// The first IP address of `family` in what a web server answered: a bare address, a sentence, HTML
/// or JSON. Parts of host names, of versions and of longer numbers are none. Pure. Problems: there
/// is none; or it is one that no client can have (unspecified, which would ask the server to open
/// for any sender of the packet; loopback; multicast and reserved), whatever follows it.
[[nodiscard]] checked<ip_address> address_in(std::string_view text, family_choice family);

} // namespace fwknop::client
