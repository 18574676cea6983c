// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"
#include "core/policy/gatekeeper.hpp"
#include "daemon/command_cycles.hpp"
#include "daemon/command_runner.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace fwknop::daemon {

/// All that the daemon runs on behalf of packets: commands and cycles. Independent of the
/// configuration's lifetime. To be destroyed when the executor runs no more.
class command_service {
  public:
    /// What `finish` takes at most: the service manager waits ten seconds.
    static constexpr std::chrono::seconds stop_limit{8};

    explicit command_service(const boost::asio::any_io_executor& executor);

    /// Runs what was granted. Whether it was a command or a cycle; false: it is for others.
    bool run(const attempt& granted, const datagram& packet);

    /// Something runs. Closes that are pending do not count.
    [[nodiscard]] bool busy() const noexcept { return commands_.running() > 0 || cycles_.busy(); }

    /// The beginning of the end: all pending close commands are due now.
    void begin_stop();

    /// After `begin_stop`: waits until nothing runs, at most until `stop_limit` after that. What
    /// runs then is killed with the loop, and told in the log.
    [[nodiscard]] boost::asio::awaitable<void> finish();

  private:
    command_runner commands_;
    command_cycles cycles_;
    std::chrono::steady_clock::time_point limit_;
};

} // namespace fwknop::daemon
