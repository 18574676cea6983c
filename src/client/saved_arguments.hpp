// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The form in which the last command line is kept: "fwknop" and its arguments in one line, quoted
// where they need it. Keys never get here (see command_line::shareable).

namespace fwknop::client {

/// Without line feed.
[[nodiscard]] std::string format_arguments(std::span<const std::string> arguments);

/// The arguments without the program's name. Reads what clients of the 2.6 line wrote, too.
[[nodiscard]] std::vector<std::string> parse_arguments(std::string_view text);

} // namespace fwknop::client
