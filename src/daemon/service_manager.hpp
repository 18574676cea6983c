// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/local_datagram.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::daemon {

/// What started us and wants to know how we are, as systemd does (sd_notify(3)): words in
/// datagrams to the socket that NOTIFY_SOCKET names. Nothing here waits. With nobody there every
/// call does nothing.
class service_manager {
  public:
    /// Nobody.
    service_manager() = default;

    /// `watchdog`: how soon after the last `alive` it takes us for dead. Throws std::runtime_error
    /// when `socket` is not the name of one.
    explicit service_manager(const std::string& socket,
                             std::optional<std::chrono::microseconds> watchdog = std::nullopt);

    /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are taken out of the environment:
    /// what we start shall not speak for us. Throws as above. To be called while there is one
    /// thread.
    [[nodiscard]] static service_manager from_environment();

    [[nodiscard]] bool present() const noexcept { return socket_.has_value(); }
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const noexcept {
        return watchdog_;
    }

    /// Started, or done with reloading. False when it could not be told: the manager still waits.
    [[nodiscard]] bool ready(std::string_view status) const;

    /// The configuration is being read again, since `now`; `ready` ends it.
    void reloading(std::chrono::steady_clock::time_point now) const;

    void stopping() const;

    /// One line for the administrator.
    void status(std::string_view line) const;

    void alive() const;

  private:
    bool tell(std::string_view words) const;

    std::optional<local_datagram> socket_;
    std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace fwknop::daemon
