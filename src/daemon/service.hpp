// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/gatekeeper.hpp"
#include "daemon/capture.hpp"
#include "daemon/command_service.hpp"
#include "daemon/configuration.hpp"
#include "daemon/decision_log.hpp"
#include "daemon/grant_reporter.hpp"
#include "daemon/name_lookup.hpp"
#include "daemon/options.hpp"
#include "daemon/pipeline.hpp"
#include "daemon/replay_store.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/supervision.hpp"
#include "daemon/tcp_sink.hpp"
#include "daemon/udp_listener.hpp"
#include "firewall/backend.hpp"
#include "firewall/grant_keeper.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// The running daemon: sources of packets, the pipeline, the grants, the signals, on one thread.
class service {
  public:
    /// Opens everything that can fail: replay file, sources, the packet filter's programs. Throws
    /// std::runtime_error with a line for the administrator. `config` must outlive the service.
    service(const options& given, const configuration& config, service_manager manager);

    /// Runs until a signal, the packet limit or the end of a capture file. `ready` is called once
    /// the firewall is initialised and capture is open. Returns the exit status.
    int run(const std::function<void()>& ready);

  private:
    /// Why the daemon ends.
    struct ending {
        int status = 0;
        std::string line; ///< for the log, e.g. "Got SIGTERM. Exiting..."; may be empty
    };

    void open_sources();
    void open(const attempt& granted, const datagram& packet);
    boost::asio::awaitable<void> open_by_name(open_request request, std::string host);
    void stop(ending why);
    [[nodiscard]] std::size_t turn_limit() const;
    void after_turn(std::size_t packets);

    boost::asio::awaitable<void> live(const std::function<void()>& ready);
    boost::asio::awaitable<bool> start_firewall();
    boost::asio::awaitable<void> watch_interface(std::size_t index);
    boost::asio::awaitable<bool> reopen(std::size_t index);
    boost::asio::awaitable<void> watch_udp();
    void take_from_tcp(const result<datagram>& packet);
    boost::asio::awaitable<void> read_file();
    boost::asio::awaitable<void> clean_up();
    boost::asio::awaitable<void> watch_signals();
    boost::asio::awaitable<void> write_summary();

    [[nodiscard]] bool reads_file() const noexcept { return !config_.server.pcap_file.empty(); }

    const configuration& config_;
    bool test_mode_;
    std::optional<std::uint64_t> packet_limit_;
    std::uint64_t packets_ = 0;

    name_lookup names_; ///< of hosts in requests for NAT; outlives what runs in the context
    boost::asio::io_context context_{1};
    boost::asio::signal_set signals_;
    boost::asio::steady_timer stopped_;       ///< never expires; cancelled by `stop`
    boost::asio::steady_timer summary_timer_; ///< armed while lines are suppressed
    bool summary_armed_ = false;
    std::optional<ending> ending_;

    replay_store replays_;
    gatekeeper gate_;
    decision_log log_;
    pipeline pipeline_;
    supervision supervision_;
    grant_reporter reporter_;
    command_service commands_;
    std::unique_ptr<backend> backend_;     ///< none in test mode, or if all stanzas are cycles
    std::optional<grant_keeper> keeper_;   ///< likewise
    std::vector<capture> captures_;        ///< one per interface, or the file
    std::optional<udp_listener> listener_; ///< the UDP server, in place of captures
    std::optional<tcp_sink> sink_;         ///< the TCP server, beside either
};

} // namespace fwknop::daemon
