// SPDX-License-Identifier: Apache-2.0
#include "firewall/keeper_stage.hpp"
#include "firewall/tear_down.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <exception>
#include <optional>

namespace fwknop::test {
namespace {

std::optional<backend_outcome> torn_down(fake_backend& filter) {
    asio::io_context context;
    std::optional<backend_outcome> result;
    asio::co_spawn(context, tear_down(filter, 1ms),
                   [&result](const std::exception_ptr& error, backend_outcome outcome) {
                       if (!error) result = std::move(outcome);
                   });
    context.run();
    return result;
}

TEST_CASE("a tear-down that goes well is not done again") {
    fake_backend filter;
    const auto done = torn_down(filter);
    REQUIRE(done);
    CHECK(done->ok());
    CHECK(filter.stops == 1);
}

TEST_CASE("a tear-down that fails is tried again until it is done") {
    fake_backend filter;
    filter.stop_errors = {"no process to be had", "out of descriptors"};
    const auto done = torn_down(filter);
    REQUIRE(done);
    CHECK(done->ok());
    CHECK(filter.stops == 3);
}

TEST_CASE("a tear-down that goes on failing ends with the last reason") {
    fake_backend filter;
    filter.stop_errors = {"first", "second", "third", "fourth", "fifth"};
    const auto done = torn_down(filter);
    REQUIRE(done);
    CHECK(done->error == "fourth");
    CHECK(filter.stops == 4);
}

} // namespace
} // namespace fwknop::test
