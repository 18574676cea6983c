// SPDX-License-Identifier: Apache-2.0
#include "daemon/tcp_sink.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::seconds plenty{10};
constexpr std::chrono::hours never{1};

struct received {
    errc error{};
    datagram packet; ///< its payload is gone
    std::string payload;
};

/// A sink on a port that was free a moment ago, and whoever connects to it.
struct sinking {
    asio::io_context context{1};
    std::uint16_t port = 0;
    std::vector<received> all;
    std::optional<tcp_sink> sink;

    explicit sinking(bool http = false, std::chrono::milliseconds limit = never) {
        // Somebody else may take the port meanwhile; not ten times in a row.
        for (int i = 0; !sink && i < 10; ++i) {
            port = tcp::acceptor{context, {tcp::v6(), 0}}.local_endpoint().port();
            try {
                sink.emplace(
                    context, port, http,
                    [this](const result<datagram>& each) {
                        if (!each) {
                            all.push_back({errc_of(each.error()), {}, {}});
                            return;
                        }
                        all.push_back({{}, *each, std::string{each->payload}});
                        all.back().packet.payload = {};
                    },
                    limit);
            } catch (const std::runtime_error&) {
            }
        }
        REQUIRE(sink.has_value());
        asio::co_spawn(context, sink->run(), asio::detached);
    }

    tcp::socket connect(const char* to = "127.0.0.1", const char* from = nullptr) {
        tcp::socket socket{context};
        const tcp::endpoint there{asio::ip::make_address(to), port};
        socket.open(there.protocol());
        if (from != nullptr) socket.bind({asio::ip::make_address(from), 0});
        socket.connect(there);
        return socket;
    }
    static void send(tcp::socket& socket, const std::string& text) {
        asio::write(socket, asio::buffer(text));
    }
    static void finish(tcp::socket& socket) { socket.shutdown(tcp::socket::shutdown_send); }

    /// Lets things happen until `count` connections were told of.
    void wait_for(std::size_t count) {
        const auto deadline = std::chrono::steady_clock::now() + plenty;
        context.restart();
        while (all.size() < count && std::chrono::steady_clock::now() < deadline) {
            context.run_one_for(std::chrono::milliseconds{100});
        }
        REQUIRE(all.size() == count);
    }
    void wait_for_accepted(std::uint64_t count) {
        const auto deadline = std::chrono::steady_clock::now() + plenty;
        while (sink->counted().accepted < count && std::chrono::steady_clock::now() < deadline) {
            context.run_one_for(std::chrono::milliseconds{100});
        }
        REQUIRE(sink->counted().accepted == count);
    }
    /// What the peer gets to read before the connection ends: nothing, ever.
    static std::string answer(tcp::socket& socket) {
        std::string text(100, ' ');
        boost::system::error_code error;
        text.resize(socket.read_some(asio::buffer(text), error));
        CHECK(error);
        return text;
    }
};

/// With the time that the daemon gives.
struct brief_sinking : sinking {
    brief_sinking() : sinking{false, tcp_sink::connection_limit} {}
};

struct http_sinking : sinking {
    http_sinking() : sinking{true} {}
};

ip_address at(const char* text) {
    return *ip_address::parse(text);
}

const std::string request = "GET /packet HTTP/1.1\r\nUser-Agent: Fwknop/3\r\n\r\n";

} // namespace

TEST_CASE_METHOD(sinking, "what a connection brings comes with all its addresses") {
    struct row {
        const char* source;
        const char* destination;
    };
    std::size_t count = 0;
    for (const row& each :
         {row{"127.0.0.1", "127.0.0.1"}, row{"127.0.0.3", "127.0.0.2"}, row{"::1", "::1"}}) {
        CAPTURE(each.source, each.destination);
        tcp::socket client = connect(each.destination, each.source);
        send(client, "knock");
        finish(client);
        wait_for(++count);
        const auto& [error, packet, payload] = all.back();
        CHECK(error == errc{});
        CHECK(payload == "knock");
        CHECK(packet.source == at(each.source));
        CHECK(packet.destination == at(each.destination));
        CHECK(packet.source_port == client.local_endpoint().port());
        CHECK(packet.destination_port == port);
        CHECK(packet.protocol == ip_protocol_tcp);
        CHECK(answer(client).empty());
    }
    CHECK(sink->counted().accepted == 3);
    CHECK(sink->counted().ended_early == 0);
}

