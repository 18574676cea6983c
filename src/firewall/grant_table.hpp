// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"
#include "firewall/grant_route.hpp"

#include <fwknop/ip_address.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace fwknop {

/// Where a new rule goes in its chain (ENABLE_RULE_PREPEND).
enum class rule_order {
    append,  ///< the oldest rule is rule 1
    prepend, ///< the newest rule is rule 1
};

enum class open_verdict {
    added,     ///< a new grant
    extended,  ///< the same grant with a later expiry: its rule must be replaced
    unchanged, ///< the present expiry is not earlier: nothing to do
};

struct open_result {
    open_verdict verdict = open_verdict::unchanged;
    grant now;                   ///< as the table has it after the call
    std::optional<grant> before; ///< as the table had it, if it had it
};

struct expired_grant {
    grant what;
    /// Places of its rules among our rules of its family, before this sweep. Exact unless somebody
    /// else put rules of their own in front of them.
    rule_positions positions{};
};

/// The grants in force, whatever the packet filter. Opening, extending and withdrawing cost
/// O(log n); the earliest deadline is known at once. Never reads a clock. Move-only.
class grant_table {
  public:
    explicit grant_table(rule_order order = rule_order::append);
    grant_table(grant_table&&) noexcept;
    grant_table& operator=(grant_table&&) noexcept;
    ~grant_table();

    /// Grants `key` for `timeout` from `now` on. The later expiry wins, by the steady clock.
    open_result open(const grant_key& key, std::chrono::seconds timeout, moment now);

    /// Takes over a rule that an earlier run left: it ends when the wall clock, as it stands at
    /// `now`, says so. Of two for one key the later wins.
    open_result adopt(const grant_key& key, unix_time expires, moment now);

    /// Takes out what has reached its deadline, earliest first.
    std::vector<expired_grant> expire(moment now);

    /// Takes out `key`. Nothing if it is not there.
    std::optional<grant> withdraw(const grant_key& key);

    /// Puts `earlier` back exactly as it was, in place of what the table has for its key: the
    /// undoing of an extension.
    void restore(const grant& earlier);

    [[nodiscard]] const grant* find(const grant_key& key) const;
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_deadline() const;
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// Calls `visit` for every grant of `family`, the oldest rule first. `visit` must not change
    /// the table.
    void for_each(ip_family family, const std::function<void(const grant&)>& visit) const;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace fwknop
