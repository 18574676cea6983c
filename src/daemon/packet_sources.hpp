// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/capture.hpp"
#include "daemon/interface_watcher.hpp"
#include "daemon/link_monitor.hpp"
#include "daemon/pipeline.hpp"
#include "daemon/rulebook.hpp"
#include "daemon/tcp_sink.hpp"
#include "daemon/udp_listener.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// What the sources need from the daemon.
struct source_hooks {
    /// How many packets may be handled before timers, children and other sources have their turn.
    std::function<std::size_t()> turn_limit;
    std::function<void(std::size_t packets)> after_turn;
    std::function<void()> file_ended;
    std::function<void(const std::string& reason)> failed; ///< the daemon has to end
};

/// Everything that packets come from: interfaces, or a UDP socket, or a capture file; and beside
/// the first two the TCP server. All of it feeds one pipeline.
class packet_sources {
  public:
    /// Opens what the rules ask for. Throws std::runtime_error with a line for the administrator.
    /// `context`, which must be stopped before this object goes, and `line` outlive it.
    packet_sources(boost::asio::io_context& context, pipeline& line,
                   std::shared_ptr<const rulebook> rules, source_hooks hooks);

    /// Says in the log what is listened to.
    void announce() const;

    void start();

    /// Nothing is accepted any more.
    void stop();

    /// From now on these rules count. With `reopen` the interfaces are opened anew: all of them, or
    /// none, and then std::runtime_error says why, and the old rules stay.
    void use(std::shared_ptr<const rulebook> rules, bool reopen);

    [[nodiscard]] bool captures() const noexcept { return !watchers_.empty() || file_.has_value(); }

    /// Frames that the kernel dropped because we were too slow.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    using watchers = std::vector<std::shared_ptr<interface_watcher>>;

    [[nodiscard]] watchers open_interfaces(const server_config& server);
    [[nodiscard]] watcher_hooks hooks_for_watchers();
    [[nodiscard]] bool wait_for_return(const std::string& name, const std::string& reason);
    void announce_interfaces() const;
    void spawn(boost::asio::awaitable<void> loop);
    void spawn_watchers();

    boost::asio::awaitable<void> watch_links();
    boost::asio::awaitable<void> watch_udp();
    boost::asio::awaitable<void> read_file();

    boost::asio::io_context& context_;
    pipeline& line_;
    std::shared_ptr<const rulebook> rules_;
    source_hooks hooks_;
    watcher_hooks watcher_hooks_;
    bool stopped_ = false;

    watchers watchers_;
    std::optional<link_monitor> links_; ///< beside watchers
    std::optional<capture> file_;
    std::optional<udp_listener> listener_; ///< in place of watchers
    std::optional<tcp_sink> sink_;         ///< beside either
};

} // namespace fwknop::daemon
