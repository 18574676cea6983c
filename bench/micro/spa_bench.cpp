// SPDX-License-Identifier: Apache-2.0
#include "daemon/knock.hpp"

#include <fwknop/packet.hpp>

#include <string>

#include <benchmark/benchmark.h>

namespace fwknop {
namespace {

const encryption_key& encryption() {
    static const encryption_key key{secret_bytes::from_text(test::pass_phrase)};
    return key;
}

const hmac_key& signing(digest_type type = digest_type::sha256) {
    static const auto sha256 =
        hmac_key::make(digest_type::sha256, secret_bytes::from_text(test::hmac_pass_phrase))
            .value();
    static const auto sha512 =
        hmac_key::make(digest_type::sha512, secret_bytes::from_text(test::hmac_pass_phrase))
            .value();
    return type == digest_type::sha256 ? sha256 : sha512;
}

const std::string junk(200, 'A');

void examine_junk(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(examine_payload(junk));
}
BENCHMARK(examine_junk);

void identify(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(identify_payload(junk));
}
BENCHMARK(identify);

void hmac_refuses(benchmark::State& state) {
    const auto& key = signing(static_cast<digest_type>(state.range(0)));
    const std::string tag(digest_base64_size(key.type()), 'A');
    for (auto _ : state) benchmark::DoNotOptimize(key.verify("U2FsdGVkX1", junk, tag));
}
BENCHMARK(hmac_refuses)
    ->ArgName("digest")
    ->Arg(static_cast<int>(digest_type::sha256))
    ->Arg(static_cast<int>(digest_type::sha512));

void open_good(benchmark::State& state) {
    const std::string payload = test::seal();
    for (auto _ : state) {
        const auto packet = examine_payload(payload);
        auto opened = open_packet(*packet, encryption(), &signing());
        if (!opened) state.SkipWithError("it does not open");
        benchmark::DoNotOptimize(opened);
    }
}
BENCHMARK(open_good);

void seal(benchmark::State& state) {
    const auto fields = test::access_message();
    for (auto _ : state)
        benchmark::DoNotOptimize(seal_packet(fields, digest_type::sha256, encryption(), &signing(),
                                             seal_nonce::generate()));
}
BENCHMARK(seal);

} // namespace
} // namespace fwknop
