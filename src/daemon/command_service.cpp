// SPDX-License-Identifier: Apache-2.0
#include "daemon/command_service.hpp"

#include "daemon/log.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

namespace fwknop::daemon {

namespace asio = boost::asio;

namespace {

/// How often the end of what runs is looked for, when the daemon ends.
constexpr std::chrono::milliseconds stop_poll{10};

} // namespace

command_service::command_service(const asio::any_io_executor& executor)
    : commands_{executor}, cycles_{executor} {}

bool command_service::run(const attempt& granted, const datagram& packet) {
    const std::size_t number = granted.entry->number;
    if (const auto* const command = std::get_if<command_decision>(&granted.outcome)) {
        commands_.run(*command, packet.source, number);
        return true;
    }
    if (const auto* const cycle = std::get_if<cycle_decision>(&granted.outcome)) {
        cycles_.open(*cycle, packet.source, number);
        return true;
    }
    return false;
}

void command_service::begin_stop() {
    limit_ = std::chrono::steady_clock::now() + stop_limit;
    cycles_.close_all();
}

asio::awaitable<void> command_service::finish() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor};
    while (busy() && std::chrono::steady_clock::now() < limit_) {
        timer.expires_after(stop_poll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    if (commands_.running() > 0) {
        log::error("Killing " + std::to_string(commands_.running()) +
                   " commands that did not end in time");
    }
    if (cycles_.pending() > 0) {
        log::error("CMD_CYCLE_CLOSE commands of " + std::to_string(cycles_.pending()) +
                   " packets were not run to their end in time: what they close may be open");
    }
}

} // namespace fwknop::daemon
