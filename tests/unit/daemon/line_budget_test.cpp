// SPDX-License-Identifier: Apache-2.0
#include "daemon/line_budget.hpp"

#include <catch2/catch.hpp>

using fwknop::daemon::line_budget;
using namespace std::chrono_literals;

namespace {

constexpr line_budget::clock::time_point start{1000s};

} // namespace

TEST_CASE("so many lines an interval, the rest is counted") {
    line_budget budget{3, 30s};
    struct row {
        std::chrono::milliseconds time;
        bool written;
        unsigned suppressed;
    };
    const row rows[] = {
        {0ms, true, 0},       {1ms, true, 0},      {29'000ms, true, 0},  {29'000ms, false, 1},
        {29'999ms, false, 2}, {30'000ms, true, 2}, // the next interval begins
        {59'998ms, true, 2},  {59'999ms, true, 2}, {59'999ms, false, 3}, {60'000ms, true, 3},
    };
    for (const row& each : rows) {
        CAPTURE(each.time.count());
        CHECK(budget.take(start + each.time) == each.written);
        CHECK(budget.suppressed() == each.suppressed);
    }
}

TEST_CASE("an interval begins with its first line, not with the clock") {
    line_budget budget{1, 30s};
    CHECK(budget.take(start + 100s));
    CHECK(budget.interval_end() == start + 130s);
    CHECK_FALSE(budget.take(start + 129s));
    CHECK(budget.take(start + 500s));
    CHECK(budget.interval_end() == start + 530s);
}

TEST_CASE("what was suppressed is told once") {
    line_budget budget{1, 30s};
    CHECK(budget.take_suppressed() == 0);
    CHECK(budget.take(start));
    CHECK_FALSE(budget.take(start));
    CHECK_FALSE(budget.take(start));
    CHECK(budget.take_suppressed() == 2);
    CHECK(budget.take_suppressed() == 0);
    // Telling gives no new lines.
    CHECK_FALSE(budget.take(start));
}

TEST_CASE("the very first line may come at the clock's beginning") {
    line_budget budget{1, 30s};
    CHECK(budget.take({}));
    CHECK_FALSE(budget.take(line_budget::clock::time_point{29s}));
    CHECK(budget.take(line_budget::clock::time_point{30s}));
}

TEST_CASE("a budget of nothing writes nothing") {
    line_budget budget{0, 30s};
    CHECK_FALSE(budget.take(start));
    CHECK_FALSE(budget.take(start + 31s));
    CHECK(budget.suppressed() == 2);
}
