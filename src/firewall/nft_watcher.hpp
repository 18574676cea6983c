// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/nft_layout.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace fwknop {

/// Hears from the kernel when somebody changes a table. What comes through the socket of
/// `own_port` does not even wake the process; changes of other tables wake it for a moment.
class nft_watcher {
  public:
    /// Throws std::runtime_error when the kernel's announcements cannot be had.
    nft_watcher(const boost::asio::any_io_executor& executor, nft_home home, std::uint32_t own_port,
                std::function<void()> changed);
    nft_watcher(const nft_watcher&) = delete;
    nft_watcher& operator=(const nft_watcher&) = delete;
    /// `changed` is not called any more.
    ~nft_watcher();

    /// Between these two calls changes are ours: they are not reported, not even afterwards.
    void pause();
    void resume();

  private:
    struct state;
    static void wait(const std::shared_ptr<state>& shared);

    std::shared_ptr<state> state_;
};

} // namespace fwknop
