// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/nft_names.hpp"
#include "core/policy/port_set.hpp"
#include "firewall/grant_route.hpp"

#include <fwknop/ip_address.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Where grants live in nftables: which sets there are, and what they are called.
//
// A grant is an element of a hash set, keyed by what a packet shows. Grants that differ in what is
// to be compared, say in how many bits of the source count, are in different sets. One interval set
// could hold all of them, but the kernel refuses elements there that overlap, which networks of two
// stanzas do, and copies the whole set for every transaction.

namespace fwknop {

/// What the elements of one set have in common.
struct nft_shape {
    rule_role role = rule_role::input;
    ip_family family = ip_family::v4;
    std::uint8_t prefix_length = 32; ///< leading bits of the source that count
    bool destination = false;        ///< for one destination address only
    bool all_ports = false;          ///< FORWARD_ALL: neither protocol nor port

    [[nodiscard]] bool is_host() const noexcept {
        return prefix_length == (family == ip_family::v4 ? 32 : 128);
    }

    // clang-tidy 14 sees a null pointer in what the compiler writes for this.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const nft_shape&, const nft_shape&) noexcept = default;
};

/// NFT_MODE.
enum class nft_mode : std::uint8_t {
    protect, ///< chains of our own drop what has no grant
    sets,    ///< sets only: the administrator's rules refer to them
    chain,   ///< the administrator's base chain jumps to ours, which accepts
};

/// Where our objects are, and how they are called there.
struct nft_home {
    nft_family family = nft_family::inet;
    std::string table = "fwknop";
    std::string prefix; ///< of all our names: in a table of somebody else "fwknop_", else empty

    /// "table inet fwknop", as nft lists it.
    [[nodiscard]] std::string place() const {
        return "table " + std::string{name_of(family)} + " " + table;
    }

    /// "grant4", "grant6_64" (the first 64 bits count), "grant4_to" (one destination),
    /// "forward4_all", each behind the prefix.
    [[nodiscard]] std::string set_name(const nft_shape& shape) const;

    /// The shape that a set of this name has if it is ours.
    [[nodiscard]] std::optional<nft_shape> shape_of(std::string_view set_name) const;
};

/// What the configuration asks for.
struct nft_layout : nft_home {
    nft_mode mode = nft_mode::protect;
    std::string base_chain; ///< mode `chain`: the one to jump from
    std::vector<port_range> protect;
    bool destination = false; ///< ENABLE_DESTINATION_RULE
    bool output = false;      ///< ENABLE_IPT_OUTPUT
    bool nat = false;         ///< ENABLE_IPT_FORWARDING or ENABLE_IPT_LOCAL_NAT
    bool source_nat = false;  ///< with `nat`: sources are translated, too

    /// Mode `chain`: ours, which accepts.
    [[nodiscard]] std::string accepting_chain() const { return prefix + "input"; }

    /// By which the jump to it is found again.
    [[nodiscard]] std::string jump_comment() const { return "fwknopd: " + accepting_chain(); }

    /// Whether packets of that family come by at all.
    [[nodiscard]] bool serves(ip_family packets) const noexcept {
        return family == nft_family::inet ||
               (family == nft_family::ip) == (packets == ip_family::v4);
    }

    /// In the order in which the log tells of them.
    [[nodiscard]] std::vector<rule_role> roles() const;

    /// The sets that are there from the start; those for other shapes are made when needed.
    [[nodiscard]] std::vector<nft_shape> shapes() const;
};

/// What the names of sets begin with: "grant", "forward", …
[[nodiscard]] std::string_view set_stem(rule_role role) noexcept;

/// Elements have a value: the address or port that takes the place of the packet's.
[[nodiscard]] bool is_map(const nft_shape& shape) noexcept;

/// Ports in ascending order, each once, neighbours together: an interval set refuses overlaps.
[[nodiscard]] std::vector<port_range> merged(std::vector<port_range> ranges);

} // namespace fwknop
