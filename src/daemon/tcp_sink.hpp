// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

namespace fwknop::daemon {

/// Accepts TCP connections that carry a packet each, for IPv4 and IPv6. Reads what comes, never
/// sends, and closes: at the sender's end of data, behind the header of an HTTP request, or when
/// the time is over. Not more than a fixed number of connections is open at once.
class tcp_sink {
  public:
    /// The promise is that a connection is closed within a second.
    static constexpr std::chrono::milliseconds connection_limit{900};
    /// Room for the longest packet in an HTTP request.
    static constexpr std::size_t max_data_size = 2048;
    /// One that comes beyond this ends the oldest: that one has had the most time to send, and
    /// what it sent is looked at all the same. 128 take less than half a megabyte.
    static constexpr std::size_t max_connections = 128;

    struct counters {
        std::uint64_t accepted = 0;
        std::uint64_t ended_early = 0; ///< to make room for another
    };

    /// What came over one connection, reassembled; its destination is the connection's local
    /// address. Without any data: `errc::frame_empty`; with more than fit: `payload_too_long`. The
    /// datagram is valid during the call. Must not throw.
    using handler = std::function<void(const result<datagram>&)>;

    /// Listens on `port`. `http`: a request is complete at the end of its header. The handler must
    /// outlive the connections, and so `context` must be stopped before the sink goes. Throws
    /// std::runtime_error with a line for the administrator.
    tcp_sink(boost::asio::io_context& context, std::uint16_t port, bool http, handler handle,
             std::chrono::milliseconds limit = connection_limit);
    tcp_sink(const tcp_sink&) = delete;
    tcp_sink& operator=(const tcp_sink&) = delete;
    ~tcp_sink() = default;

    /// Accepts for ever. To be called once.
    boost::asio::awaitable<void> run();

    /// Accepts nothing more and ends the open connections.
    void close() noexcept;

    [[nodiscard]] const counters& counted() const noexcept { return counters_; }

  private:
    struct connection;
    using connections = std::list<std::shared_ptr<connection>>;

    void admit(boost::asio::ip::tcp::socket socket);
    boost::asio::awaitable<void> serve(std::shared_ptr<connection> peer);
    [[nodiscard]] bool is_complete(const connection& peer) const noexcept;
    void deliver(const connection& peer) const;

    boost::asio::io_context& context_;
    boost::asio::ip::tcp::acceptor acceptor_;
    bool http_;
    handler handle_;
    std::chrono::milliseconds limit_;
    connections open_; ///< the oldest first
    counters counters_;
};

} // namespace fwknop::daemon
