// SPDX-License-Identifier: Apache-2.0
#include "daemon/udp_listener.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

using namespace fwknop;
using namespace fwknop::daemon;

namespace {

struct endpoint {
    sockaddr_storage address{};
    socklen_t size = 0;
    int family = AF_INET;
};

endpoint endpoint_of(const std::string& address, std::uint16_t port) {
    endpoint out;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&out.address, &v4, sizeof v4);
        out.size = sizeof v4;
        return out;
    }
    REQUIRE(::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1);
    out.family = AF_INET6;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&out.address, &v6, sizeof v6);
    out.size = sizeof v6;
    return out;
}

/// A socket bound to `address` and a port that the system chose.
class sender {
  public:
    explicit sender(const std::string& address) {
        const endpoint here = endpoint_of(address, 0);
        family_ = here.family;
        socket_ = file_descriptor{::socket(family_, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&here.address),
                       here.size) == 0);
    }
    [[nodiscard]] std::uint16_t port() const {
        endpoint bound;
        bound.size = sizeof bound.address;
        REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound.address),
                              &bound.size) == 0);
        std::uint16_t port = 0; // at the same place in both families
        std::memcpy(&port, reinterpret_cast<const char*>(&bound.address) + 2, sizeof port);
        return ntohs(port);
    }
    void send(const std::string& text, const std::string& to, std::uint16_t to_port) const {
        const endpoint there = endpoint_of(to, to_port);
        REQUIRE(::sendto(socket_.get(), text.data(), text.size(), 0,
                         reinterpret_cast<const sockaddr*>(&there.address),
                         there.size) == static_cast<ssize_t>(text.size()));
    }

  private:
    int family_ = AF_INET;
    file_descriptor socket_;
};

struct received {
    errc error{};
    datagram packet;
    std::string payload;
};

/// A listener on a port that was free a moment ago.
struct listening {
    std::uint16_t port = 0;
    std::optional<udp_listener> listener;

    listening() {
        // Somebody else may take the port meanwhile; not ten times in a row.
        for (int i = 0; !listener && i < 10; ++i) {
            port = sender{"::"}.port();
            try {
                listener.emplace(port);
            } catch (const std::runtime_error&) {
            }
        }
        REQUIRE(listener.has_value());
    }

    std::vector<received> receive(std::size_t limit, bool wait = true) {
        pollfd waiting{listener->descriptor(), POLLIN, 0};
        if (wait) REQUIRE(::poll(&waiting, 1, 5000) == 1);
        std::vector<received> all;
        const std::size_t count = listener->receive(limit, [&](const result<datagram>& each) {
            if (!each) {
                all.push_back({errc_of(each.error()), {}, {}});
                return;
            }
            all.push_back({{}, *each, std::string{each->payload}});
        });
        CHECK(count == all.size());
        return all;
    }
};

ip_address at(const char* text) {
    return *ip_address::parse(text);
}

} // namespace

TEST_CASE_METHOD(listening, "a datagram comes with all its addresses") {
    struct row {
        const char* source;
        const char* destination;
    };
    // On Linux all of 127.0.0.0/8 is this host.
    for (const row& each :
         {row{"127.0.0.1", "127.0.0.1"}, row{"127.0.0.3", "127.0.0.2"}, row{"::1", "::1"}}) {
        CAPTURE(each.source, each.destination);
        const sender client{each.source};
        client.send("knock", each.destination, port);
        const auto all = receive(10);
        REQUIRE(all.size() == 1);
        const auto& [error, packet, payload] = all.front();
        CHECK(error == errc{});
        CHECK(payload == "knock");
        CHECK(packet.source == at(each.source));
        CHECK(packet.destination == at(each.destination));
        CHECK(packet.source_port == client.port());
        CHECK(packet.destination_port == port);
        CHECK(packet.protocol == ip_protocol_udp);
    }
}

TEST_CASE_METHOD(listening, "nothing there is no datagram, and no waiting") {
    CHECK(receive(10, false).empty());
}

TEST_CASE_METHOD(listening, "no more than asked for are taken, the rest later, in order") {
    const sender client{"127.0.0.1"};
    for (const char* text : {"one", "two", "three", "four", "five"}) {
        client.send(text, "127.0.0.1", port);
    }
    CHECK(receive(0).empty());
    const auto first = receive(2);
    REQUIRE(first.size() == 2);
    CHECK(first[0].payload == "one");
    CHECK(first[1].payload == "two");
    const auto rest = receive(10);
    REQUIRE(rest.size() == 3);
    CHECK(rest[2].payload == "five");
    CHECK(receive(10, false).empty());
}

TEST_CASE_METHOD(listening, "a datagram that is too long for the buffer is said to be") {
    const sender client{"127.0.0.1"};
    client.send(std::string(2048, 'a'), "127.0.0.1", port);
    client.send(std::string(2049, 'b'), "127.0.0.1", port);
    client.send(std::string(60000, 'c'), "127.0.0.1", port);
    client.send("after", "127.0.0.1", port);
    const auto all = receive(10);
    REQUIRE(all.size() == 4);
    CHECK(all[0].payload == std::string(2048, 'a'));
    CHECK(all[1].error == errc::payload_too_long);
    CHECK(all[2].error == errc::payload_too_long);
    CHECK(all[3].payload == "after");
}

TEST_CASE_METHOD(listening, "a datagram without anything in it is one, too") {
    sender{"127.0.0.1"}.send("", "127.0.0.1", port);
    const auto all = receive(10);
    REQUIRE(all.size() == 1);
    CHECK(all.front().payload.empty());
    CHECK(all.front().packet.source == at("127.0.0.1"));
}

TEST_CASE_METHOD(listening, "a port that is taken is told with the reason") {
    CHECK_THROWS_WITH(udp_listener{port}, "[*] Cannot listen on UDP port " + std::to_string(port) +
                                              ": bind: Address already in use");
}
