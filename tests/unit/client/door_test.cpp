// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/door.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include <thread>

using namespace fwknop::client;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// A port of the loopback address, bound but shut until `open`.
class shut_port {
  public:
    explicit shut_port(const char* address) : acceptor_{context_} {
        const tcp::endpoint any{asio::ip::make_address(address), 0};
        acceptor_.open(any.protocol());
        acceptor_.bind(any);
    }
    void open() { acceptor_.listen(8); }
    [[nodiscard]] std::uint16_t number() const { return acceptor_.local_endpoint().port(); }

  private:
    asio::io_context context_;
    tcp::acceptor acceptor_;
};

} // namespace

TEST_CASE("an open door is found at once, over either family") {
    for (const auto* const address : {"127.0.0.1", "::1"}) {
        INFO(address);
        shut_port port{address};
        port.open();
        const auto took = wait_for_door({address, port.number()}, 5s);
        REQUIRE(took);
        CHECK(*took);
    }
}

TEST_CASE("brackets around the host are no part of it") {
    shut_port port{"::1"};
    port.open();
    const auto took = wait_for_door({"[::1]", port.number()}, 5s);
    REQUIRE(took);
    CHECK(*took);
}

TEST_CASE("a door that opens later is found then") {
    shut_port port{"127.0.0.1"};
    std::thread opener{[&] {
        std::this_thread::sleep_for(150ms);
        port.open();
    }};
    const auto took = wait_for_door({"127.0.0.1", port.number()}, 10s);
    opener.join();
    REQUIRE(took);
    REQUIRE(*took);
    CHECK(**took >= 100ms); // the first attempt was refused
}

TEST_CASE("a door that stays shut is given up at the limit") {
    const shut_port port{"127.0.0.1"};
    const auto took = wait_for_door({"127.0.0.1", port.number()}, 250ms);
    REQUIRE(took);
    CHECK_FALSE(*took);
}

TEST_CASE("a family that the host has not is a problem") {
    const auto took = wait_for_door({"127.0.0.1", 22, family_choice::v6_only}, 250ms);
    REQUIRE_FALSE(took);
    CHECK(took.error().text.find("127.0.0.1") != std::string::npos);
}
