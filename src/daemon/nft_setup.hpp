// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "firewall/backend.hpp"
#include "firewall/nft_layout.hpp"

#include <memory>
#include <string_view>

namespace fwknop::daemon {

/// The sets and chains that the configuration asks for. `translates_sources`: there are some for
/// that although ENABLE_IPT_SNAT is off.
[[nodiscard]] nft_layout nft_layout_of(const server_config& config, bool translates_sources);

/// The backend for nftables, with the program that FIREWALL_EXE names or that is found along
/// `search_path`. Throws std::runtime_error, with the remedy, when something is missing.
[[nodiscard]] std::unique_ptr<backend>
make_nftables(const server_config& config, bool translates_sources, std::string_view search_path);

} // namespace fwknop::daemon
