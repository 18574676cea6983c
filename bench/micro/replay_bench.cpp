// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_table.hpp"
#include "replay/sample.hpp"

#include <cstdint>

#include <benchmark/benchmark.h>

namespace fwknop {
namespace {

replay_table filled(std::int64_t entries) {
    replay_table table{1};
    for (std::int64_t i = 0; i < entries; ++i)
        table.insert(test::sample_id(static_cast<std::uint32_t>(i)), test::sample_origin(i));
    return table;
}

/// Visits the table far and wide, as digests do.
std::uint32_t jump(std::uint32_t at, std::uint32_t entries) {
    return static_cast<std::uint32_t>((std::uint64_t{at} + 7'919'777) % entries);
}

void find_known(benchmark::State& state) {
    const auto entries = static_cast<std::uint32_t>(state.range(0));
    const replay_table table = filled(entries);
    std::uint32_t at = 0;
    for (auto _ : state) {
        at = jump(at, entries);
        if (!table.find(test::sample_id(at))) state.SkipWithError("not found");
    }
    state.SetComplexityN(state.range(0));
}

void find_new(benchmark::State& state) {
    const replay_table table = filled(state.range(0));
    auto number = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state)
        if (table.find(test::sample_id(++number))) state.SkipWithError("found");
    state.SetComplexityN(state.range(0));
}

void insert(benchmark::State& state) {
    replay_table table = filled(state.range(0));
    auto number = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        ++number;
        if (!table.insert(test::sample_id(number), test::sample_origin(number)))
            state.SkipWithError("not inserted");
    }
}

BENCHMARK(find_known)->RangeMultiplier(10)->Range(1000, 10'000'000)->Complexity();
BENCHMARK(find_new)->RangeMultiplier(10)->Range(1000, 10'000'000)->Complexity();
// A fixed number: else the table that is measured would be any size.
BENCHMARK(insert)->RangeMultiplier(10)->Range(1000, 10'000'000)->Iterations(100'000);

} // namespace
} // namespace fwknop
