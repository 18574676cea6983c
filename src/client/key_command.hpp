// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"

#include <fwknop/secret.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

// KEY_COMMAND: the key comes from a program, usually a password manager. No shell is involved: what
// is in the rc file is split into words, and the first one is run with the others.

namespace fwknop::client {

/// Long enough for a person to find a pass phrase; a program that hangs is not waited for forever.
inline constexpr std::chrono::milliseconds key_command_limit{60'000};

/// The words of `command`: blanks divide them, quotes of one kind hold them together, and a
/// backslash stands before a quote or another backslash. Problem: no word, a quote not closed,
/// both kinds of quotes, another use of the backslash.
[[nodiscard]] checked<std::vector<std::string>> split_command(std::string_view command);

/// Runs `command` with this process's standard input and error, and gives the first line of its
/// output, without the line feed. Problem: it cannot be run, fails, says nothing, says more in a
/// line than a key can have (1023 bytes), or takes longer than `limit`, when it is ended.
[[nodiscard]] checked<secret_bytes>
run_key_command(const std::string& command, std::chrono::milliseconds limit = key_command_limit);

} // namespace fwknop::client
