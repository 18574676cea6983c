// SPDX-License-Identifier: Apache-2.0
#include "firewall/rule_monitor.hpp"

#include "firewall/iptables_rule.hpp"
#include "firewall/netlink_walk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

namespace fwknop {

namespace {

using handler = std::function<void(const rule_event&)>;

constexpr int new_rule = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE;

// The kernel puts the messages of one transaction together up to a page or two; the longest alone
// is a rule, less than 64 KiB.
constexpr std::size_t buffer_size = std::size_t{64} * 1024;

// A transaction of ours with 2,000 rules tells of itself in 2 MiB, which must not push out the
// news of others and cost a look at the table. The kernel takes the memory only while it is needed.
constexpr int waiting_size = 4 * 1024 * 1024;

int read_attribute(const nlattr* attribute, void* data) {
    auto& event = *static_cast<rule_event*>(data);
    const std::uint16_t type = mnl_attr_get_type(attribute);
    if (type != NFTA_RULE_TABLE && type != NFTA_RULE_CHAIN) return MNL_CB_OK;
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return MNL_CB_STOP;
    (type == NFTA_RULE_TABLE ? event.table : event.chain) = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

void read_message(const nlmsghdr& message, const handler& handle) {
    if (message.nlmsg_type != new_rule || !is_filled_up(message)) return;
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg)) return;
    const auto* const head = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    rule_event event;
    if (head->nfgen_family == AF_INET6)
        event.family = ip_family::v6;
    else if (head->nfgen_family != AF_INET)
        return;
    event.sender = message.nlmsg_pid;
    mnl_attr_parse(&message, sizeof(nfgenmsg), read_attribute, &event);
    // Wherever iptables keeps comments, now or later, it keeps them as they are.
    const std::string_view body{static_cast<const char*>(mnl_nlmsg_get_payload(&message)),
                                mnl_nlmsg_get_payload_len(&message)};
    event.expires = parse_expiry(body);
    if (!event.table.empty() && !event.chain.empty()) handle(event);
}

std::runtime_error failure() {
    return std::runtime_error{std::generic_category().message(errno)};
}

} // namespace

void read_rule_events(std::span<const std::uint8_t> messages, const handler& handle) {
    static_cast<void>(for_each_netlink_message(messages, [&handle](const nlmsghdr& message) {
        read_message(message, handle);
        return true;
    }));
}

void rule_monitor::closer::operator()(mnl_socket* socket) const noexcept {
    mnl_socket_close(socket);
}

rule_monitor::rule_monitor()
    : socket_{mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK)} {
    int group = NFNLGRP_NFTABLES;
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
        throw failure();
    // Without CAP_NET_ADMIN it stays at the system's default, and looks are needed more often.
    ::setsockopt(descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &waiting_size, sizeof waiting_size);
}

int rule_monitor::descriptor() const noexcept {
    return mnl_socket_get_fd(socket_.get());
}

bool rule_monitor::receive(const handler& handle) {
    alignas(nlmsghdr) std::array<std::uint8_t, buffer_size> buffer; // NOLINT: filled by the kernel
    bool all = true;
    for (;;) {
        const auto got = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (got > 0) {
            read_rule_events(std::span{buffer}.first(static_cast<std::size_t>(got)), handle);
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
            all = false; // the kernel dropped messages, or one was longer than the buffer
        } else {
            return all;
        }
    }
}

} // namespace fwknop
