// SPDX-License-Identifier: Apache-2.0
#include "daemon/local_datagram.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <stdexcept>

#include <sys/socket.h>

namespace fwknop::daemon {

local_datagram::local_datagram(const std::string& name)
    : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    if (!socket_) throw std::runtime_error{"[*] Cannot make a local socket"};
    const bool abstract = name.starts_with('@');
    if ((!abstract && !name.starts_with('/')) || name.size() < 2 ||
        name.size() >= sizeof address_.sun_path) {
        throw std::runtime_error{"[*] '" + name + "' is not the name of a local socket"};
    }
    address_.sun_family = AF_UNIX;
    std::ranges::copy(name, std::begin(address_.sun_path));
    if (abstract) address_.sun_path[0] = '\0';
    // An abstract name ends where its size says, a path with a zero.
    address_size_ =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
}

local_datagram::delivery local_datagram::send(std::string_view bytes) const noexcept {
    for (;;) {
        const ssize_t size =
            ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                     reinterpret_cast<const sockaddr*>(&address_), address_size_);
        if (size >= 0) return delivery::sent;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return delivery::busy;
        return errno == EMSGSIZE ? delivery::too_large : delivery::failed;
    }
}

} // namespace fwknop::daemon
