// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"
#include "firewall/grant_keeper.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace fwknop::daemon {

/// `--trial`: an administrator who hides the port of his own session may have locked himself out,
/// and finds out too late to tell anybody. So the protection ends by itself unless he confirms it;
/// the packet filter sees to that even if the daemon dies.
class trial {
  public:
    /// Sets the end. Throws std::runtime_error, with the remedy, if `filter`, which has not started
    /// yet, hides nothing.
    trial(const boost::asio::any_io_executor& executor, std::chrono::seconds length,
          backend& filter);

    /// The packet filter has started. `over` is called, once, if nobody confirms in time. The
    /// keeper outlives this.
    void begin(grant_keeper& keeper, std::function<void()> over);

    /// The administrator is content. Says in the log what comes of it.
    void confirm();

  private:
    enum class state {
        starting,
        running,
        confirming,
        confirmed,
    };
    void wait();

    std::chrono::seconds length_;
    std::chrono::steady_clock::time_point end_;
    boost::asio::steady_timer timer_;
    grant_keeper* keeper_ = nullptr;
    std::function<void()> over_;
    state state_ = state::starting;
};

/// The value of `--trial`: whole seconds, a day at most. Throws std::runtime_error if it is
/// something else.
[[nodiscard]] std::optional<std::chrono::seconds>
parse_trial(const std::optional<std::string>& text);

} // namespace fwknop::daemon
