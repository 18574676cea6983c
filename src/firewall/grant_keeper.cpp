// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_keeper.hpp"

#include "firewall/grant_keeper_work.hpp"
#include "firewall/tear_down.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

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

std::string grant_keeper::name_of(const tagged_rule& rule) {
    return (rule.family == ip_family::v4 ? "4 " : "6 ") + rule.table + " " + rule.chain + " " +
           rule.text;
}

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
    , inspect_delay_{options_.first_retry}
    , timer_{executor_}
    , finished_{executor_} {}

asio::awaitable<start_outcome> grant_keeper::start() {
    auto outcome = co_await backend_.start(options_.clock());
    if (!outcome.ok()) co_return outcome;
    const moment now = options_.clock();
    for (const adopted_grant& left : outcome.adopted) table_.adopt(left.key, left.expires, now);
    for (const tagged_rule& rule : outcome.tagged) watch(rule);
    backend_.watch([this] { others_changed(); });
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
            request, "there is no chain for its " +
                         std::string{fwknop::name_of(*role, request.nat)} +
                         " rule, which the configuration at the start did not ask for: restart "
                         "the daemon");
        return;
    }
    waiting_.push_back({std::move(request), options_.clock()});
    kick();
}

void grant_keeper::watch(tagged_rule rule) {
    const moment now = options_.clock();
    if (!watched_names_.insert(name_of(rule)).second) return;
    watched_.emplace(now.steady + time_until(rule.expires, now), std::move(rule));
    if (!running_) arm();
}

bool grant_keeper::has_closes(moment now) const {
    const auto expiry = table_.next_deadline();
    return (expiry && *expiry <= now.steady) ||
           (!watched_.empty() && watched_.begin()->first <= now.steady) ||
           (retry_at_ && *retry_at_ <= now.steady);
}

// Many changes, even while we look, are one more look.
void grant_keeper::others_changed() {
    const auto soon = std::max(options_.clock().steady, inspect_not_before_);
    if (stopping_ || (inspect_at_ && *inspect_at_ <= soon)) return;
    inspect_at_ = soon; // a look that failed is not put off any further: this may be what it lacked
    if (!running_) arm();
}

asio::awaitable<void> grant_keeper::inspect(moment now) {
    inspect_at_.reset(); // what changes from here on may be overlooked by this look
    inspect_outcome found;
    try {
        found = co_await backend_.inspect(table_, now);
    } catch (const std::exception& error) {
        found.error = error.what(); // cancelled by `stop`, or out of memory or descriptors
    }
    for (const added_jump& made : found.jumps) observer_.jump_added(made);
    for (const std::string& what : found.repairs) observer_.repaired(what);
    for (tagged_rule& rule : found.tagged) watch(std::move(rule));

    const moment after = options_.clock();
    inspect_not_before_ = after.steady + options_.inspect_pause;
    if (inspect_at_) inspect_at_ = inspect_not_before_; // others went on meanwhile
    if (found.ok()) {
        inspect_delay_ = options_.first_retry;
        co_return;
    }
    inspect_at_ = after.steady + inspect_delay_;
    if (!stopping_) observer_.inspect_failed(found.error, inspect_delay_);
    inspect_delay_ = std::min(inspect_delay_ * 2, options_.last_retry);
}

asio::awaitable<void> grant_keeper::do_late_work(moment now) {
    late_work_outcome outcome;
    try {
        outcome = co_await backend_.late_work(now);
    } catch (const std::exception& error) {
        outcome.error = error.what(); // cancelled by `stop`, or out of memory or descriptors
    }
    for (const std::string& line : outcome.done) observer_.late_work_done(line);
    if (!outcome.ok() && !stopping_) observer_.late_work_failed(outcome.error);
}

void grant_keeper::confirm_protection(std::function<void(const backend_outcome&)> done) {
    confirm_ = std::move(done);
    kick();
}

asio::awaitable<void> grant_keeper::confirm() {
    const auto done = std::exchange(confirm_, nullptr);
    backend_outcome outcome;
    try {
        outcome = co_await backend_.confirm_protection();
    } catch (const std::exception& error) {
        outcome.error = error.what(); // cancelled by `stop`, or out of memory or descriptors
    }
    if (!stopping_) done(outcome);
}

void grant_keeper::kick() {
    if (running_ || stopping_) return;
    running_ = true;
    timer_.cancel();
    // The coroutine begins on a later turn: what else arrives in this one shares its batch.
    // What comes out of it as an exception is our bug, and nothing to go on with.
    // It has not ended before this handler is called, be all its work done: a second one on the
    // same cancellation slot would take the ground from under its feet.
    asio::co_spawn(
        executor_, run(),
        asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
            running_ = false;
            closes_next_ = false;
            finished_.cancel();
            arm();
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
    if (inspect_at_) consider(*inspect_at_);
    if (!waiting_.empty() || confirm_)
        consider(options_.clock().steady); // came when the last run was over
    if (const auto due = backend_.late_work_due()) consider(*due);
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
        if (confirm_) { // before its time is over
            co_await confirm();
            continue;
        }
        if (inspect_at_ && *inspect_at_ <= now.steady) {
            co_await inspect(now);
            continue;
        }
        const bool closes = has_closes(now);
        if (!closes && waiting_.empty()) {
            const auto due = backend_.late_work_due();
            if (!due || *due > now.steady) break;
            co_await do_late_work(now);
            continue;
        }

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
        asio::co_spawn(executor_, tear_down(backend_),
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
