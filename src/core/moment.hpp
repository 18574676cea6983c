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

/// How long from `now` until `when`, by the wall clock; at most a hundred years, because a far
/// future in seconds does not fit the steady clock's nanoseconds.
[[nodiscard]] constexpr std::chrono::seconds time_until(unix_time when, moment now) noexcept {
    constexpr std::chrono::seconds limit = std::chrono::years{100};
    if (when > now.wall + limit) return limit;
    if (when < now.wall - limit) return -limit;
    return when - now.wall;
}

} // namespace fwknop
