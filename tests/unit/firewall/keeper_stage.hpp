// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant_keeper.hpp"
#include "sample.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A keeper on a stage: a backend that follows the test's script, an observer that writes down what
// it is told, a clock that the test turns.

namespace fwknop::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

inline std::string to_text(const change& step) {
    const char* kind = step.kind == change_kind::add      ? "add "
                       : step.kind == change_kind::extend ? "extend "
                                                          : "remove ";
    std::string text = kind + step.key.source.to_string() + " " + to_string(step.key.door) + " " +
                       std::to_string(to_seconds(step.expires));
    if (step.kind == change_kind::extend)
        text += " was " + std::to_string(to_seconds(step.previous));
    return text;
}

// A backend that does what the test says, batch by batch: succeeds, fails, takes time, hangs.
class fake_backend final : public backend {
  public:
    struct answer {
        std::string error;
        bool uncertain = false;
        std::chrono::milliseconds delay{0};
        bool deaf = false; ///< does not react to being cancelled
    };

    std::deque<answer> answers; ///< beyond the last: success at once
    std::vector<std::string> batches;
    start_outcome at_start;
    std::chrono::milliseconds stop_delay{0};
    bool stopped = false;
    int stops = 0;
    std::deque<std::string> stop_errors; ///< beyond the last: success
    std::string confirm_error;
    std::function<void()> during;         ///< called while a batch is under way
    std::function<void()> changed;        ///< the keeper's: somebody else did something
    std::deque<inspect_outcome> findings; ///< beyond the last: nothing
    std::optional<std::chrono::steady_clock::time_point> late;
    std::string late_error;

    [[nodiscard]] std::string_view name() const override { return "fake"; }
    [[nodiscard]] std::vector<rule_place> places() const override {
        return {{rule_role::input, "CHAIN"},
                {rule_role::forward, "FORWARDS"},
                {rule_role::dnat, "DNATS"}};
    }
    [[nodiscard]] rule_order order() const override { return rule_order::append; }

    asio::awaitable<start_outcome> start(moment) override { co_return at_start; }

    asio::awaitable<apply_outcome> apply(const change_batch& batch, const grant_table&,
                                         moment) override {
        std::string text;
        for (const change& step : batch.changes) text += (text.empty() ? "" : ", ") + to_text(step);
        for (const tagged_rule& rule : batch.tagged)
            text += (text.empty() ? "" : ", ") + ("sweep " + rule.text);
        batches.push_back(text);

        answer next;
        if (!answers.empty()) {
            next = answers.front();
            answers.pop_front();
        }
        if (during) std::exchange(during, nullptr)();
        if (next.deaf) co_await asio::this_coro::throw_if_cancelled(false);
        if (next.delay > 0ms) co_await wait(next.delay, next.deaf);
        apply_outcome outcome;
        if (!next.error.empty()) {
            change_failure all{{}, {}, next.error, next.uncertain};
            for (std::size_t i = 0; i < batch.changes.size(); ++i) all.changes.push_back(i);
            for (std::size_t i = 0; i < batch.tagged.size(); ++i) all.tagged.push_back(i);
            outcome.failures.push_back(all);
        }
        co_return outcome;
    }
    void watch(std::function<void()> call) override { changed = std::move(call); }
    asio::awaitable<inspect_outcome> inspect(const grant_table& wanted, moment) override {
        batches.push_back("inspect, wanted " + std::to_string(wanted.size()));
        if (during) std::exchange(during, nullptr)();
        inspect_outcome found;
        if (!findings.empty()) {
            found = findings.front();
            findings.pop_front();
        }
        co_return found;
    }
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point>
    late_work_due() const override {
        return late;
    }
    asio::awaitable<late_work_outcome> late_work(moment now) override {
        batches.push_back("late work");
        late.reset();
        if (!late_error.empty()) late = now.steady + 5s;
        co_return late_work_outcome{{late_error}, {"cleared"}};
    }
    asio::awaitable<backend_outcome> confirm_protection() override {
        batches.emplace_back("confirm");
        co_return backend_outcome{confirm_error};
    }
    asio::awaitable<backend_outcome> stop() override {
        if (stop_delay > 0ms) co_await wait(stop_delay, false);
        stopped = true;
        ++stops;
        backend_outcome outcome;
        if (!stop_errors.empty()) {
            outcome.error = stop_errors.front();
            stop_errors.pop_front();
        }
        co_return outcome;
    }
    asio::awaitable<backend_outcome> flush() override { co_return backend_outcome{}; }
    asio::awaitable<list_outcome> list(bool) override { co_return list_outcome{}; }

