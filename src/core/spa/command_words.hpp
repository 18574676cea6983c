// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// The words of a command line by the quoting rules of the POSIX shell (XCU 2.2), and nothing else
/// of the shell: blanks, tabs and line feeds divide words; single quotes hold everything; double
/// quotes hold everything but a backslash before `$`, a back quote, `"`, a backslash or a line
/// feed; a backslash elsewhere holds the next character. Variables, patterns, redirections, `;`
/// and `#` are characters like others. Nothing when a quote is not closed, a backslash is last, or
/// there is a zero byte, which no argument can have. No word: an empty list.
[[nodiscard]] std::optional<std::vector<std::string>> split_command_words(std::string_view line);

/// The words with blanks between them, `escaped`: for logs, not for running again.
[[nodiscard]] std::string join_command_words(const std::vector<std::string>& words);

} // namespace fwknop
