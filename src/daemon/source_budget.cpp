// SPDX-License-Identifier: Apache-2.0
#include "daemon/source_budget.hpp"

#include <algorithm>
#include <new>

namespace fwknop::daemon {

namespace {

/// How often the drained buckets are looked for while there is no room for another.
constexpr std::chrono::milliseconds sweep_interval{50};

} // namespace

void source_budget::bucket::drain(const bucket_size& size, clock::time_point now) noexcept {
    const auto passed = std::max(now - at, clock::duration{});
    const auto drained = std::chrono::duration_cast<clock::duration>(passed * size.rate);
    level = std::max(level - drained, clock::duration{});
    at = now;
}

bool source_budget::admits(const ip_address& source, clock::time_point now) noexcept {
    if (all_.level < limits_.all.depth) return true;
    all_.drain(limits_.all, now);
    if (all_.level < limits_.all.depth) return true;
    const auto found = sources_.find(source);
    if (found == sources_.end()) return true;
    found->second.drain(limits_.source, now);
    return found->second.level < limits_.source.depth;
}

void source_budget::charge(const ip_address& source, clock::duration cost,
                           clock::time_point now) noexcept try {
    all_.drain(limits_.all, now);
    all_.fill(cost);
    // In quiet times nobody is watched.
    if (all_.level < limits_.all.depth / 2) return;
    auto found = sources_.find(source);
    if (found == sources_.end()) {
        if (!has_room(now)) return;
        found = sources_.emplace(source, bucket{.at = now}).first;
    }
    found->second.drain(limits_.source, now);
    found->second.fill(cost);
} catch (const std::bad_alloc&) { // bounded, so this is not the memory that is missing
}

bool source_budget::has_room(clock::time_point now) {
    if (sources_.size() < limits_.sources) return true;
    if (now - swept_ < sweep_interval) return false;
    swept_ = now;
    std::erase_if(sources_, [&](const auto& each) {
        bucket left = each.second;
        left.drain(limits_.source, now);
        return left.level == clock::duration{};
    });
    return sources_.size() < limits_.sources;
}

} // namespace fwknop::daemon
