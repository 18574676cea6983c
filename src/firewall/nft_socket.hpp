// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/nft_messages.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace fwknop {

/// A netlink socket to the kernel's packet filter, in the network namespace where it was opened.
/// One operation at a time; none blocks, and none throws but when its coroutine is cancelled.
class nft_socket {
  public:
    /// What an exchange came to. `number` is an errno.
    struct outcome {
        int number = 0;    ///< 0: the exchange itself worked
        std::string error; ///< a sentence if it did not
        [[nodiscard]] bool ok() const noexcept { return number == 0; }
    };
    struct commit_outcome : outcome {
        std::vector<nft_reply_error> errors; ///< any: nothing of the transaction took effect
    };

    /// Throws std::runtime_error, with the remedy, when the kernel gives no such socket.
    explicit nft_socket(const boost::asio::any_io_executor& executor);

    [[nodiscard]] std::uint32_t next_sequence() const noexcept { return sequence_; }
    /// The kernel's name for this socket: who made a change, in its announcements.
    [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

    [[nodiscard]] boost::asio::any_io_executor executor() { return descriptor_.get_executor(); }

    /// Carries out a transaction that begins with `next_sequence`.
    [[nodiscard]] boost::asio::awaitable<commit_outcome> commit(nft_transaction& transaction,
                                                                std::chrono::milliseconds limit);

    /// Sends a list request with the number `next_sequence`, and hands over each message of the
    /// answer. Starts again, after a call of `again`, when the kernel says that the list changed
    /// under its hands.
    [[nodiscard]] boost::asio::awaitable<outcome>
    list(std::function<std::vector<std::uint8_t>(std::uint32_t)> request,
         std::function<void(const nlmsghdr&)> each, std::function<void()> again,
         std::chrono::milliseconds limit);

  private:
    [[nodiscard]] int send(std::span<const std::uint8_t> bytes);
    [[nodiscard]] long receive();
    [[nodiscard]] boost::asio::awaitable<bool>
    wait_readable(std::chrono::steady_clock::time_point until);
    void drain();

    boost::asio::posix::stream_descriptor descriptor_;
    std::vector<std::uint8_t> buffer_;
    std::uint32_t sequence_ = 1;
    std::uint32_t port_ = 0;
};

} // namespace fwknop
