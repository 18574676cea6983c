// SPDX-License-Identifier: Apache-2.0
#include "firewall/tear_down.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <new>

namespace fwknop {

namespace asio = boost::asio;

namespace {

/// With pauses of 100, 200 and 400 ms between them: well within the seconds that the end may take.
constexpr int attempts = 4;

} // namespace

asio::awaitable<backend_outcome> tear_down(backend& filter, std::chrono::milliseconds first_pause) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    auto pause = first_pause;
    for (int attempt = 1;; ++attempt) {
        backend_outcome outcome;
        try {
            outcome = co_await filter.stop();
        } catch (const std::bad_alloc&) {
            outcome.error = "out of memory";
        }
        if (outcome.ok() || attempt == attempts) co_return outcome;
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
        pause *= 2;
    }
}

} // namespace fwknop