TEST_CASE_METHOD(sinking, "pieces are put together") {
    tcp::socket client = connect();
    client.set_option(tcp::no_delay{true});
    for (const char* piece : {"kn", "o", "ck"}) {
        send(client, piece);
        context.run_for(std::chrono::milliseconds{20});
    }
    CHECK(all.empty());
    finish(client);
    wait_for(1);
    CHECK(all.front().payload == "knock");
}

TEST_CASE_METHOD(brief_sinking,
                 "who keeps the connection open is looked at when the time is over") {
    tcp::socket client = connect();
    send(client, "knock");
    wait_for(1);
    CHECK(all.front().payload == "knock");
    CHECK(answer(client).empty());
}

TEST_CASE_METHOD(brief_sinking, "who sends nothing costs nothing but a count") {
    tcp::socket silent = connect();
    tcp::socket gone = connect();
    gone.close();
    wait_for(2);
    CHECK(all[0].error == errc::frame_empty);
    CHECK(all[1].error == errc::frame_empty);
    CHECK(answer(silent).empty());
}

TEST_CASE_METHOD(sinking, "who resets the connection hurts nobody") {
    tcp::socket rude = connect();
    send(rude, "knock");
    rude.set_option(tcp::socket::linger{true, 0});
    rude.close();
    tcp::socket client = connect();
    send(client, "after");
    finish(client);
    context.restart();
    while (all.empty() || all.back().payload != "after") {
        REQUIRE(context.run_one_for(plenty) == 1);
    }
}

TEST_CASE_METHOD(sinking, "more than a packet's length is cut off and said to be") {
    tcp::socket fits = connect();
    send(fits, std::string(tcp_sink::max_data_size - 1, 'a'));
    finish(fits);
    wait_for(1);
    CHECK(all.back().payload == std::string(tcp_sink::max_data_size - 1, 'a'));
    for (const std::size_t size : {tcp_sink::max_data_size, tcp_sink::max_data_size + 1}) {
        tcp::socket longer = connect();
        send(longer, std::string(size, 'b'));
        wait_for(all.size() + 1);
        CHECK(all.back().error == errc::payload_too_long);
        CHECK(answer(longer).empty());
    }
}

TEST_CASE_METHOD(sinking, "a newcomer ends the oldest, whose data count") {
    std::vector<tcp::socket> clients;
    for (std::size_t i = 0; i < tcp_sink::max_connections; ++i) {
        clients.push_back(connect());
        if (i == 0) send(clients.back(), "first");
        wait_for_accepted(i + 1);
    }
    CHECK(all.empty());
    CHECK(sink->counted().ended_early == 0);
    clients.push_back(connect());
    wait_for(1);
    CHECK(all.front().payload == "first");
    CHECK(sink->counted().ended_early == 1);
    CHECK(answer(clients.front()).empty());
}

TEST_CASE_METHOD(http_sinking, "a request is complete at the end of its header") {
    tcp::socket client = connect();
    client.set_option(tcp::no_delay{true});
    send(client, request.substr(0, request.size() - 1));
    context.run_for(std::chrono::milliseconds{20});
    CHECK(all.empty());
    send(client, request.substr(request.size() - 1));
    wait_for(1);
    CHECK(all.front().payload == request);
    CHECK(answer(client).empty());
}

TEST_CASE_METHOD(http_sinking, "a plain packet may come where requests may, too") {
    tcp::socket client = connect();
    send(client, "knock\r\n\r\n");
    send(client, "knock");
    finish(client);
    wait_for(1);
    CHECK(all.front().payload == "knock\r\n\r\nknock");
}

TEST_CASE_METHOD(sinking, "a closed sink accepts nobody and lets go of everybody") {
    tcp::socket client = connect();
    wait_for_accepted(1);
    sink->close();
    wait_for(1);
    CHECK(answer(client).empty());
    CHECK_THROWS(connect());
    context.restart();
    CHECK_NOTHROW(context.run_for(plenty));
    CHECK(context.stopped()); // nothing is left that waits
}

TEST_CASE_METHOD(sinking, "a TCP port that is taken is told with the reason") {
    CHECK_THROWS_WITH(tcp_sink(context, port, false, [](const auto&) {}),
                      "[*] Cannot listen on TCP port " + std::to_string(port) +
                          ": bind: Address already in use");
}

TEST_CASE_METHOD(sinking, "a sink may end with connections open") {
    tcp::socket client = connect();
    send(client, "knock");
    wait_for_accepted(1);
    sink.reset();
    SUCCEED("and a sanitizer has nothing to say");
}
