// SPDX-License-Identifier: Apache-2.0
#include "daemon/udp_listener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>

namespace fwknop::daemon {

namespace {

/// Room for a flood while the loop does something else.
constexpr int receive_buffer_size = 4 << 20;

std::runtime_error failure(std::uint16_t port, const std::string& what) {
    return std::runtime_error{"[*] Cannot listen on UDP port " + std::to_string(port) + ": " +
                              what + ": " + std::generic_category().message(errno)};
}

bool set_option(int fd, int family_level, int name, int value) {
    return ::setsockopt(fd, family_level, name, &value, sizeof value) == 0;
}

// Both families on one socket where the kernel has IPv6, else IPv4 alone.
file_descriptor open_socket(std::uint16_t port) {
    file_descriptor fd{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (fd) {
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        any.sin6_port = htons(port);
        if (!set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0) ||
            !set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)) {
            throw failure(port, "socket option");
        }
        if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0) return fd;
        if (errno != EADDRNOTAVAIL) throw failure(port, "bind");
    }
    fd = file_descriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) throw failure(port, "socket");
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(port);
    if (!set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1)) throw failure(port, "socket option");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
        throw failure(port, "bind");
    }
    return fd;
}

ip_address address_of(const in_addr& address) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    return ip_address::v4(bytes);
}

ip_address address_of(const in6_addr& address) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    return ip_address::v6(bytes).unmapped();
}

bool set_source(const sockaddr_storage& from, datagram& out) {
    if (from.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &from, sizeof address);
        out.source = address_of(address.sin_addr);
        out.source_port = ntohs(address.sin_port);
        return true;
    }
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &from, sizeof address);
        out.source = address_of(address.sin6_addr);
        out.source_port = ntohs(address.sin6_port);
        return true;
    }
    return false;
}

std::optional<ip_address> destination_of(msghdr& message) {
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(each), sizeof info);
            return address_of(info.ipi6_addr);
        }
        if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(each), sizeof info);
            return address_of(info.ipi_addr);
        }
    }
    return std::nullopt;
}

} // namespace

udp_listener::udp_listener(std::uint16_t port) : socket_{open_socket(port)}, port_{port} {
    // Beyond the system's limit only with CAP_NET_ADMIN; without it the smaller size does.
    if (!set_option(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_size)) {
        set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer_size);
    }
}

std::size_t udp_listener::receive(std::size_t limit, const handler& handle) {
    std::size_t count = 0;
    for (; count < limit; ++count) {
        sockaddr_storage from{};
        alignas(cmsghdr) std::array<char, 256> control{};
        iovec part{buffer_.data(), buffer_.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();

        const ssize_t size = ::recvmsg(socket_.get(), &message, 0);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (size < 0) continue; // an ICMP error for somebody's datagram: bounded by the limit
        if ((message.msg_flags & MSG_TRUNC) != 0) {
            handle(errc::payload_too_long);
            continue;
        }
        datagram out;
        out.protocol = IPPROTO_UDP;
        out.destination_port = port_;
        out.payload = {buffer_.data(), static_cast<std::size_t>(size)};
        const auto destination = destination_of(message);
        if (!destination || !set_source(from, out)) {
            handle(errc::frame_ip_header_malformed);
            continue;
        }
        out.destination = *destination;
        handle(out);
    }
    return count;
}

} // namespace fwknop::daemon
