// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_table.hpp"
#include "firewall/sample.hpp"

#include <chrono>
#include <cstdint>

#include <benchmark/benchmark.h>

namespace fwknop {
namespace {

using namespace std::chrono_literals;

grant_key key(std::int64_t number) {
    const auto low = static_cast<std::uint16_t>(number % 60'000 + 1);
    return test::tcp(number < 60'000 ? "192.0.2.7" : "192.0.2.8", low);
}

/// One grant more on top of `range(0)`, and its end.
void open_and_expire(benchmark::State& state) {
    grant_table table;
    for (std::int64_t i = 0; i < state.range(0); ++i) table.open(key(i), 1h, test::at(0));
    const grant_key mine = test::udp("198.51.100.1", 22);
    int second = 0;
    for (auto _ : state) {
        table.open(mine, 1s, test::at(second));
        ++second;
        if (table.expire(test::at(second)).size() != 1) state.SkipWithError("it did not expire");
        if (second == 3000) second = 0; // the others must not end
    }
    state.SetComplexityN(state.range(0));
}

void extend(benchmark::State& state) {
    grant_table table;
    for (std::int64_t i = 0; i < state.range(0); ++i) table.open(key(i), 1h, test::at(0));
    const grant_key mine = key(state.range(0) / 2);
    std::chrono::seconds timeout = 2h;
    for (auto _ : state)
        if (table.open(mine, ++timeout, test::at(0)).verdict != open_verdict::extended)
            state.SkipWithError("it was not extended");
    state.SetComplexityN(state.range(0));
}

BENCHMARK(open_and_expire)->Arg(1)->Arg(100)->Arg(10'000)->Complexity();
BENCHMARK(extend)->Arg(1)->Arg(100)->Arg(10'000)->Complexity();

} // namespace
} // namespace fwknop
