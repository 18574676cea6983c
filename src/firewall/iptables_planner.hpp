// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/chain_spec.hpp"
#include "firewall/change.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/iptables_adopt.hpp"
#include "firewall/iptables_grant_rule.hpp"
#include "firewall/iptables_rule.hpp"
#include "firewall/iptables_save.hpp"

#include <fwknop/ip_address.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What to give to `iptables-restore --noflush`, as pure functions. A script is one transaction of
// one table: it takes effect whole or not at all.
//
// The fast path knows what the chains hold and says only what changes. Each script first checks
// (`-C`) that the jump to our chain is still there, so a chain or jump that somebody removed makes
// the script fail and costs no process of its own while all is well. Then the slow path lists the
// table and plans from what it finds.

namespace fwknop {

/// The chains that we look after. The same names serve IPv4 and IPv6.
struct iptables_layout {
    chain_spec input;
    std::optional<chain_spec> output;           ///< ENABLE_IPT_OUTPUT
    std::optional<chain_spec> forward, dnat;    ///< ENABLE_IPT_FORWARDING, ENABLE_IPT_LOCAL_NAT
    std::optional<chain_spec> snat, masquerade; ///< where sources are translated
    bool prepend = false;                       ///< ENABLE_RULE_PREPEND

    struct chain {
        const chain_spec* spec; ///< valid as long as the layout
        rule_role role;
    };
    /// In the order in which jumps are made and the log tells of rules.
    [[nodiscard]] std::vector<chain> chains() const;

    /// Each once, e.g. `filter` and `nat`.
    [[nodiscard]] std::vector<std::string> tables() const;
};

struct table_script {
    std::string table;
    std::string text;
};

/// A script that starts from a listed table, and what it is going to do.
struct slow_plan {
    std::string script; ///< empty: the table is as it should be
    std::vector<added_jump> jumps;
    std::vector<std::string> repairs; ///< sentences for the log, without a final stop
    std::vector<found_rule> found;    ///< start only: rules of an earlier run, for `adopt_rules`
    std::vector<tagged_rule> tagged;  ///< start only: other rules with an expiry to come
};

/// The fast path: one script for each table that `batch` touches in `family`.
[[nodiscard]] std::vector<table_script> plan_batch(const iptables_layout& layout, ip_family family,
                                                   const change_batch& batch);

/// The slow path: if `batch` opens something in `family`, makes chains and jumps if they are
/// missing and writes every grant of `wanted` (the state after `batch`) that has no rule; in any
/// case removes what `batch` removes and whatever in our chains carries an expiry that is over.
/// `saved` is what `table` holds now.
[[nodiscard]] slow_plan plan_repair(const iptables_layout& layout, ip_family family,
                                    std::string_view table, const iptables_table& saved,
                                    const change_batch& batch, const grant_table& wanted,
                                    moment now);

/// The rules in our chains that say when they end and are none of `wanted`'s.
[[nodiscard]] std::vector<tagged_rule> find_tagged(const iptables_layout& layout, ip_family family,
                                                   std::string_view table,
                                                   const iptables_table& saved,
                                                   const grant_table& wanted);

/// Start-up. With `flush` our chains begin empty; else what they hold is kept, apart from rules
/// whose expiry is over and all but the latest of those that differ in their expiry alone.
[[nodiscard]] slow_plan plan_start(const iptables_layout& layout, ip_family family,
                                   std::string_view table, const iptables_table& saved, bool flush,
                                   moment now);

/// Tear-down: our jumps and chains go; a chain that somebody else's rule refers to is emptied
/// only. Empty if there is nothing of ours.
[[nodiscard]] std::string plan_stop(const iptables_layout& layout, std::string_view table,
                                    const iptables_table& saved);

/// Puts a rule with a comment at the end of our input chain, or takes it away: whether the kernel
/// and iptables can do comments shows only when one is really made. Its expiry is long over, so
/// that it cannot outlive a crash between the two.
[[nodiscard]] table_script plan_comment_check(const iptables_layout& layout, bool remove);

} // namespace fwknop
