// SPDX-License-Identifier: Apache-2.0
#include "client/door.hpp"

#include "client/transport.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <list>
#include <utility>
#include <vector>

namespace fwknop::client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A host with more addresses than this has enough others.
constexpr std::size_t max_addresses = 4;

constexpr milliseconds quick_pace{100};
constexpr milliseconds slow_pace{500};
constexpr milliseconds quick_period{1000};

/// How long one attempt may take: long enough for the slowest link, and what bounds the number of
/// sockets, with the pace.
constexpr milliseconds attempt_limit{3000};

std::vector<tcp::endpoint> endpoints_of(const std::vector<ip_address>& addresses,
                                        std::uint16_t port) {
    std::vector<tcp::endpoint> endpoints;
    for (const auto& each : addresses) {
        if (endpoints.size() == max_addresses) break;
        endpoints.emplace_back(asio::ip::make_address(each.to_string()), port);
    }
    return endpoints;
}

class doorbell {
  public:
    explicit doorbell(std::vector<tcp::endpoint> endpoints) : endpoints_{std::move(endpoints)} {}

    std::optional<milliseconds> ring(milliseconds limit) {
        began_ = clock::now();
        go_on();
        context_.run_for(limit);
        return took_;
    }

  private:
    struct attempt {
        tcp::socket socket;
        clock::time_point began;
    };

    void go_on() {
        const auto now = clock::now();
        attempts_.remove_if(
            [now](const attempt& each) { return now - each.began > attempt_limit; });
        for (const auto& each : endpoints_) begin(each, now);
        pace_.expires_after(now - began_ < quick_period ? quick_pace : slow_pace);
        pace_.async_wait([this](const boost::system::error_code& error) {
            if (!error) go_on();
        });
    }

    void begin(const tcp::endpoint& to, clock::time_point now) {
        auto& socket = attempts_.emplace_back(attempt{tcp::socket{context_}, now}).socket;
        socket.async_connect(to, [this](const boost::system::error_code& error) {
            // Refused or cut off: the next attempt may find the door open.
            if (error || took_) return;
            took_ = std::chrono::duration_cast<milliseconds>(clock::now() - began_);
            context_.stop();
        });
    }

    asio::io_context context_{1};
    std::vector<tcp::endpoint> endpoints_;
    std::list<attempt> attempts_;
    asio::steady_timer pace_{context_};
    clock::time_point began_;
    std::optional<milliseconds> took_;
};

} // namespace

checked<std::optional<milliseconds>> wait_for_door(const door& which, milliseconds limit) {
    const auto addresses = resolve_host(which.host, which.family);
    if (!addresses) return addresses.error();
    return doorbell{endpoints_of(*addresses, which.port)}.ring(limit);
}

} // namespace fwknop::client
