// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fwknop {

/// A word of a call: exactly, or, if there is none, any that is neither empty nor an option.
using listed_word = std::optional<std::string>;
inline constexpr std::nullopt_t any_value = std::nullopt;

/// What may follow the words.
enum class listed_rest : std::uint8_t {
    nothing,
    iptables_words, ///< of a rule: none that names a program (script_check.hpp)
};

/// What the standard input may hold.
enum class listed_input : std::uint8_t {
    anything,
    iptables_script, ///< as iptables-restore(8) reads it, naming no program
    nft_script,      ///< as nft(8) reads it, naming no other file
};

/// A program that the daemon will have started, in one of the ways in which it calls it; known when
/// the daemon starts.
struct listed_program {
    std::string path; ///< exactly
    std::vector<listed_word> words = {};
    listed_rest rest = listed_rest::nothing;
    listed_input input = listed_input::anything;
};

} // namespace fwknop
