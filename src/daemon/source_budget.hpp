// SPDX-License-Identifier: Apache-2.0
//
// The attack: one host sends well-formed junk, and each packet of it is checked against the keys of
// thousands of stanzas, so that nobody else is served. A source that fails much gets no more than
// its share of the processor then. A share, not a ban: whoever has to send from the same address as
// the attacker, behind address translation or because the attacker forges it, still has his turns;
// and other addresses of the same network are other sources. While there is time for all, all are
// checked.
#pragma once

#include <fwknop/ip_address.hpp>

#include <chrono>
#include <cstddef>
#include <map>

namespace fwknop::daemon {

/// Time spent on packets that did not authenticate, in all and by source, each as a leaky bucket.
/// Remembers a bounded number of sources. The time of day is passed in.
class source_budget {
  public:
    using clock = std::chrono::steady_clock;

    /// Fills with the time spent and drains at `rate`, a part of the time that passes; `depth` is
    /// when it is full.
    struct bucket_size {
        double rate;
        clock::duration depth;
    };
    struct limits {
        bucket_size all{.rate = 0.5, .depth = std::chrono::milliseconds{100}};
        bucket_size source{.rate = 0.1, .depth = std::chrono::milliseconds{20}};
        std::size_t sources = 1024;
    };

    source_budget() noexcept : source_budget{limits{}} {}
    explicit source_budget(const limits& given) noexcept : limits_{given} {}

    /// Whether a packet from `source` may be checked at `now`. False only while the daemon is
    /// overloaded by packets that fail and `source` has used up its share.
    [[nodiscard]] bool admits(const ip_address& source, clock::time_point now) noexcept;

    /// Checking a packet from `source`, in vain, took `cost` until `now`. Without memory for
    /// another source it is not remembered.
    void charge(const ip_address& source, clock::duration cost, clock::time_point now) noexcept;

  private:
    struct bucket {
        clock::duration level{};
        clock::time_point at{};

        void drain(const bucket_size& size, clock::time_point now) noexcept;
        void fill(clock::duration cost) noexcept { level += cost; }
    };

    [[nodiscard]] bool has_room(clock::time_point now);

    limits limits_;
    bucket all_;
    std::map<ip_address, bucket> sources_; ///< a tree: no choice of addresses makes it slow
    clock::time_point swept_{};
};

} // namespace fwknop::daemon
