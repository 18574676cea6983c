// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace fwknop {

/// Where and when a packet was accepted for the first time.
struct packet_origin {
    std::uint8_t protocol = 0; ///< IP protocol number
    ip_address source;
    std::uint16_t source_port = 0;
    ip_address destination;
    std::uint16_t destination_port = 0;
    unix_time seen{};

    friend bool operator==(const packet_origin&, const packet_origin&) = default;
};

/// The packets that were accepted, by the digest of their text. Look-up and insertion take
/// constant time. Only packets that authenticated come in, so a stranger cannot make it grow; but
/// with packet aging off it grows for ever, so entries are small: a million take about 70 MB when
/// they came over IPv4, 105 MB over IPv6.
class replay_table {
  public:
    /// `seed` keeps the order of the table from being predicted.
    explicit replay_table(std::uint64_t seed);

    /// The first packet with this digest.
    [[nodiscard]] std::optional<packet_origin> find(const packet_id& id) const noexcept;

    /// False, and nothing changes, when it is there already. `seen` is kept to the second from
    /// 1970 on; what is earlier counts as 1970. Throws std::bad_alloc, and nothing changes.
    bool insert(const packet_id& id, const packet_origin& origin);

    /// Forgets what was seen before `limit`. Returns how many.
    std::size_t forget_before(unix_time limit);

    [[nodiscard]] std::size_t size() const noexcept { return records_->size(); }

    /// In the order of insertion. `visit` must not change the table.
    void for_each(const std::function<void(const packet_id&, const packet_origin&)>& visit) const;

  private:
    /// An entry without gaps: a digest and an origin side by side would take half as much again.
    struct record {
        packet_id id;
        std::uint32_t source;      ///< an IPv4 address, or the index of both addresses in `wide_`
        std::uint32_t destination; ///< an IPv4 address
        std::uint32_t seen_low;
        std::uint16_t seen_high;
        std::uint16_t source_port;
        std::uint16_t destination_port;
        std::uint8_t protocol;
        bool wide; ///< IPv6
    };
    using records = std::vector<record>;
    using slot = std::uint32_t; ///< an index of `records_`

    struct hash {
        using is_transparent = void;
        const records* all;
        std::uint64_t seed;
        std::size_t operator()(const packet_id& id) const noexcept;
        std::size_t operator()(slot at) const noexcept { return (*this)((*all)[at].id); }
    };
    struct equal {
        using is_transparent = void;
        const records* all;
        bool operator()(slot a, slot b) const noexcept { return (*all)[a].id == (*all)[b].id; }
        bool operator()(const packet_id& a, slot b) const noexcept { return a == (*all)[b].id; }
        bool operator()(slot a, const packet_id& b) const noexcept { return (*all)[a].id == b; }
    };

    [[nodiscard]] record pack(const packet_id& id, const packet_origin& origin);
    [[nodiscard]] packet_origin unpack(const record& entry) const noexcept;

    std::unique_ptr<records> records_; ///< its address is in `index_`, and stays when this moves
    std::vector<std::pair<ip_address, ip_address>> wide_; ///< source and destination
    boost::unordered_flat_set<slot, hash, equal> index_;
};

} // namespace fwknop
