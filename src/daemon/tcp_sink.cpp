// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: anybody connects, as often as the link allows, and sends slowly,
// nothing, or without end. So every connection has little room and little time, and a newcomer
// costs the oldest one its rest.

#include "daemon/tcp_sink.hpp"

#include "core/spa/http_carrier.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fwknop::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// After a failure to accept, most likely for want of descriptors: until some are free again.
constexpr std::chrono::milliseconds accept_pause{50};

constexpr int backlog = 128;

std::runtime_error failure(std::uint16_t port, const std::string& what, const error_code& error) {
    return std::runtime_error{"[*] Cannot listen on TCP port " + std::to_string(port) + ": " +
                              what + ": " + error.message()};
}

// Both families on one socket where the kernel has IPv6, else IPv4 alone.
tcp::acceptor listen_on(asio::io_context& context, std::uint16_t port) {
    tcp::acceptor acceptor{context};
    error_code error;
    acceptor.open(tcp::v6(), error);
    if (!error) {
        acceptor.set_option(asio::ip::v6_only{false}, error);
        if (error) throw failure(port, "socket option", error);
        // Connections of an earlier run that linger must not keep us from listening.
        acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
        acceptor.bind({tcp::v6(), port}, error);
    }
    if (error == asio::error::address_family_not_supported ||
        error == boost::system::errc::address_not_available) {
        acceptor = tcp::acceptor{context};
        acceptor.open(tcp::v4(), error);
        if (error) throw failure(port, "socket", error);
        acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
        acceptor.bind({tcp::v4(), port}, error);
    }
    if (error) throw failure(port, "bind", error);
    acceptor.listen(backlog, error);
    if (error) throw failure(port, "listen", error);
    return acceptor;
}

ip_address address_of(const asio::ip::address& address) {
    if (address.is_v4()) return ip_address::v4(address.to_v4().to_bytes());
    return ip_address::v6(address.to_v6().to_bytes()).unmapped();
}

} // namespace

/// One sender: the addresses, and what it sent so far.
struct tcp_sink::connection {
    explicit connection(tcp::socket accepted)
        : socket{std::move(accepted)}, deadline{socket.get_executor()} {}

    /// No more is read; what is there counts.
    void end() noexcept {
        ended = true;
        error_code ignored;
        socket.cancel(ignored);
    }

    [[nodiscard]] asio::mutable_buffer room() noexcept { return asio::buffer(buffer) + size; }

    /// What is there and was not read before the end came.
    void take_rest() noexcept {
        if (size == buffer.size()) return;
        error_code error;
        socket.non_blocking(true, error);
        if (!error) size += socket.read_some(room(), error);
    }

    tcp::socket socket;
    asio::steady_timer deadline;
    datagram data; ///< without payload
    std::array<char, max_data_size> buffer;
    std::size_t size = 0;
    bool ended = false;
};

tcp_sink::tcp_sink(asio::io_context& context, std::uint16_t port, bool http, handler handle,
                   std::chrono::milliseconds limit)
    : context_{context}
    , acceptor_{listen_on(context, port)}
    , http_{http}
    , handle_{std::move(handle)}
    , limit_{limit} {}

asio::awaitable<void> tcp_sink::run() {
    asio::steady_timer pause{context_};
    while (acceptor_.is_open()) {
        error_code error;
        tcp::socket accepted =
            co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (!error) {
            admit(std::move(accepted));
        } else if (error != asio::error::operation_aborted) {
            pause.expires_after(accept_pause);
            co_await pause.async_wait(asio::use_awaitable);
        }
    }
}

void tcp_sink::close() noexcept {
    error_code ignored;
    acceptor_.close(ignored);
    for (const auto& each : open_) each->end();
}

void tcp_sink::admit(tcp::socket socket) {
    ++counters_.accepted;
    error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error) return; // gone already
    const auto local = socket.local_endpoint(error);
    if (error) return;

    auto peer = std::make_shared<connection>(std::move(socket));
    peer->data.protocol = ip_protocol_tcp;
    peer->data.source = address_of(remote.address());
    peer->data.source_port = remote.port();
    peer->data.destination = address_of(local.address());
    peer->data.destination_port = local.port();

    if (open_.size() == max_connections) {
        ++counters_.ended_early;
        open_.front()->end();
        open_.pop_front();
    }
    open_.push_back(peer);
    asio::co_spawn(context_, serve(std::move(peer)), asio::detached);
}

asio::awaitable<void> tcp_sink::serve(std::shared_ptr<connection> peer) {
    peer->deadline.expires_after(limit_);
    peer->deadline.async_wait([peer](const error_code& cancelled) {
        if (!cancelled) peer->end();
    });
    while (!peer->ended && !is_complete(*peer)) {
        const auto room = peer->room();
        error_code error;
        const std::size_t size = co_await peer->socket.async_read_some(
            room, asio::redirect_error(asio::use_awaitable, error));
        peer->size += size;
        if (error) break; // the sender's end of data is one, too
    }
    peer->deadline.cancel();
    error_code ignored;
    if (peer->ended) peer->take_rest();
    peer->socket.close(ignored);
    open_.remove(peer);
    deliver(*peer);
}

bool tcp_sink::is_complete(const connection& peer) const noexcept {
    if (peer.size == peer.buffer.size()) return true;
    const std::string_view data{peer.buffer.data(), peer.size};
    return http_ && begins_http_request(data) && ends_http_header(data);
}

void tcp_sink::deliver(const connection& peer) const {
    if (peer.size == 0) {
        handle_(errc::frame_empty);
        return;
    }
    const std::string_view data{peer.buffer.data(), peer.size};
    if (peer.size == peer.buffer.size() && !(http_ && ends_http_header(data))) {
        handle_(errc::payload_too_long);
        return;
    }
    datagram packet = peer.data;
    packet.payload = data;
    handle_(packet);
}

} // namespace fwknop::daemon
