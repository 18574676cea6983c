// SPDX-License-Identifier: Apache-2.0
// How the keeper's requests and expiries become batches, and what becomes of those.
#include "firewall/grant_keeper.hpp"
#include "firewall/grant_keeper_work.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

void grant_keeper::take_opens(work& next) {
    std::unordered_map<grant_key, std::size_t> known; // changes of this batch
    for (waiting_request& waiting : std::exchange(waiting_, {})) {
        request_share share;
        share.request = std::move(waiting.request);
        share.expires = waiting.arrived.wall + share.request.timeout;
        const open_request& asked = share.request;
        // An outside port leads to one place inside.
        const std::span<const service> all{asked.services};
        for (const service& door : asked.nat && !all.empty() ? all.first(1) : all) {
            const auto key = make_grant_key(asked.source, asked.destination, door, asked.nat);
            const auto opened = table_.open(key, share.request.timeout, waiting.arrived);
            const auto found = known.find(key);
            if (opened.verdict == open_verdict::unchanged) {
                if (found != known.end()) share.changes.push_back(found->second);
                continue;
            }
            auto& doors = opened.verdict == open_verdict::added ? share.added : share.extended;
            if (asked.nat)
                doors = asked.services; // the log tells what was asked for
            else
                doors.push_back(door);
            if (found != known.end()) { // twice in one batch: one change, with the later expiry
                next.batch.changes[found->second].expires = opened.now.expires;
                share.changes.push_back(found->second);
                continue;
            }
            known.emplace(key, next.batch.changes.size());
            share.changes.push_back(next.batch.changes.size());
            const bool added = opened.verdict == open_verdict::added;
            next.batch.changes.push_back({added ? change_kind::add : change_kind::extend, key,
                                          opened.now.expires,
                                          added ? unix_time{} : opened.before->expires});
            next.before.push_back(opened.before);
        }
        next.requests.push_back(std::move(share));
    }

    // A close that failed must not take away what is opened again with the very same text.
    std::erase_if(overdue_, [&](const late_close& late) {
        const auto found = known.find(late.what.key);
        return found != known.end() &&
               next.batch.changes[found->second].expires == late.what.expires;
    });
}

void grant_keeper::take_closes(work& next, moment now) {
    next.closes = true;
    for (const expired_grant& over : table_.expire(now))
        next.removals.push_back(
            {{change_kind::remove, over.what.key, over.what.expires, {}}, over.positions, true});
    const auto last = watched_.upper_bound(now.steady);
    for (auto it = watched_.begin(); it != last; ++it) {
        watched_names_.erase(name_of(it->second));
        next.batch.tagged.push_back(std::move(it->second));
    }
    watched_.erase(watched_.begin(), last);

    // What failed before is tried on its own, or it would drag fresh closes down with it.
    if (next.removals.empty() && next.batch.tagged.empty()) {
        next.retry = true;
        retry_at_.reset();
        next.removals = std::exchange(overdue_, {});
        next.batch.tagged = std::exchange(overdue_tagged_, {});
    }
    for (const late_close& removal : next.removals) next.batch.changes.push_back(removal.what);
}

void grant_keeper::settle(const work& done, const apply_outcome& outcome, moment now) {
    for (const added_jump& made : outcome.jumps) observer_.jump_added(made);
    for (const std::string& what : outcome.repairs) observer_.repaired(what);
    if (done.closes)
        settle_closes(done, outcome, now);
    else
        settle_opens(done, outcome, now);
}

void grant_keeper::settle_opens(const work& done, const apply_outcome& outcome, moment now) {
    std::unordered_map<std::size_t, const change_failure*> failed;
    for (const change_failure& failure : outcome.failures) {
        for (const std::size_t index : failure.changes) {
            failed.emplace(index, &failure);
            const change& open = done.batch.changes[index];
            if (open.kind == change_kind::extend)
                table_.restore(*done.before[index]);
            else
                table_.withdraw(open.key);
            // Perhaps the rule is there after all: then nobody would ever remove it.
            if (failure.uncertain) {
                overdue_.push_back({{change_kind::remove, open.key, open.expires, {}}, {}, false});
                schedule_retry(now);
            }
        }
    }

    const auto places = backend_.places();
    for (const request_share& share : done.requests) {
        const auto broken = std::ranges::find_if(
            share.changes, [&](std::size_t index) { return failed.contains(index); });
        if (broken != share.changes.end()) {
            observer_.open_failed(share.request, failed[*broken]->error);
            continue;
        }
        const role_set roles = roles_of(share.request.nat);
        for (const rule_place& each : places) {
            if (!roles.contains(each.role)) continue;
            const rule_place place{each.role, each.name_for(share.request.source.family())};
            if (!share.added.empty())
                observer_.added({place, share.request, share.added, share.expires});
            if (!share.extended.empty())
                observer_.extended({place, share.request, share.extended, share.expires});
        }
    }
}

void grant_keeper::settle_closes(const work& done, const apply_outcome& outcome, moment now) {
    std::unordered_set<std::size_t> failed_changes;
    std::unordered_set<std::size_t> failed_tagged;
    std::string error;
    for (const change_failure& failure : outcome.failures) {
        failed_changes.insert(failure.changes.begin(), failure.changes.end());
        failed_tagged.insert(failure.tagged.begin(), failure.tagged.end());
        if (!error.empty()) error += "; ";
        error += failure.error;
    }

    const auto places = backend_.places();
    for (std::size_t i = 0; i < done.removals.size(); ++i) {
        const late_close& removal = done.removals[i];
        if (failed_changes.contains(i)) {
            overdue_.push_back(removal);
            continue;
        }
        if (!removal.announced) continue;
        const role_set roles = roles_of(removal.what.key.nat);
        for (const rule_place& place : places)
            if (roles.contains(place.role))
                observer_.removed({place.name_for(removal.what.key.source.family()),
                                   removal.positions[static_cast<std::size_t>(place.role)],
                                   removal.what.expires, removal.what.key, place.role});
    }
    for (std::size_t i = 0; i < done.batch.tagged.size(); ++i) {
        const tagged_rule& rule = done.batch.tagged[i];
        if (failed_tagged.contains(i))
            overdue_tagged_.push_back(rule);
        else
            observer_.removed({rule.chain, rule.position, rule.expires, std::nullopt});
    }

    const std::size_t failed = failed_changes.size() + failed_tagged.size();
    if (done.retry)
        retry_delay_ =
            failed == 0 ? options_.first_retry : std::min(retry_delay_ * 2, options_.last_retry);
    if (failed == 0) return;
    schedule_retry(now);
    observer_.close_failed(failed, error, retry_delay_);
}

} // namespace fwknop
