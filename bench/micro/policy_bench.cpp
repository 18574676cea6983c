// SPDX-License-Identifier: Apache-2.0
#include "core/policy/gatekeeper.hpp"
#include "daemon/knock.hpp"
#include "policy/access_fixture.hpp"

#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

namespace fwknop {
namespace {

/// `count` stanzas with keys of their own. The last has the keys that `test::seal` seals with.
/// `everywhere`: each takes packets from anywhere; else from one address each, the last from
/// 192.0.2.7.
std::string stanzas(std::int64_t count, bool everywhere) {
    std::string text;
    for (std::int64_t i = 1; i < count; ++i) {
        const std::string n = std::to_string(i);
        const std::string source = "10." + std::to_string(i >> 16) + '.' +
                                   std::to_string(i >> 8 & 255) + '.' + std::to_string(i & 255);
        text += "SOURCE " + (everywhere ? "ANY" : source) + "\nKEY key-" + n +
                "-of-somebody-else\nHMAC_KEY hmac-" + n + "-of-somebody-else\n";
    }
    return text + "SOURCE " + (everywhere ? "ANY" : "192.0.2.7") + "\n" + test::our_keys;
}

void judge(benchmark::State& state, bool everywhere, std::string_view hmac) {
    access_fixture fixture;
    fixture.parse(stanzas(state.range(0), everywhere));
    const gatekeeper gate{fixture.stanzas, fixture.server, true};
    const std::string payload = test::seal(test::access_message(), test::pass_phrase, hmac);
    const auto packet = examine_payload(payload);
    const arrival how{.source = test::at("192.0.2.7"),
                      .destination = test::at("198.51.100.9"),
                      .destination_port = 62201,
                      .now = from_seconds(test::noon)};
    const bool good = hmac == test::hmac_pass_phrase;
    for (auto _ : state) {
        if (!gate.expects(how.source)) state.SkipWithError("unexpected");
        auto judged = gate.begin(*packet, how).take();
        if ((judged.granted() != nullptr) != good) state.SkipWithError("judged wrongly");
        benchmark::DoNotOptimize(judged);
    }
    state.SetComplexityN(state.range(0));
}

void judge_good_from_anywhere(benchmark::State& state) {
    judge(state, true, test::hmac_pass_phrase);
}
void judge_stranger_from_anywhere(benchmark::State& state) {
    judge(state, true, "nobody-has-this-key");
}
void judge_good_by_source(benchmark::State& state) {
    judge(state, false, test::hmac_pass_phrase);
}
void expects_nobody(benchmark::State& state) {
    access_fixture fixture;
    fixture.parse(stanzas(state.range(0), false));
    const gatekeeper gate{fixture.stanzas, fixture.server, true};
    const auto stranger = test::at("203.0.113.77");
    for (auto _ : state) benchmark::DoNotOptimize(gate.expects(stranger));
    state.SetComplexityN(state.range(0));
}
void read_access_file(benchmark::State& state) {
    const std::string text = stanzas(state.range(0), false);
    access_fixture fixture;
    for (auto _ : state) {
        fixture.parse(text);
        if (fixture.report.failed()) state.SkipWithError("refused");
    }
    state.SetComplexityN(state.range(0));
}

BENCHMARK(judge_good_from_anywhere)->Arg(1)->Arg(100)->Arg(5000)->Arg(50000)->Complexity();
BENCHMARK(judge_stranger_from_anywhere)->Arg(1)->Arg(100)->Arg(5000)->Arg(50000)->Complexity();
BENCHMARK(judge_good_by_source)->Arg(1)->Arg(100)->Arg(5000)->Arg(50000)->Complexity();
BENCHMARK(expects_nobody)->Arg(1)->Arg(100)->Arg(5000)->Arg(50000)->Complexity();
BENCHMARK(read_access_file)
    ->Arg(100)
    ->Arg(5000)
    ->Arg(50000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();

} // namespace
} // namespace fwknop
