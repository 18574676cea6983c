// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "incumbent/libfko.hpp"

#include <fwknop/packet.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Where our decoder and that of the 2.6 line part ways, on purpose. docs/differences.md explains
// each; whatever is not listed there is a mistake of one of the two, to be looked into.

namespace fwknop::fuzz {

/// One packet and what both sides made of it.
struct comparison {
    std::string_view payload;
    opening how;
    std::string plain; ///< the plain text, as far as our own code decrypts it; else empty
    result<opened_packet> ours;
    incumbent_verdict theirs;
};

[[nodiscard]] told tell(const opened_packet& packet);

[[nodiscard]] bool agree(const comparison& both);

/// The name of the known difference; none: nobody has explained this one.
[[nodiscard]] std::optional<std::string_view> known_difference(const comparison& both);

/// The names of all of them.
[[nodiscard]] std::vector<std::string_view> all_known_differences();

/// What to look at, for people.
[[nodiscard]] std::string describe(const comparison& both);

} // namespace fwknop::fuzz
