// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant_keeper.hpp"
#include "firewall/iptables_backend.hpp"
#include "firewall/keeper_observer.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// A daemon's firewall part alone, over the real programs, in a network namespace that is thrown
// away.

namespace fwknop::test {

/// Moves this thread into a fresh network namespace, which vanishes with the process. Fails the
/// test without root.
void enter_new_network_namespace();

/// Keeps the events as the lines that a log would have.
class event_log final : public keeper_observer {
  public:
    std::vector<std::string> lines;

    void added(const opened_event& event) override;
    void extended(const opened_event& event) override;
    void removed(const removed_event& event) override;
    void open_failed(const open_request& request, const std::string& error) override;
    void close_failed(std::size_t rules, const std::string& error,
                      std::chrono::milliseconds delay) override;
    void inspect_failed(const std::string& error, std::chrono::milliseconds delay) override;
    void jump_added(const added_jump& made) override;
    void repaired(const std::string& what) override;

    [[nodiscard]] bool has(std::string_view line) const;
};

class real_iptables {
  public:
    /// `variant`: "iptables-nft" or "iptables-legacy".
    explicit real_iptables(const std::string& variant);
    real_iptables(const real_iptables&) = delete;
    real_iptables& operator=(const real_iptables&) = delete;
    ~real_iptables() { crash(); }

    /// Runs one command line of the variant (`-A INPUT …` or, with `six`, its IPv6 twin's) and
    /// fails the test if it fails.
    void iptables(const std::string& arguments, bool six = false) const;

    /// The rules and chains of a table, sorted out of comments, counters and of chains that the
    /// kernel makes by itself.
    [[nodiscard]] std::vector<std::string> saved(bool six = false,
                                                 const std::string& table = "filter") const;

    /// How many saved lines hold `text`.
    [[nodiscard]] int count(std::string_view text, bool six = false,
                            const std::string& table = "filter") const;

    /// Starts keeper and backend anew, as a daemon that starts.
    start_outcome start();
    /// As if the daemon were killed.
    void crash();
    backend_outcome stop();
    void open(std::string_view source, std::uint16_t port, int seconds);
    /// Runs until nothing is under way but timers, or for `time`.
    void run(std::chrono::milliseconds time = std::chrono::milliseconds{150});

    iptables_options options;
    event_log log;
    std::unique_ptr<grant_keeper> keeper;
    std::unique_ptr<iptables_backend> filter;

  private:
    [[nodiscard]] std::string output_of(const std::string& command) const;

    std::unique_ptr<boost::asio::io_context> context_;
};

} // namespace fwknop::test
