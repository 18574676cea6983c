// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/secret.hpp>

#include <functional>
#include <span>
#include <string_view>
#include <vector>

// Rewrites one stanza of an rc file's text (--save-rc-stanza). Pure: text in, text out. The text
// holds keys, so it never leaves secret memory.

namespace fwknop::client {

/// One directive to write.
struct rc_entry {
    std::string_view name; ///< a directive's, from the option table
    secret_bytes value;
};

/// Whether the stanza's old key `name` may go.
using may_replace = std::function<bool(std::string_view name)>;

/// `text` with the stanza called `stanza` holding `entries`. Its other directives go, except keys
/// in whose place `entries` gives no new one; a key that would be replaced goes only if `ask` says
/// so, and what was to replace it is left out otherwise. Comments and blank lines of the stanza
/// stay, and so does every byte outside it. A stanza that is not there is added at the end.
///
/// `entries` loses what was left out.
[[nodiscard]] secret_bytes write_stanza(std::string_view text, std::string_view stanza,
                                        std::vector<rc_entry>& entries, const may_replace& ask);

/// Whether a line of an rc file can hold `value`, and reading gives the same back.
[[nodiscard]] bool fits_rc_line(std::string_view value) noexcept;

/// Whether a stanza can have this name.
[[nodiscard]] bool fits_stanza_name(std::string_view name) noexcept;

} // namespace fwknop::client