  private:
    static asio::awaitable<void> wait(std::chrono::milliseconds time, bool deaf) {
        asio::steady_timer timer{co_await asio::this_coro::executor};
        const auto end = std::chrono::steady_clock::now() + time;
        do {
            timer.expires_at(end);
            boost::system::error_code error;
            if (deaf)
                co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
            else
                co_await timer.async_wait(asio::use_awaitable);
        } while (std::chrono::steady_clock::now() < end);
    }
};

struct recorder final : keeper_observer {
    std::vector<std::string> events;

    static std::string text(const opened_event& event) {
        std::string doors;
        for (const service& door : event.services)
            doors += (doors.empty() ? "" : ",") + to_string(door);
        return event.place.chain + " " + doors + " " + std::to_string(to_seconds(event.expires)) +
               " #" + std::to_string(event.request.token);
    }
    void added(const opened_event& event) override { events.push_back("added " + text(event)); }
    void extended(const opened_event& event) override {
        events.push_back("extended " + text(event));
    }
    void removed(const removed_event& event) override {
        events.push_back("removed " + event.chain + " " + std::to_string(event.position) + " " +
                         std::to_string(to_seconds(event.expires)) + (event.key ? "" : " foreign"));
    }
    void open_failed(const open_request& request, const std::string& error) override {
        events.push_back("open failed #" + std::to_string(request.token) + ": " + error);
    }
    void close_failed(std::size_t rules, const std::string& error,
                      std::chrono::milliseconds delay) override {
        events.push_back("close failed " + std::to_string(rules) + " " + error + " " +
                         std::to_string(delay.count()));
    }
    void inspect_failed(const std::string& error, std::chrono::milliseconds delay) override {
        events.push_back("inspect failed " + error + " " + std::to_string(delay.count()));
    }
    void late_work_done(const std::string& line) override { events.push_back("late " + line); }
    void late_work_failed(const std::string& error) override {
        events.push_back("late work failed " + error);
    }
    void jump_added(const added_jump& made) override { events.push_back("jump " + made.to); }
    void repaired(const std::string& what) override { events.push_back("repaired " + what); }
};

// A keeper whose clock the test turns: time stands still but for `offset`, and timers that are due
// by it fire at once.
struct stage {
    asio::io_context context;
    fake_backend filter;
    recorder log;
    moment now = at(0);
    keeper_options options = [this] {
        keeper_options made;
        made.first_retry = 10ms;
        made.last_retry = 40ms;
        made.finish_limit = 100ms;
        made.cancel_limit = 100ms;
        made.teardown_limit = 100ms;
        made.clock = [this] { return now; };
        return made;
    }();
    grant_keeper keeper{context.get_executor(), filter, log, options};

    void start() {
        asio::co_spawn(context, keeper.start(),
                       [](std::exception_ptr error, start_outcome) { REQUIRE_FALSE(error); });
        settle();
    }
    void ask(std::uint64_t token, std::vector<service> doors, std::chrono::seconds timeout) {
        keeper.open({address("192.0.2.7"), std::nullopt, std::move(doors), timeout, token});
    }
    /// Runs what is ready.
    void settle() {
        context.restart();
        while (context.poll() != 0) {
        }
    }
    /// Turns the clock to `seconds`, pushes the timer by a request for nothing, runs what is ready.
    void turn(int seconds) {
        now = at(seconds);
        keeper.open({address("192.0.2.99"), std::nullopt, {}, 1s, 0});
        settle();
    }
    void turn_milliseconds(int milliseconds) {
        now.steady += std::chrono::milliseconds{milliseconds};
        keeper.open({address("192.0.2.99"), std::nullopt, {}, 1s, 0});
        settle();
    }
    backend_outcome stop() {
        std::optional<backend_outcome> result;
        asio::co_spawn(context, keeper.stop(),
                       [&](std::exception_ptr error, backend_outcome outcome) {
                           REQUIRE_FALSE(error);
                           result = outcome;
                       });
        context.restart();
        while (!result) context.run_one();
        return *result;
    }
    std::vector<std::string> take_events() { return std::exchange(log.events, {}); }
    std::vector<std::string> take_batches() { return std::exchange(filter.batches, {}); }
};

} // namespace fwknop::test
