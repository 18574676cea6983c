// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_keeper.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

// What one request came to in a batch.
struct request_share {
    open_request request;
    std::vector<service> added;
    std::vector<service> extended;
    std::vector<std::size_t> changes; ///< indexes into the batch, those it shares included
    unix_time expires{};
};

// A rule of the grant that has no place, as after a new configuration. Only the mirror may be
// missing.
std::optional<rule_role> missing_role(const std::vector<rule_place>& places,
                                      const std::optional<nat_route>& nat) {
    const role_set roles = roles_of(nat);
    for (std::size_t i = 0; i < rule_role_count; ++i) {
        const auto role = static_cast<rule_role>(i);
        if (role != rule_role::output && roles.contains(role) &&
            std::ranges::find(places, role, &rule_place::role) == places.end())
            return role;
    }
    return std::nullopt;
}

} // namespace

struct grant_keeper::work {
    change_batch batch;
    // Opens: who asked, and what to put back if a change fails.
    std::vector<request_share> requests;
    std::vector<std::optional<grant>> before; ///< for each change
    // Closes.
    bool closes = false;
    bool retry = false;               ///< of closes that failed before
    std::vector<late_close> removals; ///< for each change
};

moment read_clocks() {
    return {std::chrono::steady_clock::now(),
            std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
}

grant_keeper::grant_keeper(asio::any_io_executor executor, backend& filter,
                           keeper_observer& observer, keeper_options options)
    : executor_{std::move(executor)}
    , backend_{filter}
    , observer_{observer}
    , options_{std::move(options)}
    , table_{filter.order()}
    , retry_delay_{options_.first_retry}
    , timer_{executor_}
    , finished_{executor_} {}

asio::awaitable<start_outcome> grant_keeper::start() {
    auto outcome = co_await backend_.start(options_.clock());
    if (!outcome.ok()) co_return outcome;
    const moment now = options_.clock();
    for (const adopted_grant& left : outcome.adopted) table_.adopt(left.key, left.expires, now);
    for (const tagged_rule& rule : outcome.tagged) watch(rule);
    arm();
    co_return outcome;
}

void grant_keeper::open(open_request request) {
    if (stopping_) {
        observer_.open_failed(request, "the daemon is stopping");
        return;
    }
    // Half a grant is none: say so, rather than translate nothing.
    if (const auto role = missing_role(backend_.places(), request.nat)) {
        observer_.open_failed(
            request, "there is no chain for its " + std::string{name_of(*role, request.nat)} +
                         " rule, which the configuration at the start did not ask for: restart "
                         "the daemon");
        return;
    }
    waiting_.push_back({std::move(request), options_.clock()});
    kick();
}

void grant_keeper::watch(tagged_rule rule) {
    const moment now = options_.clock();
    for (const auto& [when, known] : watched_)
        if (known.text == rule.text && known.chain == rule.chain && known.family == rule.family &&
            known.table == rule.table)
            return;
    watched_.emplace(now.steady + time_until(rule.expires, now), std::move(rule));
    if (!running_) arm();
}

bool grant_keeper::has_closes(moment now) const {
    const auto expiry = table_.next_deadline();
    return (expiry && *expiry <= now.steady) ||
           (!watched_.empty() && watched_.begin()->first <= now.steady) ||
           (retry_at_ && *retry_at_ <= now.steady);
}

void grant_keeper::kick() {
    if (running_ || stopping_) return;
    running_ = true;
    timer_.cancel();
    // The coroutine begins on a later turn: what else arrives in this one shares its batch.
    // What comes out of it as an exception is our bug, and nothing to go on with.
    asio::co_spawn(
        executor_, run(),
        asio::bind_cancellation_slot(cancel_.slot(), [](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
        }));
}

void grant_keeper::arm() {
    if (stopping_) return;
    auto next = table_.next_deadline();
    const auto consider = [&next](std::chrono::steady_clock::time_point when) {
        if (!next || when < *next) next = when;
    };
    if (!watched_.empty()) consider(watched_.begin()->first);
    if (retry_at_) consider(*retry_at_);
    if (!next) {
        timer_.cancel();
        return;
    }
    // Measured by the injected clock, so that tests can turn it.
    timer_.expires_after(
        std::max(*next - options_.clock().steady, std::chrono::steady_clock::duration::zero()));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) kick();
    });
}

asio::awaitable<void> grant_keeper::run() {
    while (!stopping_) {
        const moment now = options_.clock();
        const bool closes = has_closes(now);
        if (!closes && waiting_.empty()) break;

        work next;
        if (!waiting_.empty() && !(closes && closes_next_))
            take_opens(next);
        else
            take_closes(next, now);
        closes_next_ = !next.closes;

        apply_outcome outcome;
        try {
            if (!next.batch.empty()) outcome = co_await backend_.apply(next.batch, table_, now);
        } catch (const std::exception& error) {
            // Cancelled by `stop`, or out of memory or descriptors: nothing is known.
            change_failure all{{}, {}, error.what(), true};
            for (std::size_t i = 0; i < next.batch.changes.size(); ++i) all.changes.push_back(i);
            for (std::size_t i = 0; i < next.batch.tagged.size(); ++i) all.tagged.push_back(i);
            outcome.failures.push_back(std::move(all));
        }
        settle(next, outcome, options_.clock());
    }
    running_ = false;
    closes_next_ = false;
    finished_.cancel();
    arm();
}

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
    for (auto it = watched_.begin(); it != last; ++it)
        next.batch.tagged.push_back(std::move(it->second));
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
        for (const rule_place& place : places) {
            if (!roles.contains(place.role)) continue;
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
                observer_.removed({place.chain,
                                   removal.positions[static_cast<std::size_t>(place.role)],
                                   removal.what.expires, removal.what.key});
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

void grant_keeper::schedule_retry(moment now) {
    if (!retry_at_) retry_at_ = now.steady + retry_delay_; // what fails meanwhile joins in
}

asio::awaitable<backend_outcome> grant_keeper::stop() {
    stopping_ = true;
    timer_.cancel();
    for (const waiting_request& waiting : std::exchange(waiting_, {}))
        observer_.open_failed(waiting.request, "the daemon is stopping");

    co_await wait_for_run(options_.finish_limit);
    if (!running_) {
        running_ = true;
        // Not ours alone: it lives on if we give up waiting.
        auto outcome = std::make_shared<backend_outcome>();
        asio::co_spawn(executor_, backend_.stop(),
                       asio::bind_cancellation_slot(
                           cancel_.slot(),
                           [this, outcome](const std::exception_ptr& error, backend_outcome ended) {
                               *outcome = error ? backend_outcome{"the tear-down was cut short"}
                                                : std::move(ended);
                               running_ = false;
                               finished_.cancel();
                           }));
        co_await wait_for_run(options_.teardown_limit);
        if (!running_) co_return *outcome;
    }
    co_return backend_outcome{"the firewall backend " + std::string{backend_.name()} +
                              " does not come to an end; rules may be left: remove them with "
                              "--fw-flush"};
}

asio::awaitable<void> grant_keeper::wait_for_run(std::chrono::milliseconds limit) {
    if (running_) {
        finished_.expires_after(limit);
        co_await finished_.async_wait(no_throw);
    }
    if (running_) {
        cancel_.emit(asio::cancellation_type::terminal);
        finished_.expires_after(options_.cancel_limit);
        co_await finished_.async_wait(no_throw);
    }
}

} // namespace fwknop
