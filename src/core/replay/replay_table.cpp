// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

namespace fwknop {

namespace {

/// Seconds are kept in 48 bits.
constexpr std::int64_t max_seen = (std::int64_t{1} << 48U) - 1;

std::uint32_t pack_v4(const ip_address& address) noexcept {
    std::uint32_t out = 0;
    std::memcpy(&out, address.bytes().data(), sizeof out);
    return out;
}

ip_address unpack_v4(std::uint32_t packed) noexcept {
    std::array<std::uint8_t, sizeof packed> bytes{};
    std::memcpy(bytes.data(), &packed, sizeof packed);
    return ip_address::v4(bytes);
}

} // namespace

std::size_t replay_table::hash::operator()(const packet_id& id) const noexcept {
    // The digest is uniform already; the seed and a multiplication hide which bits are used.
    std::uint64_t word = 0;
    std::memcpy(&word, id.data(), sizeof word);
    word = (word ^ seed) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>(word ^ (word >> 32U));
}

replay_table::replay_table(std::uint64_t seed)
    : records_{std::make_unique<records>()}
    , index_{0, hash{records_.get(), seed}, equal{records_.get()}} {}

// Puts the addresses into `wide_` if they need it.
replay_table::record replay_table::pack(const packet_id& id, const packet_origin& origin) {
    const std::int64_t seen = std::clamp<std::int64_t>(to_seconds(origin.seen), 0, max_seen);
    record out{.id = id,
               .source = 0,
               .destination = 0,
               .seen_low = static_cast<std::uint32_t>(seen),
               .seen_high = static_cast<std::uint16_t>(seen >> 32U),
               .source_port = origin.source_port,
               .destination_port = origin.destination_port,
               .protocol = origin.protocol,
               .wide = !origin.source.is_v4() || !origin.destination.is_v4()};
    if (out.wide) {
        wide_.emplace_back(origin.source, origin.destination);
        out.source = static_cast<std::uint32_t>(wide_.size() - 1);
    } else {
        out.source = pack_v4(origin.source);
        out.destination = pack_v4(origin.destination);
    }
    return out;
}

packet_origin replay_table::unpack(const record& entry) const noexcept {
    const auto [source, destination] =
        entry.wide ? wide_[entry.source]
                   : std::pair{unpack_v4(entry.source), unpack_v4(entry.destination)};
    return {.protocol = entry.protocol,
            .source = source,
            .source_port = entry.source_port,
            .destination = destination,
            .destination_port = entry.destination_port,
            .seen = from_seconds(std::int64_t{entry.seen_high} << 32U | entry.seen_low)};
}

std::optional<packet_origin> replay_table::find(const packet_id& id) const noexcept {
    const auto at = index_.find(id);
    if (at == index_.end()) return std::nullopt;
    return unpack((*records_)[*at]);
}

bool replay_table::insert(const packet_id& id, const packet_origin& origin) {
    if (index_.contains(id)) return false;
    const std::size_t next = records_->size();
    if (next == std::numeric_limits<slot>::max()) throw std::bad_alloc{};

    const std::size_t wide_before = wide_.size();
    try {
        records_->push_back(pack(id, origin));
        index_.insert(static_cast<slot>(next));
    } catch (...) {
        records_->resize(next);
        wide_.resize(wide_before);
        throw;
    }
    return true;
}

std::size_t replay_table::forget_before(unix_time limit) {
    std::size_t kept = 0;
    std::size_t kept_wide = 0;
    for (record entry : *records_) {
        if (unpack(entry).seen < limit) continue;
        if (entry.wide) {
            wide_[kept_wide] = wide_[entry.source];
            entry.source = static_cast<std::uint32_t>(kept_wide++);
        }
        (*records_)[kept++] = entry;
    }
    const std::size_t forgotten = records_->size() - kept;
    if (forgotten == 0) return 0;

    records_->resize(kept);
    records_->shrink_to_fit();
    wide_.resize(kept_wide);
    wide_.shrink_to_fit();
    index_.clear(); // it keeps its room, so that filling it again cannot fail
    for (std::size_t at = 0; at < kept; ++at) index_.insert(static_cast<slot>(at));
    return forgotten;
}

void replay_table::for_each(
    const std::function<void(const packet_id&, const packet_origin&)>& visit) const {
    for (const record& entry : *records_) visit(entry.id, unpack(entry));
}

} // namespace fwknop
