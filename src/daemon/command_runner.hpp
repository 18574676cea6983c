// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/decision.hpp"
#include "daemon/log_event.hpp"

#include <fwknop/ip_address.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>

namespace fwknop::daemon {

/// Runs the commands of command messages beside everything else, and logs how they end. Knows
/// nothing of the configuration. To be destroyed when the executor runs no more.
class command_runner {
  public:
    /// Commands at once. Whoever has a key may start programs, but not as many as the machine
    /// cannot bear.
    static constexpr std::size_t max_running = 16;

    explicit command_runner(boost::asio::any_io_executor executor);
    command_runner(const command_runner&) = delete;
    command_runner& operator=(const command_runner&) = delete;

    /// Starts it, or refuses it with a line in the log when too many run.
    void run(command_decision what, const ip_address& packet_source, std::size_t stanza_number);

    [[nodiscard]] std::size_t running() const noexcept { return running_; }

  private:
    boost::asio::awaitable<void> perform(command_decision what, std::string head, log::event noted);

    boost::asio::any_io_executor executor_;
    std::size_t running_ = 0;
};

} // namespace fwknop::daemon
