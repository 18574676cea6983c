// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/nft_layout.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

// What to give to `nft -f -`, as pure functions. A text is one transaction: it takes effect whole
// or not at all, so nothing is open, or shut for whom has a grant, while rules are replaced.

namespace fwknop {

/// What of a table is ours, by name.
struct nft_objects {
    std::set<std::string, std::less<>> chains;
    std::set<std::string, std::less<>> sets;
};

/// Makes table, sets for `shapes`, chains and rules as `layout` has them. What is there already
/// stays, grants included, but for the rules in our chains, which are written afresh.
/// `empty_sets`: these begin empty.
[[nodiscard]] std::string setup_script(const nft_layout& layout, const std::set<nft_shape>& shapes,
                                       const std::set<std::string, std::less<>>& empty_sets);

/// The chains that `setup_script` makes, each with how many rules it writes there.
[[nodiscard]] std::map<std::string, std::size_t, std::less<>>
chain_sizes(const nft_layout& layout, const std::set<nft_shape>& shapes);

/// Whether an earlier run may have made the set, ours for sure in a table of ours.
[[nodiscard]] bool is_our_set(std::string_view name);

/// Removes what of ours is there: the whole table if nothing else is in it. In mode `sets`, and
/// with rules of others, the sets are emptied instead. Empty if there is nothing of ours.
[[nodiscard]] std::string teardown_script(const nft_layout& layout, const nft_objects& present);

} // namespace fwknop
