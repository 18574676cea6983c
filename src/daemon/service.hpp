// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/command_service.hpp"
#include "daemon/configuration.hpp"
#include "daemon/decision_log.hpp"
#include "daemon/gpg_child.hpp"
#include "daemon/gpg_desk.hpp"
#include "daemon/grant_reporter.hpp"
#include "daemon/memory_reserve.hpp"
#include "daemon/name_lookup.hpp"
#include "daemon/options.hpp"
#include "daemon/packet_sources.hpp"
#include "daemon/pipeline.hpp"
#include "daemon/replay_store.hpp"
#include "daemon/rulebook.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/supervision.hpp"
#include "daemon/trial.hpp"
#include "firewall/backend.hpp"
#include "firewall/grant_keeper.hpp"
#include "firewall/helper.hpp"

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
    /// std::runtime_error with a line for the administrator. `given` are read again at a reload.
    /// `starter`, which may start what `may_start` says, must live longer.
    service(options given, configuration config, service_manager manager, helper& starter,
            helper_rules may_start);

    /// Runs until a signal, the packet limit or the end of a capture file. `ready` is called once
    /// the firewall is initialised and capture is open. Returns the exit status.
    int run(const std::function<void()>& ready);

  private:
    /// Why the daemon ends.
    struct ending {
        int status = 0;
        std::string line; ///< for the log, e.g. "Got SIGTERM. Exiting..."; may be empty
    };

    void open(const attempt& granted, const datagram& packet);
    void ask_gpg(const gpg_settings& how, const gpg_envelope& what,
                 std::function<void(gpg_desk::answer)> done);
    boost::asio::awaitable<void> open_by_name(open_request request, std::string host);
    void stop(ending why);
    void helper_ended();
    [[nodiscard]] std::size_t turn_limit() const;
    void after_turn(std::size_t packets);
    [[nodiscard]] source_hooks hooks_for_sources();

    boost::asio::awaitable<void> live(const std::function<void()>& ready);
    boost::asio::awaitable<bool> start_firewall();
    boost::asio::awaitable<void> finish_file();
    boost::asio::awaitable<void> clean_up();
    boost::asio::awaitable<void> watch_signals();
    boost::asio::awaitable<void> stop_at_limit();
    boost::asio::awaitable<void> write_summary();
    boost::asio::awaitable<void> watch_drops();
    void report_drops();

    void reload();
    [[nodiscard]] bool take_over(configuration fresh);
    void tell_unchanged();
    void write_status();
    void confirm_trial();
    void compact_replays();

    options given_; ///< with absolute paths
    bool test_mode_;
    helper_rules may_start_;
    std::shared_ptr<const rulebook> rules_;
    std::optional<std::uint64_t> packet_limit_;
    std::uint64_t packets_ = 0;
    bool limit_reached_ = false;

    name_lookup names_; ///< of hosts in requests for NAT; outlives what runs in the context
    boost::asio::io_context context_{1};
    boost::asio::signal_set signals_;
    memory_reserve reserve_;                  ///< while SIGTERM is handled
    boost::asio::steady_timer stopped_;       ///< never expires; cancelled by `stop`
    boost::asio::steady_timer summary_timer_; ///< armed while lines are suppressed
    bool summary_armed_ = false;
    boost::asio::steady_timer
        drops_timer_; ///< armed while packets come faster than they are handled
    bool drops_armed_ = false;
    std::uint64_t drops_told_ = 0;
    bool running_ = false; ///< started, and told so
    std::optional<ending> ending_;

    replay_store replays_;
    unix_time compacted_; ///< when the replay file was last rid of what is outdated
    decision_log log_;
    pipeline pipeline_;
    supervision supervision_;
    grant_reporter reporter_;
    command_service commands_;
    std::unique_ptr<backend> backend_;   ///< none in test mode, or if all stanzas are cycles
    std::optional<grant_keeper> keeper_; ///< likewise
    bool translates_sources_ = false;    ///< the backend was made for that
    bool rules_stay_ = false;            ///< when the daemon ends
    std::optional<trial> trial_;
    packet_sources sources_;
};

// What start and reload both ask of a configuration.

/// Whether the packet filter is needed for it.
[[nodiscard]] bool opens_ports(const stanza& entry);

/// Whether source addresses are translated although ENABLE_IPT_SNAT may be off.
[[nodiscard]] bool translates_sources(const std::vector<stanza>& stanzas);

/// Entries of the replay file older than this cannot match anything acceptable any more.
[[nodiscard]] unix_time forget_before(const server_config& server, unix_time now);

} // namespace fwknop::daemon
