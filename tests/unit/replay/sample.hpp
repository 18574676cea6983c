// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/replay/replay_table.hpp"

#include <cstddef>
#include <cstdint>

namespace fwknop::test {

/// A digest of its own for each number. Real digests look random; these differ in few bits, which
/// is harder for a hash table.
[[nodiscard]] inline packet_id sample_id(std::uint32_t number) {
    packet_id id{};
    for (std::size_t i = 0; i < 4; ++i) {
        id[i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    id.back() = 0xa5;
    return id;
}

/// 192.0.2.7:40000 -> 198.51.100.9:62201 over UDP.
[[nodiscard]] inline packet_origin sample_origin(std::int64_t seen) {
    return {17,    *ip_address::parse("192.0.2.7"),
            40000, *ip_address::parse("198.51.100.9"),
            62201, from_seconds(seen)};
}

} // namespace fwknop::test
