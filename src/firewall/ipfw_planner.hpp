// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/change.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/ipfw_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

// Rules of ipfw for our grants: numbers, sets, and the lines that change them. Each rule in force
// is in the active set; what is over moves to the expire set, which is disabled: nothing new gets
// through its rules, and connections made through them live on until they end by themselves.

namespace fwknop {

/// Rule 65535 is the kernel's own.
inline constexpr std::uint16_t last_ipfw_number = 65534;

struct ipfw_layout {
    std::uint16_t first = 10000; ///< IPFW_START_RULE_NUM, 1..65534; the check-state rule if any
    std::uint16_t last = last_ipfw_number; ///< our highest number
    unsigned active_set = 1;               ///< IPFW_ACTIVE_SET_NUM
    unsigned expire_set = 2;               ///< IPFW_EXPIRE_SET_NUM
    bool check_state = false;              ///< IPFW_ADD_CHECK_STATE

    [[nodiscard]] std::uint16_t first_grant() const noexcept {
        return static_cast<std::uint16_t>(check_state ? first + 1 : first);
    }
};

/// Lines for ipfw, each what would stand behind its name in a shell. Empty: nothing to do.
using ipfw_script = std::vector<std::string>;

struct ipfw_start_plan {
    ipfw_script script;
    std::vector<adopted_grant> adopted;
    std::vector<tagged_rule> tagged; ///< that end in time although they are no grant of ours
    bool leftovers = false;          ///< the expire set has rules in it
};

/// Empties or adopts the active set, and switches the expire set off.
[[nodiscard]] ipfw_start_plan plan_ipfw_start(const ipfw_layout& layout,
                                              const ipfw_listing& listing, bool flush);

struct ipfw_change_plan {
    ipfw_script script;
    std::vector<std::size_t> exhausted; ///< changes for which no number is left
    /// What cannot be closed, or extended, for the rule's number is that of somebody else's, too.
    std::vector<std::size_t> stuck;
    std::vector<std::size_t> stuck_tagged;               ///< the same of `change_batch::tagged`
    std::vector<std::uint16_t> shared;                   ///< those numbers
    std::unordered_map<grant_key, std::uint16_t> opened; ///< numbers of rules added or extended
    std::map<std::string, std::uint16_t> closed; ///< those of rules that are over, by their text
    std::vector<std::string> repairs;            ///< what somebody else had removed
    bool moves = false;                          ///< the expire set has or gets rules
};

/// Brings the rules in force, as listed, `batch` further. New rules take the lowest free numbers.
/// An extended rule is a new one, for a comment cannot be changed, and the one before is over.
/// With something to open, rules of `wanted` that have gone missing are put back.
[[nodiscard]] ipfw_change_plan plan_ipfw_changes(const ipfw_layout& layout,
                                                 const ipfw_listing& listing,
                                                 const change_batch& batch,
                                                 const grant_table& wanted);

/// What to say of a change for which no number is left.
[[nodiscard]] std::string ipfw_exhaustion(const ipfw_layout& layout, const ipfw_listing& listing);

struct ipfw_purge_plan {
    ipfw_script script;
    std::vector<std::uint16_t> purged; ///< their numbers
    std::size_t kept = 0;              ///< rules of the expire set that connections still need
};

/// Clears the expire set of what no connection holds on to. `listing` comes with `-d`.
[[nodiscard]] ipfw_purge_plan plan_ipfw_purge(const ipfw_layout& layout,
                                              const ipfw_listing& listing);

/// Removes both sets.
[[nodiscard]] ipfw_script plan_ipfw_stop(const ipfw_layout& layout, const ipfw_listing& listing);

/// `script` as a file for ipfw.
[[nodiscard]] std::string to_text(const ipfw_script& script);

} // namespace fwknop
