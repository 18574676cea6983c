// SPDX-License-Identifier: Apache-2.0
#include "daemon/link_monitor.hpp"

#include "daemon/file_descriptor.hpp"
#include "firewall/netlink_walk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace fwknop::daemon {
namespace {

constexpr std::size_t buffer_size = 8192; ///< what libmnl recommends for a page of 4 KiB and more

using handler = std::function<void(const link_event&)>;

int read_attribute(const nlattr* attribute, void* data) {
    if (mnl_attr_get_type(attribute) != IFLA_IFNAME) return MNL_CB_OK;
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return MNL_CB_STOP;
    static_cast<link_event*>(data)->name = mnl_attr_get_str(attribute);
    return MNL_CB_STOP;
}

void read_message(const nlmsghdr& message, const handler& handle) {
    if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return;
    if (!is_filled_up(message) || mnl_nlmsg_get_payload_len(&message) < sizeof(ifinfomsg)) return;
    const auto* const info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
    link_event event;
    event.up = message.nlmsg_type == RTM_NEWLINK && (info->ifi_flags & IFF_UP) != 0;
    mnl_attr_parse(&message, sizeof(ifinfomsg), read_attribute, &event);
    if (!event.name.empty()) handle(event);
}

std::runtime_error failure() {
    return std::runtime_error{"[*] Cannot watch the state of the network interfaces: " +
                              std::generic_category().message(errno)};
}

} // namespace

void read_link_events(std::span<const std::uint8_t> messages, const handler& handle) {
    static_cast<void>(for_each_netlink_message(messages, [&handle](const nlmsghdr& message) {
        read_message(message, handle);
        return true;
    }));
}

void link_monitor::closer::operator()(mnl_socket* socket) const noexcept {
    mnl_socket_close(socket);
}

link_monitor::link_monitor()
    : socket_{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK)} {
    if (!socket_ || mnl_socket_bind(socket_.get(), RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
        throw failure();
}

int link_monitor::descriptor() const noexcept {
    return mnl_socket_get_fd(socket_.get());
}

bool link_monitor::receive(const handler& handle) {
    alignas(nlmsghdr) std::array<std::uint8_t, buffer_size> buffer; // NOLINT: filled by the kernel
    for (;;) {
        const auto got = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (got > 0) {
            read_link_events(std::span{buffer}.first(static_cast<std::size_t>(got)), handle);
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else {
            // ENOBUFS: the kernel dropped messages; ENOSPC: one was longer than the buffer.
            return got == 0 || (errno != ENOBUFS && errno != ENOSPC);
        }
    }
}

bool is_link_up(const std::string& name) {
    if (name == "any") return true;
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name) return false;
    std::copy(name.begin(), name.end(), request.ifr_name);
    const file_descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return socket && ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_UP) != 0;
}

} // namespace fwknop::daemon
