// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_watcher.hpp"

#include "firewall/nft_messages.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fwknop {

namespace {

namespace asio = boost::asio;

constexpr std::size_t receive_size = 16 * 1024; ///< announcements are smaller
/// In one turn of the loop: whoever changes rules without end must not keep it.
constexpr int max_messages = 64;

// Passes all but what the socket `own_port` caused. The classic filter reads numbers as the network
// orders them.
bool ignore_own(int socket, std::uint32_t own_port) {
    std::array<sock_filter, 4> code{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(nlmsghdr, nlmsg_pid)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own_port), 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, 0),
        sock_filter BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

int open_socket(std::uint32_t own_port) {
    const int socket =
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    const int group = NFNLGRP_NFTABLES;
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (socket < 0 || !ignore_own(socket, own_port) ||
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(socket, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
        const int number = errno;
        if (socket >= 0) ::close(socket);
        throw std::runtime_error{"The kernel does not announce changes of the packet filter: " +
                                 std::generic_category().message(number)};
    }
    return socket;
}

} // namespace

struct nft_watcher::state {
    asio::posix::stream_descriptor descriptor;
    nft_home home;
    std::function<void()> changed;
    std::vector<std::uint8_t> buffer;
    bool waiting = false;
    bool paused = false;

    // Whether somebody may have changed the table. False also when nothing is left to read.
    [[nodiscard]] bool read() {
        bool touched = false;
        for (int i = 0; i < max_messages; ++i) {
            sockaddr_nl from{};
            socklen_t size = sizeof from;
            const auto got = ::recvfrom(descriptor.native_handle(), buffer.data(), buffer.size(),
                                        MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == ENOBUFS) { // some are lost: there may be ours among them
                touched = true;
                continue;
            }
            if (got < 0) break;
            if (from.nl_pid != 0) continue;
            const auto whole = static_cast<std::size_t>(got);
            if (whole > buffer.size() || touches_table(std::span{buffer}.first(whole), home))
                touched = true;
        }
        return touched;
    }

    void drop_waiting() {
        for (;;) {
            const auto got =
                ::recv(descriptor.native_handle(), buffer.data(), buffer.size(), MSG_TRUNC);
            if (got < 0 && errno != EINTR && errno != ENOBUFS) return;
        }
    }
};

nft_watcher::nft_watcher(const asio::any_io_executor& executor, nft_home home,
                         std::uint32_t own_port, std::function<void()> changed)
    : state_{std::make_shared<state>(
          state{asio::posix::stream_descriptor{executor, open_socket(own_port)}, std::move(home),
                std::move(changed), std::vector<std::uint8_t>(receive_size), false, false})} {
    wait(state_);
}

nft_watcher::~nft_watcher() {
    state_->changed = nullptr;
    boost::system::error_code ignored;
    state_->descriptor.cancel(ignored);
}

void nft_watcher::pause() {
    state_->paused = true;
}

void nft_watcher::resume() {
    state_->drop_waiting();
    state_->paused = false;
    wait(state_);
}

void nft_watcher::wait(const std::shared_ptr<state>& shared) {
    if (shared->waiting) return;
    shared->waiting = true;
    shared->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                  [shared](boost::system::error_code error) {
                                      shared->waiting = false;
                                      if (error || !shared->changed || shared->paused) return;
                                      if (shared->read()) shared->changed();
                                      if (shared->changed) wait(shared);
                                  });
}

} // namespace fwknop
