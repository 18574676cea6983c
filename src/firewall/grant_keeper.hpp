// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/backend.hpp"
#include "firewall/change.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/keeper_observer.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace fwknop {

/// The clocks as they stand.
[[nodiscard]] moment read_clocks();

struct keeper_options {
    std::chrono::milliseconds first_retry = std::chrono::seconds{1}; ///< doubles with each failure
    std::chrono::milliseconds last_retry = std::chrono::seconds{60}; ///< up to this
    /// Between two looks at what others change: however busy they are, the cost is bounded.
    std::chrono::milliseconds inspect_pause = std::chrono::milliseconds{500};
    /// `stop` takes at most these together, the second twice: ten seconds are promised to the
    /// service manager.
    std::chrono::milliseconds finish_limit = std::chrono::seconds{4}; ///< the operation that runs
    std::chrono::milliseconds cancel_limit = std::chrono::milliseconds{500}; ///< after cancelling
    std::chrono::milliseconds teardown_limit = std::chrono::seconds{4};      ///< the tear-down
    std::function<moment()> clock = read_clocks;
};

/// Joins the grant table, one backend and one timer. Requests and expiries become batches; the
/// backend does one batch at a time, and what comes meanwhile goes together into the next. Opens
/// and closes are batches of their own, so that trouble with one kind leaves the other alone. The
/// timer is armed for the earliest thing to do: with no grants there are no wake-ups at all.
///
/// All calls are made from the executor, which runs on one thread. Backend and observer outlive
/// the keeper, and the io_context too: the keeper has timers there. Once started, it is destroyed
/// only after `stop` was awaited, or when its io_context runs no more.
class grant_keeper {
  public:
    grant_keeper(boost::asio::any_io_executor executor, backend& filter, keeper_observer& observer,
                 keeper_options options = {});
    grant_keeper(const grant_keeper&) = delete;
    grant_keeper& operator=(const grant_keeper&) = delete;

    /// Starts the backend and takes over what an earlier run left.
    [[nodiscard]] boost::asio::awaitable<start_outcome> start();

    /// Puts `request` into the next batch. The grant's time runs from this call on.
    void open(open_request request);

    /// A rule that somebody else put into one of our chains with an expiry of its own: it goes
    /// when that is over. The same rule twice is watched once.
    void watch(tagged_rule rule);

    /// Protection that was to end by itself stays. `done` hears what came of it, later, unless
    /// `stop` comes first.
    void confirm_protection(std::function<void(const backend_outcome&)> done);

    /// Lets the running operation finish, or cancels it when that takes too long, and tears down.
    /// Requests that wait fail. Done within the limits of the options whatever the backend does.
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop();

    [[nodiscard]] const grant_table& grants() const noexcept { return table_; }

    /// An operation runs, or requests wait for theirs.
    [[nodiscard]] bool busy() const noexcept { return running_ || !waiting_.empty(); }

  private:
    struct waiting_request {
        open_request request;
        moment arrived;
    };
    /// A close that failed and is tried again.
    struct late_close {
        change what;
        rule_positions positions;
        bool announced; ///< false: nobody was told of the rule, which may not even be there
    };
    struct work;

    /// What makes a rule of somebody else the same rule.
    [[nodiscard]] static std::string name_of(const tagged_rule& rule);
    void kick();
    void arm();
    [[nodiscard]] bool has_closes(moment now) const;
    void others_changed();
    boost::asio::awaitable<void> inspect(moment now);
    boost::asio::awaitable<void> do_late_work(moment now);
    boost::asio::awaitable<void> confirm();
    void take_opens(work& next);
    void take_closes(work& next, moment now);
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> wait_for_run(std::chrono::milliseconds limit);
    void settle(const work& done, const apply_outcome& outcome, moment now);
    void settle_opens(const work& done, const apply_outcome& outcome, moment now);
    void settle_closes(const work& done, const apply_outcome& outcome, moment now);
    void schedule_retry(moment now);

    boost::asio::any_io_executor executor_;
    backend& backend_;
    keeper_observer& observer_;
    keeper_options options_;
    grant_table table_; ///< what the backend holds, as far as we know

    std::vector<waiting_request> waiting_;
    std::function<void(const backend_outcome&)> confirm_; ///< of a confirmation that waits
    std::multimap<std::chrono::steady_clock::time_point, tagged_rule> watched_;
    std::unordered_set<std::string> watched_names_; ///< thousands may be added at once

    std::vector<late_close> overdue_;
    std::vector<tagged_rule> overdue_tagged_;
    std::optional<std::chrono::steady_clock::time_point> retry_at_;
    std::chrono::milliseconds retry_delay_;

    std::optional<std::chrono::steady_clock::time_point> inspect_at_; ///< others changed something
    std::chrono::steady_clock::time_point inspect_not_before_{};
    std::chrono::milliseconds inspect_delay_; ///< after a look that failed

    boost::asio::steady_timer timer_;    ///< the next expiry or retry
    boost::asio::steady_timer finished_; ///< cancelled when a run ends: wakes `stop`
    boost::asio::cancellation_signal cancel_;
    bool running_ = false;
    bool closes_next_ = false; ///< the last batch opened: a flood of knocks must not hold up closes
    bool stopping_ = false;
};

} // namespace fwknop
