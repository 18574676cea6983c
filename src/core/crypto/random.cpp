// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/random.hpp"

#include <sodium.h>

#include <algorithm>

namespace fwknop::crypto {

namespace {

// Opens the source once; safe to repeat.
void ready() noexcept {
    static const int initialised = sodium_init();
    static_cast<void>(initialised);
}

} // namespace

void fill_random(std::span<std::uint8_t> bytes) noexcept {
    ready();
    randombytes_buf(bytes.data(), bytes.size());
}

std::string random_digits(std::size_t count) {
    ready();
    std::string digits(count, '0');
    std::generate(digits.begin(), digits.end(),
                  [] { return static_cast<char>('0' + randombytes_uniform(10)); });
    return digits;
}

std::uint32_t random_below(std::uint32_t bound) noexcept {
    ready();
    return randombytes_uniform(bound);
}

} // namespace fwknop::crypto
