// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/network.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// One rule of ours as text: written the way iptables reads it, and recognised the way iptables
// lists it. The text begins after the chain's name.

namespace fwknop {

/// What stands in a rule's comment before the unix second at which it ends.
inline constexpr std::string_view expiry_tag = "_exp_";

/// A rule that has the form of ours.
struct iptables_rule {
    std::optional<network> source;
    std::optional<network> destination;
    std::optional<fwknop::protocol> protocol;
    std::uint16_t source_port = 0;      ///< 0: any
    std::uint16_t destination_port = 0; ///< 0: any
    unix_time expires{};
    std::string target;
    std::string translation; ///< the target's option, e.g. `--to-destination 10.0.0.5:22`, or empty

    friend bool operator==(const iptables_rule&, const iptables_rule&) = default;
};

/// `-p <number> -s <source> -d <destination> --sport <port> --dport <port> -m comment --comment
/// _exp_<t> -j <target> <translation>`, without what is not set.
[[nodiscard]] std::string to_text(const iptables_rule& rule);

/// A listed rule (`-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1
/// -j ACCEPT`), or nothing if it says anything that ours never say.
[[nodiscard]] std::optional<iptables_rule> parse_iptables_rule(std::string_view text,
                                                               ip_family family);

/// The words of a listed rule or of a line for iptables-restore, without their quotes.
[[nodiscard]] std::vector<std::string> iptables_words(std::string_view text);

/// The time in the first `_exp_<unix seconds>` of a listed rule's comments, wherever in the
/// comment it stands.
[[nodiscard]] std::optional<unix_time> iptables_rule_expiry(std::string_view text);

/// The same in a comment alone, or in anything that holds one.
[[nodiscard]] std::optional<unix_time> parse_expiry(std::string_view comment);

/// The chain or target that a listed rule goes to with `-j` or `-g`.
[[nodiscard]] std::optional<std::string> iptables_rule_target(std::string_view text);

} // namespace fwknop
