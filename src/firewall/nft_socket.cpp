// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_socket.hpp"

#include "firewall/netlink_walk.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fwknop {

namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

// The kernel takes a transaction in one piece and answers each message that fails: room for 10,000
// grants at once, and for as many complaints. Only what is in use is taken.
constexpr int send_room = 16 * 1024 * 1024;
constexpr int receive_room = 16 * 1024 * 1024;
// The kernel writes lists in pieces of at most 32 KiB.
constexpr std::size_t receive_size = 64 * 1024;
constexpr int max_list_rounds = 5;

std::string words(int number) {
    return std::generic_category().message(number);
}

void set_room(int socket, int forced, int asked, int bytes) {
    // Without the privilege the system's own limit has to do.
    if (::setsockopt(socket, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        ::setsockopt(socket, SOL_SOCKET, asked, &bytes, sizeof bytes);
}

int open_socket() {
    const int socket =
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (socket < 0 ||
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int number = errno;
        if (socket >= 0) ::close(socket);
        throw std::runtime_error{
            "The kernel's packet filter cannot be reached by netlink: " + words(number) +
            ": a kernel with nf_tables is needed (CONFIG_NF_TABLES), and in a "
            "sandbox the socket family AF_NETLINK"};
    }
    set_room(socket, SO_SNDBUFFORCE, SO_SNDBUF, send_room);
    set_room(socket, SO_RCVBUFFORCE, SO_RCVBUF, receive_room);
    const int on = 1; // both only make complaints shorter and clearer
    ::setsockopt(socket, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    ::setsockopt(socket, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return socket;
}

nft_socket::outcome failed(int number, const std::string& what) {
    return {number, what + ": " + words(number)};
}

// The errno in an error; never 0.
int error_in(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr)) return EBADMSG;
    const auto& error = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
    constexpr int most = 4095; // what the kernel takes for an errno; linux/err.h
    return error.error < 0 && error.error >= -most ? -error.error : EBADMSG;
}

} // namespace

nft_socket::nft_socket(const asio::any_io_executor& executor)
    : descriptor_{executor, open_socket()}, buffer_(receive_size) {
    sockaddr_nl address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) ==
        0)
        port_ = address.nl_pid;
}

int nft_socket::send(std::span<const std::uint8_t> bytes) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    for (;;) {
        const auto sent = ::sendto(descriptor_.native_handle(), bytes.data(), bytes.size(), 0,
                                   reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
        if (sent >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

// Bytes, or minus an errno. What is not from the kernel is passed over.
long nft_socket::receive() {
    for (;;) {
        sockaddr_nl from{};
        socklen_t size = sizeof from;
        const auto got = ::recvfrom(descriptor_.native_handle(), buffer_.data(), buffer_.size(),
                                    MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (from.nl_pid != 0) continue;
        if (static_cast<std::size_t>(got) > buffer_.size()) return -ENOSPC;
        return got;
    }
}

// Answers to something that was given up.
void nft_socket::drain() {
    long got = 0;
    do got = receive();
    while (got >= 0 || got == -ENOBUFS || got == -ENOSPC);
}

asio::awaitable<bool> nft_socket::wait_readable(clock::time_point until) {
    asio::steady_timer timer{co_await asio::this_coro::executor, until};
    const auto over = std::make_shared<bool>(false); // outlives this call in a queue
    timer.async_wait([this, over](boost::system::error_code cancelled) {
        if (cancelled || *over) return;
        descriptor_.cancel();
    });
    const auto [error] =
        co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    *over = true;
    co_return !error;
}

asio::awaitable<nft_socket::commit_outcome> nft_socket::commit(nft_transaction& transaction,
                                                               std::chrono::milliseconds limit) {
    commit_outcome result;
    const auto until = clock::now() + limit;
    drain();
    const auto bytes = transaction.finish();
    sequence_ = transaction.next_sequence();
    if (const int number = send(bytes); number != 0) {
        static_cast<outcome&>(result) =
            failed(number, "The kernel does not take a change of the packet filter");
        co_return result;
    }
    nft_replies replies;
    for (;;) {
        const long got = receive();
        if (got >= 0) {
            const std::span<const std::uint8_t> part{buffer_.data(), static_cast<std::size_t>(got)};
            if (!replies.read(part, transaction.last_sequence())) {
                static_cast<outcome&>(result) =
                    failed(EBADMSG, "The kernel's answer to a change of the packet filter");
                co_return result;
            }
            continue;
        }
        if (got != -EAGAIN) {
            static_cast<outcome&>(result) =
                failed(static_cast<int>(-got), "The kernel's answer was lost");
            co_return result;
        }
        // All answers come at once: what is missing now is none.
        if (replies.last_seen || !replies.errors.empty()) break;
        const bool readable = co_await wait_readable(until);
        if (!readable) {
            static_cast<outcome&>(result) =
                failed(ETIMEDOUT, "The kernel does not answer to a change of the packet filter");
            co_return result;
        }
    }
    result.errors = std::move(replies.errors);
    co_return result;
}

asio::awaitable<nft_socket::outcome>
nft_socket::list(std::function<std::vector<std::uint8_t>(std::uint32_t)> request,
                 std::function<void(const nlmsghdr&)> each, std::function<void()> again,
                 std::chrono::milliseconds limit) {
    const auto until = clock::now() + limit;
    for (int round = 0; round < max_list_rounds; ++round) {
        drain();
        if (round > 0) again();
        const std::uint32_t sequence = sequence_++;
        const auto bytes = request(sequence);
        if (const int number = send(bytes); number != 0)
            co_return failed(number, "The kernel does not list the packet filter");
        bool interrupted = false;
        bool done = false;
        while (!done) {
            const long got = receive();
            if (got == -EAGAIN) {
                const bool readable = co_await wait_readable(until);
                if (!readable)
                    co_return failed(ETIMEDOUT, "The kernel does not list the packet filter");
                continue;
            }
            if (got < 0) {
                interrupted = true;
                break;
            }
            const std::span<const std::uint8_t> part{buffer_.data(), static_cast<std::size_t>(got)};
            int error = 0;
            const auto take = [&](const nlmsghdr& message) {
                if (message.nlmsg_seq != sequence) return true;
                if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
                if (message.nlmsg_type == NLMSG_DONE) {
                    done = true;
                } else if (message.nlmsg_type == NLMSG_ERROR) {
                    error = error_in(message);
                } else {
                    each(message);
                }
                return !done && error == 0;
            };
            if (!for_each_netlink_message(part, take)) error = EBADMSG;
            if (error != 0) co_return failed(error, "The kernel does not list the packet filter");
        }
        if (!interrupted) co_return outcome{};
    }
    co_return failed(EBUSY, "The packet filter changes faster than it can be listed");
}

} // namespace fwknop
