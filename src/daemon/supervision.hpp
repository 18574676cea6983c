// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/pipeline.hpp"
#include "daemon/service_manager.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// What the service manager is told of the running daemon, and when. Signs of life come from the
/// loop that handles packets, so that a loop that hangs gives none. Without a service manager, and
/// while nothing happens, no timer is armed, but for the watchdog's.
class supervision {
  public:
    static constexpr std::chrono::seconds status_interval{3}; ///< a line at most so often

    /// `status` makes the line for the administrator. Nothing is told before `ready`.
    supervision(const boost::asio::any_io_executor& executor, service_manager manager,
                std::function<std::string()> status);

    /// The daemon works. Tries again until the manager has taken it.
    void ready();

    /// The configuration is being read again; `ready` ends it.
    void reloading();

    /// The status line may have changed: it is told when it has, and the last one is not too near.
    void changed();

    /// The daemon ends.
    void stopping();

  private:
    void give_sign();
    void tell_status();

    service_manager manager_;
    std::function<std::string()> status_;
    std::string told_; ///< the last status line
    std::chrono::steady_clock::time_point told_at_{};
    bool ready_ = false;
    bool status_armed_ = false;
    boost::asio::steady_timer ready_timer_;
    boost::asio::steady_timer watchdog_timer_;
    boost::asio::steady_timer status_timer_;
};

/// `Packets: 5 received, 2 granted, 1 replayed, 2 refused; grants open: 1`
[[nodiscard]] std::string status_line(const packet_counters& counters, std::size_t open_grants);

/// A line for each reason that packets ended for, with how many did.
[[nodiscard]] std::vector<std::string> status_details(const packet_counters& counters);

} // namespace fwknop::daemon
