// SPDX-License-Identifier: Apache-2.0
#include "daemon/source_budget.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace std::chrono_literals;

namespace {

using clock_point = source_budget::clock::time_point;

const clock_point start{1000s};
const ip_address noisy = *ip_address::parse("192.0.2.7");
const ip_address neighbour = *ip_address::parse("192.0.2.8");

/// Half of the time for all, a tenth for each.
constexpr source_budget::limits small{
    .all = {.rate = 0.5, .depth = 100ms}, .source = {.rate = 0.1, .depth = 20ms}, .sources = 4};

/// As if `noisy` had sent until nobody else was served.
source_budget overloaded() {
    source_budget out{small};
    out.charge(noisy, 50ms, start);
    out.charge(noisy, 50ms, start);
    return out;
}

} // namespace

TEST_CASE("while there is time for all, all are checked") {
    source_budget budget{small};
    budget.charge(noisy, 99ms, start);
    CHECK(budget.admits(noisy, start));
}

TEST_CASE("a source that fails without end gets its share only") {
    auto budget = overloaded();
    CHECK_FALSE(budget.admits(noisy, start));

    SECTION("the others are served, also those of the same network") {
        CHECK(budget.admits(neighbour, start));
        CHECK(budget.admits(*ip_address::parse("2001:db8::7"), start));
    }
    SECTION("it has its turns while the overload lasts") {
        int checked = 0;
        for (auto at = start; at < start + 10s; at += 1ms) {
            budget.charge(neighbour, 1ms, at); // the overload lasts
            if (!budget.admits(noisy, at)) continue;
            ++checked;
            budget.charge(noisy, 10ms, at);
        }
        CHECK(checked >= 90); // a tenth of ten seconds, 10 ms each
        CHECK(checked <= 110);
    }
    SECTION("when the overload is over it is as if nothing had been") {
        CHECK_FALSE(budget.admits(noisy, start - 1ms)); // a clock that goes back drains nothing
        CHECK(budget.admits(noisy, start + 1ms));
    }
}

TEST_CASE("a bounded number of sources is remembered") {
    auto budget = overloaded();
    for (int i = 1; i <= 10; ++i)
        budget.charge(*ip_address::parse("10.0.0." + std::to_string(i)), 50ms, start);
    CHECK_FALSE(budget.admits(*ip_address::parse("10.0.0.3"), start));
    CHECK(budget.admits(*ip_address::parse("10.0.0.4"), start)); // not remembered: not held back

    // What has drained makes room, and what has not stays: 50 ms take 500 to drain.
    const auto first = start + 450ms;
    const auto second = start + 510ms;
    budget.charge(*ip_address::parse("10.0.0.1"), 200ms, first);
    budget.charge(neighbour, 700ms, first);
    CHECK(budget.admits(neighbour, first));
    budget.charge(neighbour, 700ms, second);
    CHECK_FALSE(budget.admits(neighbour, second));
    CHECK_FALSE(budget.admits(*ip_address::parse("10.0.0.1"), second));
}
