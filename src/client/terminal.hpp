// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/secret.hpp>

#include <optional>
#include <string_view>

namespace fwknop::client {

/// Reads one line from file descriptor `fd`, byte by byte so that the next line stays for the next
/// reader. The line feed is not part of it. Nothing when there is no line or it is longer than a
/// key can be (1023 bytes).
[[nodiscard]] std::optional<secret_bytes> read_secret_line(int fd);

/// Writes `prompt` to the controlling terminal and reads a line from it without echo. Nothing when
/// there is no terminal or no line.
///
/// The terminal's settings are restored whatever happens: signals that end or stop the program are
/// held back while echo is off, make this function return, and take effect right after.
[[nodiscard]] std::optional<secret_bytes> prompt_secret(std::string_view prompt);

} // namespace fwknop::client
