// SPDX-License-Identifier: Apache-2.0
#include "daemon/command_cycles.hpp"

#include "core/spa/command_words.hpp"
#include "core/spa/text.hpp"
#include "daemon/log.hpp"
#include "daemon/program.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

std::string log_head(const ip_address& address, std::size_t stanza_number) {
    return "[" + address.to_string() + "] (stanza #" + std::to_string(stanza_number) + ") ";
}

} // namespace

struct command_cycles::cycle {
    cycle_decision what;
    std::string open_head;  ///< of log lines, with the packet's source
    std::string close_head; ///< likewise, with the address that was opened
    bool opening = true;
    log::event opened; ///< what the lines say for programs
    log::event closed;
    asio::cancellation_signal cancel; ///< of the open commands

    [[nodiscard]] bool closes() const noexcept {
        return !what.runs.empty() && !what.runs.front().close.empty();
    }
};

command_cycles::command_cycles(const asio::any_io_executor& executor)
    : executor_{executor}, timer_{executor} {}

void command_cycles::open(cycle_decision what, const ip_address& packet_source,
                          std::size_t stanza_number) {
    const auto made = std::make_shared<cycle>();
    made->open_head = log_head(packet_source, stanza_number);
    made->close_head = log_head(what.source, stanza_number);
    made->opened = {.kind = log::event_kind::command,
                    .source = packet_source.to_string(),
                    .stanza = stanza_number};
    made->closed = made->opened;
    made->closed.source = what.source.to_string();
    made->what = std::move(what);
    if (stopping_ || opening_.size() == max_running || pending() >= max_pending) {
        log::error(made->open_head + "CMD_CYCLE_OPEN command refused, because " +
                   (stopping_ ? "the daemon ends"
                    : opening_.size() == max_running
                        ? std::to_string(max_running) + " still run"
                        : std::to_string(max_pending) + " close commands are pending"));
        return;
    }
    const cycle_decision& decided = made->what;
    for (const cycle_run& each : decided.runs) {
        log::info(made->open_head +
                      "Running CMD_CYCLE_OPEN command: " + join_command_words(each.open),
                  made->opened);
        if (each.close.empty()) continue;
        log::info(made->open_head + "Running CMD_CYCLE_CLOSE command in " +
                      std::to_string(decided.close_after.count()) +
                      " seconds: " + join_command_words(each.close),
                  made->opened);
    }
    start_open(made);
    if (made->closes()) {
        planned_.emplace(std::chrono::steady_clock::now() + decided.close_after, made);
        arm();
    }
}

void command_cycles::start_open(const cycle_ptr& what) {
    opening_.insert(what);
    asio::co_spawn(
        executor_, run_all(what, true),
        asio::bind_cancellation_slot(what->cancel.slot(), [this, what](const std::exception_ptr&) {
            what->opening = false;
            opening_.erase(what);
            start_closes();
        }));
}

void command_cycles::start_closes() {
    while (closing_ < max_running) {
        // Usually the first: an open command that takes longer than its own time is rare.
        const auto ready =
            std::ranges::find_if(due_, [](const auto& each) { return !each->opening; });
        if (ready == due_.end()) return;
        const cycle_ptr what = *ready;
        due_.erase(ready);
        ++closing_;
        asio::co_spawn(executor_, run_all(what, false), [this](const std::exception_ptr&) {
            --closing_;
            start_closes();
        });
    }
}

asio::awaitable<void> command_cycles::run_all(cycle_ptr what, bool open) {
    const std::string& head = open ? what->open_head : what->close_head;
    const log::event& noted = open ? what->opened : what->closed;
    for (const cycle_run& each : what->what.runs) {
        const auto& words = open ? each.open : each.close;
        if (!open) {
            log::info(head + "Timer expired, running CMD_CYCLE_CLOSE command: " +
                          join_command_words(words),
                      noted);
        }
        program named{words, what->what.run_as, what->what.time_limit};
        const program_result done = co_await run_program(std::move(named));
        if (done.problem.empty()) continue;
        log::warning(
            head + (open ? "CMD_CYCLE_OPEN command failed: " : "CMD_CYCLE_CLOSE command failed: ") +
                escaped(done.problem),
            noted);
        if (done.child.end == child_end::cancelled) break;
    }
}

void command_cycles::arm() {
    if (stopping_) return;
    if (planned_.empty()) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(planned_.begin()->first);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (cancelled) return;
        const auto over = planned_.upper_bound(std::chrono::steady_clock::now());
        for (auto at = planned_.begin(); at != over; at = planned_.erase(at)) {
            due_.push_back(at->second);
        }
        start_closes();
        arm();
    });
}

void command_cycles::close_all() {
    stopping_ = true;
    for (const auto& [time, what] : planned_) due_.push_back(what);
    planned_.clear();
    start_closes();
    timer_.expires_after(open_grace);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (cancelled) return;
        const auto still = opening_; // the original changes under our hands
        for (const auto& each : still) each->cancel.emit(asio::cancellation_type::terminal);
    });
}

} // namespace fwknop::daemon
