// SPDX-License-Identifier: Apache-2.0
//
// The attack: anybody can send packets that fail, as many as the link carries, and a line for each
// would fill the disk and bury what matters. So lines that a stranger can cause have a budget per
// interval, and what goes beyond is counted and summed up once.
#pragma once

#include <chrono>
#include <cstdint>

namespace fwknop::daemon {

/// Grants a bounded number of lines per interval. Pure: the time is passed in.
class line_budget {
  public:
    using clock = std::chrono::steady_clock;

    constexpr line_budget() noexcept = default; ///< no lines at all
    constexpr line_budget(std::uint32_t lines, clock::duration interval) noexcept
        : lines_{lines}, interval_{interval} {}

    /// Whether one more line may be written at `now`. If not it is counted as suppressed.
    [[nodiscard]] bool take(clock::time_point now) noexcept {
        if (used_ == 0 || now - began_ >= interval_) {
            began_ = now;
            used_ = 0;
        }
        if (used_ < lines_) {
            ++used_;
            return true;
        }
        ++suppressed_;
        return false;
    }

    [[nodiscard]] std::uint64_t suppressed() const noexcept { return suppressed_; }

    /// When the running interval ends: the time to sum up.
    [[nodiscard]] clock::time_point interval_end() const noexcept { return began_ + interval_; }

    /// Returns what was suppressed since the last call, and forgets it.
    [[nodiscard]] std::uint64_t take_suppressed() noexcept {
        const std::uint64_t count = suppressed_;
        suppressed_ = 0;
        return count;
    }

  private:
    std::uint32_t lines_ = 0;
    clock::duration interval_{};
    clock::time_point began_{};
    std::uint32_t used_ = 0;
    std::uint64_t suppressed_ = 0;
};

} // namespace fwknop::daemon
