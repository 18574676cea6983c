// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/listed_program.hpp"

#include <string_view>

// Words of others' programs that make them start what they are told to, or read what they are told
// to. Ours never do.

namespace fwknop {

/// Longest line of a script for iptables-restore; that program reads 10,239 bytes at a time and
/// takes what is left for a line of its own.
inline constexpr std::size_t max_iptables_line = 8 * 1024;

/// Whether iptables could take `word` for `--modprobe`, `-M`, or an abbreviation: what follows is
/// the program that it runs when it wants a kernel module.
[[nodiscard]] bool may_name_program(std::string_view word);

/// Whether `text` is fit for the standard input of a program that is listed with `kind`.
[[nodiscard]] bool is_harmless(listed_input kind, std::string_view text);

} // namespace fwknop
