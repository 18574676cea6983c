// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"

#include <fwknop/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fwknop {

/// Which stanzas may be meant by a packet from some address, by their `SOURCE`. However many
/// stanzas there are, a look-up costs a search for each length of prefix that occurs.
class stanza_index {
  public:
    /// `stanzas` must stay as they are, and outlive the index.
    explicit stanza_index(const std::vector<stanza>& stanzas);

    /// The first stanza from `from` on, in file order, whose source contains `source`: an index of
    /// the stanzas, or their number if there is none. Allocates nothing.
    [[nodiscard]] std::size_t next(const ip_address& source, std::size_t from) const noexcept;

  private:
    struct address_hash {
        std::size_t operator()(const ip_address& address) const noexcept;
    };
    /// In file order.
    using positions = std::vector<std::uint32_t>;
    using by_address = std::unordered_map<ip_address, positions, address_hash>;

    const std::vector<stanza>& stanzas_;
    positions everywhere_;                                              ///< `SOURCE ANY`
    std::map<std::pair<ip_family, std::uint8_t>, by_address> networks_; ///< by length of prefix
};

} // namespace fwknop
