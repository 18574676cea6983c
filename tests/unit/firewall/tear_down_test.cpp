// SPDX-License-Identifier: Apache-2.0
#include "firewall/keeper_stage.hpp"
#include "firewall/tear_down.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <vector>

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

TEST_CASE("a tear-down is tried again until it is done, and then no more") {
    const std::vector<std::string> errors{"no process to be had", "out of descriptors", "again"};
    for (std::size_t failures = 0; failures <= errors.size(); ++failures) {
        INFO(failures << " failures");
        fake_backend filter;
        filter.stop_errors.assign(errors.begin(),
                                  errors.begin() + static_cast<std::ptrdiff_t>(failures));
        const auto done = torn_down(filter);
        REQUIRE(done);
        CHECK(done->ok());
        CHECK(static_cast<std::size_t>(filter.stops) == failures + 1);
    }
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
