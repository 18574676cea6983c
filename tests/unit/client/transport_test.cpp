// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/transport.hpp"

#include <catch2/catch.hpp>

#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fwknop::client;

namespace {

/// A socket on the loopback address that receives what the client sends.
class receiver {
  public:
    explicit receiver(int type) : fd_{::socket(AF_INET, type | SOCK_CLOEXEC, 0)}, type_{type} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        if (type_ == SOCK_STREAM) REQUIRE(::listen(fd_, 1) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
    }
    receiver(const receiver&) = delete;
    receiver& operator=(const receiver&) = delete;
    ~receiver() { ::close(fd_); }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    std::string receive() {
        pollfd wait{fd_, POLLIN, 0};
        REQUIRE(::poll(&wait, 1, 2000) == 1);
        const int from = type_ == SOCK_STREAM ? ::accept(fd_, nullptr, nullptr) : fd_;
        std::array<char, 2000> buffer{};
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const auto got = ::recvfrom(from, buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&peer), &size);
        peer_port_ = ntohs(peer.sin_port);
        if (from != fd_) ::close(from);
        REQUIRE(got >= 0);
        return {buffer.data(), static_cast<std::size_t>(got)};
    }
    [[nodiscard]] std::uint16_t peer_port() const { return peer_port_; }

  private:
    int fd_;
    int type_;
    std::uint16_t port_ = 0;
    std::uint16_t peer_port_ = 0;
};

} // namespace

TEST_CASE("a datagram arrives whole") {
    receiver there{SOCK_DGRAM};
    const auto sent = send_payload({"127.0.0.1", there.port()}, "payload");
    REQUIRE(sent);
    CHECK(*sent == 7);
    CHECK(there.receive() == "payload");
}

TEST_CASE("the source port is the one asked for") {
    receiver there{SOCK_DGRAM};
    std::uint16_t port = 0;
    {
        const receiver unused{SOCK_DGRAM};
        port = unused.port();
    }
    REQUIRE(send_payload({"127.0.0.1", there.port(), port}, "x"));
    CHECK(there.receive() == "x");
    CHECK(there.peer_port() == port);
}

TEST_CASE("over TCP the packet is the only data") {
    receiver there{SOCK_STREAM};
    REQUIRE(send_payload({"127.0.0.1", there.port(), 0, carrier::tcp}, "payload"));
    CHECK(there.receive() == "payload");
}

TEST_CASE("over HTTP the packet is the path of the only request") {
    receiver there{SOCK_STREAM};
    route way{"127.0.0.1", there.port(), 0, carrier::http};
    way.user_agent = "A";
    const std::string direct = "GET /pay_load- HTTP/1.1\r\nUser-Agent: A\r\nAccept: */*\r\n"
                               "Host: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const auto sent = send_payload(way, "pay/load+");
    REQUIRE(sent);
    CHECK(*sent == direct.size());
    CHECK(there.receive() == direct);

    way.host = "server.invalid"; // the proxy's to resolve
    way.port = 1;
    way.http_proxy = "127.0.0.1:" + std::to_string(there.port());
    REQUIRE(send_payload(way, "x"));
    CHECK(there.receive().rfind("GET http://server.invalid/x HTTP/1.1\r\n", 0) == 0);
    way.http_proxy = "a b";
    CHECK(send_payload(way, "x").error().text.rfind("Invalid HTTP proxy", 0) == 0);
}

TEST_CASE("what cannot be sent is told") {
    CHECK(
        send_payload({"host.invalid", 62201}, "x").error().text.rfind("error in getaddrinfo", 0) ==
        0);
    CHECK(send_payload({"127.0.0.1", 0}, "x").error().text.find("1-65535") != std::string::npos);
    std::uint16_t closed = 0;
    {
        const receiver gone{SOCK_STREAM};
        closed = gone.port();
    }
    CHECK(send_payload({"127.0.0.1", closed, 0, carrier::tcp}, "x").error().text.find("refused") !=
          std::string::npos);
    CHECK_FALSE(send_payload({"127.0.0.1", 62201, 0, carrier::udp, family_choice::v6_only}, "x"));
}

TEST_CASE("raw packets that cannot be are refused before any socket is made") {
    const auto refusal = [](const route& way, std::string_view payload = "x") {
        const auto sent = send_payload(way, payload);
        return sent ? "sent" : sent.error().text;
    };
    const auto with = [](carrier protocol) {
        return route{
            .host = "127.0.0.1", .port = 62201, .source_port = 10000, .protocol = protocol};
    };
    for (const auto protocol : {carrier::udp_raw, carrier::tcp_raw, carrier::icmp}) {
        auto way = with(protocol);
        CHECK(refusal(way, std::string(60'001, 'x')) == "a packet of 60001 bytes is too long");
        way.spoof_source = fwknop::ip_address::parse("2001:db8::7").value();
        CHECK(refusal(way).rfind("error in getaddrinfo", 0) == 0);
    }
    for (const auto protocol : {carrier::udp_raw, carrier::tcp_raw}) {
        auto way = with(protocol);
        way.port = 0;
        CHECK(refusal(way).rfind("--server-port 0 is no port", 0) == 0);
    }
}

TEST_CASE("literals resolve to themselves") {
    CHECK(resolve_host("192.0.2.1", family_choice::any)->front().to_string() == "192.0.2.1");
    CHECK(resolve_host("[2001:db8::1]", family_choice::any)->front().to_string() == "2001:db8::1");
    CHECK_FALSE(resolve_host("192.0.2.1", family_choice::v6_only));
}
