// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace fwknop {

/// Unix time in whole seconds: what packets, rule comments and files carry.
using unix_time = std::chrono::sys_seconds;

/// One reading of both clocks, taken by the caller and passed in: nothing in core reads a clock.
/// `steady` measures durations, so that a step of the wall clock neither shortens nor lengthens a
/// grant; `wall` is what people and packets call the time.
struct moment {
    std::chrono::steady_clock::time_point steady;
    unix_time wall;
};

[[nodiscard]] constexpr std::int64_t to_seconds(unix_time time) noexcept {
    return time.time_since_epoch().count();
}

[[nodiscard]] constexpr unix_time from_seconds(std::int64_t seconds) noexcept {
    return unix_time{std::chrono::seconds{seconds}};
}

} // namespace fwknop
