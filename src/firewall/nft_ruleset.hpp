// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/nft_layout.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// What to give to `nft -f -`, as pure functions. A text is one transaction: it takes effect whole
// or not at all, so nothing is open, or shut for whom has a grant, while rules are replaced.

namespace fwknop {

/// What is in a table, by name.
struct nft_objects {
    std::set<std::string, std::less<>> chains;
    std::set<std::string, std::less<>> sets;
    std::vector<std::uint64_t> jumps = {}; ///< handles of the rules that lead to our chain
};

struct nft_setup {
    std::set<std::string, std::less<>> empty_sets = {}; ///< these begin empty
    /// Mode `protect`: how long ports are hidden. None: without end; zero or less: not any more.
    std::optional<std::chrono::milliseconds> hide_for = {};
    std::vector<std::uint64_t> stale_jumps = {}; ///< mode `chain`: go in the same transaction
    bool jump = true;                            ///< mode `chain`: is made, first in its chain
};

/// Makes table, sets for `shapes`, chains and rules as `layout` has them; in mode `chain` the table
/// must be there. What is there already stays, grants included, but for the rules in our chains,
/// which are written afresh.
[[nodiscard]] std::string setup_script(const nft_layout& layout, const std::set<nft_shape>& shapes,
                                       const nft_setup& how);

/// Mode `protect`: hides the ports without end, whatever they had before.
[[nodiscard]] std::string hide_script(const nft_layout& layout);

/// The chains that `setup_script` makes, each with how many rules it writes there.
[[nodiscard]] std::map<std::string, std::size_t, std::less<>>
chain_sizes(const nft_layout& layout, const std::set<nft_shape>& shapes);

/// Whether an earlier run may have made the set, ours for sure in a table of ours.
[[nodiscard]] bool is_our_set(const nft_layout& layout, std::string_view name);

/// Removes what of ours is there: the whole table if it is ours and nothing else is in it. In mode
/// `sets`, and with rules of others, the sets are emptied instead. Empty if there is nothing of
/// ours. `gently`: for mode `chain`, where rules of others refer to what is ours: chain and sets
/// are emptied and stay.
[[nodiscard]] std::string teardown_script(const nft_layout& layout, const nft_objects& present,
                                          bool gently = false);

/// Lists what of ours is there, for a table that is not ours alone.
[[nodiscard]] std::string list_script(const nft_layout& layout, const nft_objects& present);

} // namespace fwknop
