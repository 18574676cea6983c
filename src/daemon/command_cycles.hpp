// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/decision.hpp"

#include <fwknop/ip_address.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>

namespace fwknop::daemon {

/// Runs the open commands of cycles, and their close commands when their time has come. The
/// commands of one packet run one after the other; a close never overtakes its open. Knows nothing
/// of the configuration, so pending closes survive whatever replaces it. One timer, armed for the
/// earliest close: with none pending there are no wake-ups. To be destroyed when the executor runs
/// no more.
class command_cycles {
  public:
    /// Packets whose open commands run at once, and likewise close commands. Opens beyond are
    /// refused, closes wait.
    static constexpr std::size_t max_running = 16;
    /// Packets whose closes are still to run: a bound for memory. Beyond, opens are refused.
    static constexpr std::size_t max_pending = 4096;
    /// What open commands that still run get at the end, before they are killed and closed.
    static constexpr std::chrono::seconds open_grace{2};

    explicit command_cycles(const boost::asio::any_io_executor& executor);
    command_cycles(const command_cycles&) = delete;
    command_cycles& operator=(const command_cycles&) = delete;

    /// Runs the open commands and plans the close commands, or refuses both with a line in the log.
    void open(cycle_decision what, const ip_address& packet_source, std::size_t stanza_number);

    /// At the end: every pending close becomes due, and opens are refused from now on.
    void close_all();

    /// Packets with close commands that have not run to their end.
    [[nodiscard]] std::size_t pending() const noexcept {
        return planned_.size() + due_.size() + closing_;
    }

    /// Commands run, or wait only for others to end.
    [[nodiscard]] bool busy() const noexcept {
        return !opening_.empty() || !due_.empty() || closing_ > 0;
    }

  private:
    struct cycle;
    using cycle_ptr = std::shared_ptr<cycle>;

    static boost::asio::awaitable<void> run_all(cycle_ptr what, bool open);
    void start_open(const cycle_ptr& what);
    void start_closes();
    void arm();

    boost::asio::any_io_executor executor_;
    boost::asio::steady_timer timer_;
    std::multimap<std::chrono::steady_clock::time_point, cycle_ptr> planned_;
    std::deque<cycle_ptr> due_;
    std::set<cycle_ptr> opening_;
    std::size_t closing_ = 0;
    bool stopping_ = false;
};

} // namespace fwknop::daemon
