// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant.hpp"
#include "firewall/grant_route.hpp"
#include "firewall/nft_layout.hpp"

#include <boost/container/static_vector.hpp>
#include <boost/container_hash/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace fwknop {

/// What the kernel compares or hands out: fields in network order, each filled up to whole words
/// of four bytes. The longest is two IPv6 addresses, protocol and port.
using nft_bytes = boost::container::static_vector<std::uint8_t, 40>;

/// One element of one of our sets.
// A vector of its own capacity never throws for what fits another of the same.
// NOLINTNEXTLINE(bugprone-exception-escape)
struct nft_element {
    nft_shape shape;
    nft_bytes key;
    nft_bytes value; ///< empty where the set is no map

    friend bool operator==(const nft_element&, const nft_element&) = default;
};

/// Which element it is, whatever its value.
struct nft_element_id {
    nft_shape shape;
    nft_bytes key;

    friend bool operator==(const nft_element_id&, const nft_element_id&) = default;
};

[[nodiscard]] inline std::size_t hash_value(const nft_element_id& id) noexcept {
    std::size_t seed = static_cast<std::size_t>(id.shape.role);
    boost::hash_combine(seed, id.shape.prefix_length);
    boost::hash_combine(seed, id.shape.destination);
    boost::hash_combine(seed, id.shape.all_ports);
    boost::hash_range(seed, id.key.begin(), id.key.end());
    return seed;
}

/// The grant's element in that role; nothing where it has none.
[[nodiscard]] std::optional<nft_element> element_of(rule_role role, const grant_key& key);

/// How long the keys of such a set are, in bytes.
[[nodiscard]] std::size_t key_size(const nft_shape& shape) noexcept;

/// The grant whose input element has that key, if the set is one for input and the key one of its.
[[nodiscard]] std::optional<grant_key> input_grant(const nft_shape& shape,
                                                   std::span<const std::uint8_t> key);

} // namespace fwknop
