// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "daemon/capture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace fwknop::daemon {

/// What a watcher needs from the daemon.
struct watcher_hooks {
    /// How many frames may be handled before others have their turn.
    std::function<std::size_t()> turn_limit;
    std::function<void(link_type, std::span<const std::uint8_t>, std::size_t wire_length, moment)>
        frame;
    std::function<void(std::size_t frames)> after_turn;
    /// The interface went down or away; says whether to wait for its return.
    std::function<bool(const std::string& name, const std::string& reason)> lost;
    std::function<void(const std::string& name)> opened_again;
};

/// Captures on one interface, and opens it again when it went away and returned.
class interface_watcher : public std::enable_shared_from_this<interface_watcher> {
  public:
    /// Opens the capture. Throws std::runtime_error with a line for the administrator.
    interface_watcher(boost::asio::io_context& context, const std::string& name,
                      const capture_settings& settings, const watcher_hooks& hooks);

    /// Until `stop`, or until the interface is lost and not waited for. Keeps the watcher alive.
    [[nodiscard]] boost::asio::awaitable<void> run();

    /// No frame is handled any more; `run` returns.
    void stop();

    /// The kernel says that the interface was switched on or off.
    void link_changed(bool up);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::uint64_t dropped() const { return capture_.dropped(); }

  private:
    void hold_descriptor(); ///< or std::runtime_error
    [[nodiscard]] boost::asio::awaitable<std::string> watch();
    [[nodiscard]] boost::asio::awaitable<bool> reopen();

    boost::asio::io_context& context_;
    std::string name_;
    capture_settings settings_;
    const watcher_hooks& hooks_;
    capture capture_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer retry_;
    bool up_ = true;
    bool stopped_ = false;
};

} // namespace fwknop::daemon
