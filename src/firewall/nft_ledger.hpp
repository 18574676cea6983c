// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/nft_element.hpp"

#include <boost/container/small_vector.hpp>

#include <chrono>
#include <cstddef>
#include <unordered_map>
#include <vector>

namespace fwknop {

/// What becomes of one element.
struct nft_step {
    nft_element element;
    /// Until the kernel ends it by itself; zero: it goes now.
    std::chrono::milliseconds timeout{0};
    nft_bytes previous; ///< the value that the kernel has for the element now, where it has one
    bool known = false; ///< the kernel has the element now, unless its time was over meanwhile
};

/// The elements that stand for the grants in force. Two grants may share one: access to a port, and
/// local NAT to the same port. It stays until both are over, with the value of the later one.
class nft_ledger {
  public:
    /// `roles`: what there are sets for.
    explicit nft_ledger(std::vector<rule_role> roles);

    /// Brings the elements of `key` in line with `wanted`: they are there if the grant is.
    [[nodiscard]] std::vector<nft_step> update(const grant_key& key, const grant_table& wanted,
                                               moment now);

    /// Forgets everything and takes over all of `wanted` but what `without` names.
    [[nodiscard]] std::vector<nft_step> rebuild(const grant_table& wanted,
                                                const std::vector<grant_key>& without, moment now);

    /// What the elements of `key` are in, whether it is granted or not.
    [[nodiscard]] std::vector<nft_shape> shapes_of(const grant_key& key) const;

    [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }

  private:
    // NOLINTNEXTLINE(bugprone-exception-escape): the same as of nft_element
    struct owner {
        grant_key key;
        nft_bytes value;
        std::chrono::steady_clock::time_point deadline;
        std::uint64_t order = 0;
    };
    using owners = boost::container::small_vector<owner, 1>;
    struct id_hash {
        std::size_t operator()(const nft_element_id& id) const noexcept { return hash_value(id); }
    };

    std::vector<rule_role> roles_;
    std::unordered_map<nft_element_id, owners, id_hash> elements_;
};

/// How much longer than the grant its elements may live: the daemon removes them in time, and the
/// kernel only if it is dead. A knock within the second in which a grant was extended last moves
/// its end without a word to the packet filter.
inline constexpr std::chrono::milliseconds nft_reserve{1000};

} // namespace fwknop
