// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/nat_route.hpp"
#include "core/policy/network.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <boost/container_hash/hash.hpp>

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace fwknop {

/// What makes two grants the same grant: a repeated knock for an equal key extends, never doubles.
struct grant_key {
    network source;
    std::optional<ip_address> destination; ///< none: any; else of the source's family
    service door;                          ///< with NAT, the one outside
    std::optional<nat_route> nat{};        ///< none: access to this host itself

    friend auto operator<=>(const grant_key&, const grant_key&) noexcept = default;
};

/// One hole in the packet filter and when it closes.
struct grant {
    grant_key key;
    unix_time expires; ///< wall time, for rule comments and logs
    /// What closes it: a step of the wall clock neither stretches nor cuts a grant.
    std::chrono::steady_clock::time_point deadline;
    /// Counts up with every rule that is written, so it tells which of two rules came first.
    std::uint64_t order = 0;
};

/// Found by the boost and standard hash tables alike.
[[nodiscard]] inline std::size_t hash_value(const ip_address& address) noexcept {
    const auto bytes = address.bytes();
    return boost::hash_range(bytes.begin(), bytes.end());
}

[[nodiscard]] inline std::size_t hash_value(const grant_key& key) noexcept {
    std::size_t seed = hash_value(key.source.address());
    boost::hash_combine(seed, key.source.prefix_length());
    if (key.destination) boost::hash_combine(seed, hash_value(*key.destination));
    boost::hash_combine(seed, static_cast<unsigned>(key.door.protocol));
    boost::hash_combine(seed, key.door.port);
    if (key.nat) {
        boost::hash_combine(seed, hash_value(key.nat->inside.address));
        boost::hash_combine(seed, key.nat->inside.port);
    }
    return seed;
}

} // namespace fwknop

template <>
struct std::hash<fwknop::grant_key> {
    std::size_t operator()(const fwknop::grant_key& key) const noexcept {
        return fwknop::hash_value(key);
    }
};
