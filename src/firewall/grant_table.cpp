// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_table.hpp"

#include <boost/multi_index/composite_key.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/mem_fun.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index/ranked_index.hpp>
#include <boost/multi_index_container.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace fwknop {

namespace {

namespace mi = boost::multi_index;

struct entry : grant {
    [[nodiscard]] ip_family family() const noexcept { return key.source.family(); }
    [[nodiscard]] role_set roles() const noexcept { return roles_of(key.nat); }
};

struct by_key;
struct by_deadline;
struct by_order;

// The ranked index counts: it gives a rule's number in its chain without listing the chain. Grants
// with the same roles stand together there, for they share their chains.
using entries = mi::multi_index_container<
    entry,
    mi::indexed_by<mi::hashed_unique<mi::tag<by_key>, mi::member<grant, grant_key, &grant::key>>,
                   mi::ordered_non_unique<
                       mi::tag<by_deadline>,
                       mi::member<grant, std::chrono::steady_clock::time_point, &grant::deadline>>,
                   mi::ranked_unique<
                       mi::tag<by_order>,
                       mi::composite_key<entry, mi::const_mem_fun<entry, ip_family, &entry::family>,
                                         mi::const_mem_fun<entry, role_set, &entry::roles>,
                                         mi::member<grant, std::uint64_t, &grant::order>>>>>;

} // namespace

struct grant_table::state {
    entries all;
    rule_order order = rule_order::append;
    std::uint64_t next_order = 1;

    open_result put(const grant& wanted) {
        auto& keys = all.get<by_key>();
        const auto found = keys.find(wanted.key);
        if (found == keys.end()) {
            entry added{wanted};
            added.order = next_order++;
            keys.insert(added);
            return {open_verdict::added, added, std::nullopt};
        }

        const grant before = *found;
        if (wanted.deadline <= before.deadline) return {open_verdict::unchanged, before, before};
        // Less than a second later: the rule's text would be the same, only the deadline moves.
        const bool same_text = wanted.expires == before.expires;
        keys.modify(found, [&](entry& value) {
            value.deadline = wanted.deadline;
            if (same_text) return;
            value.expires = wanted.expires;
            value.order = next_order++;
        });
        return {same_text ? open_verdict::unchanged : open_verdict::extended, *found, before};
    }

    [[nodiscard]] rule_positions positions(const entry& value) const {
        const auto& orders = all.get<by_order>();
        const ip_family family = value.family();
        rule_positions places{};
        // One round for each set of roles that occurs: how many of its rules stand before ours.
        auto [it, last] = orders.equal_range(family);
        while (it != last) {
            const role_set roles = it->roles();
            const auto [first, end] = orders.equal_range(std::tuple{family, roles});
            const auto self = std::tuple{family, roles, value.order};
            const std::size_t before =
                order == rule_order::append
                    ? orders.rank(orders.lower_bound(self)) - orders.rank(first)
                    : orders.rank(end) - orders.rank(orders.upper_bound(self));
            for (std::size_t role = 0; role < places.size(); ++role)
                if (roles.contains(static_cast<rule_role>(role))) places[role] += before;
            it = end;
        }
        for (std::size_t role = 0; role < places.size(); ++role)
            places[role] =
                value.roles().contains(static_cast<rule_role>(role)) ? places[role] + 1 : 0;
        return places;
    }
};

grant_table::grant_table(rule_order order) : state_{std::make_unique<state>()} {
    state_->order = order;
}

grant_table::grant_table(grant_table&&) noexcept = default;
grant_table& grant_table::operator=(grant_table&&) noexcept = default;
grant_table::~grant_table() = default;

open_result grant_table::open(const grant_key& key, std::chrono::seconds timeout, moment now) {
    return state_->put({key, now.wall + timeout, now.steady + timeout, 0});
}

open_result grant_table::adopt(const grant_key& key, unix_time expires, moment now) {
    return state_->put({key, expires, now.steady + time_until(expires, now), 0});
}

std::vector<expired_grant> grant_table::expire(moment now) {
    auto& deadlines = state_->all.get<by_deadline>();
    const auto last = deadlines.upper_bound(now.steady);

    std::vector<expired_grant> expired;
    for (auto it = deadlines.begin(); it != last; ++it)
        expired.push_back({*it, state_->positions(*it)});
    deadlines.erase(deadlines.begin(), last);
    return expired;
}

std::optional<grant> grant_table::withdraw(const grant_key& key) {
    auto& keys = state_->all.get<by_key>();
    const auto found = keys.find(key);
    if (found == keys.end()) return std::nullopt;
    const grant taken = *found;
    keys.erase(found);
    return taken;
}

void grant_table::restore(const grant& earlier) {
    withdraw(earlier.key);
    state_->all.insert(entry{earlier});
}

const grant* grant_table::find(const grant_key& key) const {
    const auto& keys = state_->all.get<by_key>();
    const auto found = keys.find(key);
    return found == keys.end() ? nullptr : &*found;
}

std::optional<std::chrono::steady_clock::time_point> grant_table::next_deadline() const {
    const auto& deadlines = state_->all.get<by_deadline>();
    if (deadlines.empty()) return std::nullopt;
    return deadlines.begin()->deadline;
}

std::size_t grant_table::size() const noexcept {
    return state_->all.size();
}

void grant_table::for_each(ip_family family, const std::function<void(const grant&)>& visit) const {
    const auto [first, last] = state_->all.get<by_order>().equal_range(family);
    std::vector<const grant*> grants;
    for (auto it = first; it != last; ++it) grants.push_back(&*it);
    std::ranges::sort(grants, {}, &grant::order);
    for (const grant* each : grants) visit(*each);
}

} // namespace fwknop
