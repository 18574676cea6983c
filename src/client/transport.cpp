// SPDX-License-Identifier: Apache-2.0
#include "client/transport.hpp"

#include "client/http_transport.hpp"
#include "client/raw_transport.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fwknop::client {
namespace {

constexpr int connect_timeout_ms = 10'000;

struct address_list_deleter {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using address_list = std::unique_ptr<addrinfo, address_list_deleter>;

class socket_handle {
  public:
    explicit socket_handle(const addrinfo& to) noexcept
        : fd_{::socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                       to.ai_protocol)} {}
    socket_handle(const socket_handle&) = delete;
    socket_handle& operator=(const socket_handle&) = delete;
    ~socket_handle() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

problem system_problem(const std::string& what, int error) {
    return failure(what + ": " + std::generic_category().message(error));
}

checked<address_list> look_up(std::string host, const std::string& port, family_choice family,
                              int type) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_family = family == family_choice::v4_only   ? AF_INET
                      : family == family_choice::v6_only ? AF_INET6
                                                         : AF_UNSPEC;
    hints.ai_socktype = type;
    addrinfo* found = nullptr;
    const int error =
        ::getaddrinfo(host.c_str(), port.empty() ? nullptr : port.c_str(), &hints, &found);
    if (error != 0)
        return failure(std::string{"error in getaddrinfo: "} + ::gai_strerror(error) + ": '" +
                       host + "'");
    return address_list{found};
}

bool bind_source(int fd, int family, std::uint16_t port) {
    if (port == 0) return true;
    sockaddr_storage any{};
    socklen_t size = sizeof(sockaddr_in);
    any.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(any).sin6_port = htons(port);
        size = sizeof(sockaddr_in6);
    } else {
        reinterpret_cast<sockaddr_in&>(any).sin_port = htons(port);
    }
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&any), size) == 0;
}

/// Zero, or the error.
int connect_within(int fd, const addrinfo& to) {
    if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    pollfd wait{fd, POLLOUT, 0};
    const int ready = ::poll(&wait, 1, connect_timeout_ms);
    if (ready == 0) return ETIMEDOUT;
    if (ready < 0) return errno;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

checked<std::size_t> send_to(const addrinfo& to, const route& way, std::string_view payload) {
    const socket_handle socket{to};
    if (socket.get() < 0) return system_problem("cannot make a socket", errno);
    if (!bind_source(socket.get(), to.ai_family, way.source_port))
        return system_problem("cannot bind source port " + std::to_string(way.source_port), errno);
    if (const int error = connect_within(socket.get(), to); error != 0)
        return system_problem("cannot reach " + way.host + " port " + std::to_string(way.port),
                              error);
    // The packet is far smaller than any socket buffer: it goes out whole or not at all.
    const auto sent = ::send(socket.get(), payload.data(), payload.size(), MSG_NOSIGNAL);
    if (sent < 0) return system_problem("cannot send to " + way.host, errno);
    const auto size = static_cast<std::size_t>(sent);
    if (size != payload.size()) return failure("only " + std::to_string(size) + " bytes went out");
    return size;
}

} // namespace

checked<std::size_t> send_payload(const route& way, std::string_view payload) {
    if (way.protocol == carrier::http) {
        const auto knock = make_http_knock(way, payload);
        if (!knock) return knock.error();
        auto over_tcp = way;
        over_tcp.host = knock->host;
        over_tcp.port = knock->port;
        over_tcp.protocol = carrier::tcp;
        return send_payload(over_tcp, knock->text);
    }
    if (way.port == 0 && way.protocol != carrier::icmp)
        return failure("--server-port 0 is no port to send to: use 1-65535");
    const auto addresses = look_up(way.host, std::to_string(way.port), family_of(way),
                                   way.protocol == carrier::tcp ? SOCK_STREAM : SOCK_DGRAM);
    if (!addresses) return addresses.error();
    std::optional<problem> last;
    for (const auto* to = addresses->get(); to != nullptr; to = to->ai_next) {
        const auto sent =
            is_raw(way.protocol) ? send_raw(way, *to, payload) : send_to(*to, way, payload);
        if (sent) return *sent;
        last = sent.error();
    }
    return last.value_or(failure("no address for '" + way.host + "'"));
}

checked<std::vector<ip_address>> resolve_host(const std::string& host, family_choice family) {
    const auto addresses = look_up(host, {}, family, SOCK_DGRAM);
    if (!addresses) return addresses.error();
    std::vector<ip_address> found;
    for (const auto* each = addresses->get(); each != nullptr; each = each->ai_next) {
        if (each->ai_family == AF_INET) {
            const auto& raw = reinterpret_cast<const sockaddr_in*>(each->ai_addr)->sin_addr;
            std::array<std::uint8_t, 4> bytes{};
            std::memcpy(bytes.data(), &raw, bytes.size());
            found.push_back(ip_address::v4(bytes));
        } else if (each->ai_family == AF_INET6) {
            const auto& raw = reinterpret_cast<const sockaddr_in6*>(each->ai_addr)->sin6_addr;
            std::array<std::uint8_t, 16> bytes{};
            std::memcpy(bytes.data(), &raw, bytes.size());
            found.push_back(ip_address::v6(bytes));
        }
    }
    return found;
}

} // namespace fwknop::client
