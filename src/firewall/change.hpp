// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"

#include <fwknop/ip_address.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace fwknop {

enum class change_kind {
    add,    ///< the rule is not there yet
    extend, ///< the rule is there with another expiry and is replaced in one transaction
    remove, ///< the rule is there and goes
};

/// One step from what the packet filter holds to what it should hold.
struct change {
    change_kind kind = change_kind::add;
    grant_key key;
    unix_time expires{};  ///< of the rule that is added, or removed
    unix_time previous{}; ///< `extend`: of the rule that is replaced
};

/// A rule in one of our chains that is not one of our grants but says, in its comment, when it
/// wants to be removed (`_exp_<unix seconds>`): other tools rely on us to do so.
struct tagged_rule {
    ip_family family = ip_family::v4;
    std::string table;
    std::string chain;
    std::size_t position = 0; ///< 1-based, when it was found
    std::string text;         ///< the rule's own words, as the packet filter lists them
    unix_time expires{};

    friend bool operator==(const tagged_rule&, const tagged_rule&) = default;
};

/// A grant that an earlier run left in the packet filter.
struct adopted_grant {
    grant_key key;
    unix_time expires{};

    friend bool operator==(const adopted_grant&, const adopted_grant&) = default;
};

/// A jump that leads packets to one of our chains and had to be made.
struct added_jump {
    std::string from;
    std::string to;

    friend bool operator==(const added_jump&, const added_jump&) = default;
};

/// What is done together: one transaction per table and family where the backend has such.
struct change_batch {
    std::vector<change> changes;
    std::vector<tagged_rule> tagged; ///< to be removed

    [[nodiscard]] bool empty() const noexcept { return changes.empty() && tagged.empty(); }
};

} // namespace fwknop
