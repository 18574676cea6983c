// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The rc file's syntax and its directives. Pure: text in, settings out.

namespace fwknop::client {

/// One rc file's text. The text holds keys, so its owner keeps it in a `secret_bytes`; this is a
/// view of it.
struct rc_text {
    std::string name; ///< for messages
    std::string_view text;
};

enum class rc_line_kind {
    nothing,   ///< empty or a comment
    stanza,    ///< `[name]`
    directive, ///< `NAME value`, `NAME: value`
    malformed, ///< `[` without `]`
};

struct rc_line {
    rc_line_kind kind = rc_line_kind::nothing;
    std::string_view name;
    std::string_view value;     ///< empty when there is none
    std::string_view rest = {}; ///< from the value to the end of the line
};

/// What one line says. `line` without its line feed; a carriage return before it is ignored.
[[nodiscard]] rc_line read_rc_line(std::string_view line);

/// Applies `[default]` of every text, then the stanza called `stanza` (compared without case) of
/// every text, unless it is empty. Among equals the last one wins. Lines before the first stanza
/// are no one's, and ignored; their numbers are not. Other stanzas are not even looked at.
/// Problems: an unknown directive, a bad or missing value (with file and line), no such stanza.
[[nodiscard]] checked<void> apply_rc(settings& to, std::span<const rc_text> texts,
                                     std::string_view stanza);

/// The names of all stanzas but `[default]`, in order, each once.
[[nodiscard]] std::vector<std::string> stanza_names(std::string_view text);

/// Whether `text` has a stanza called `stanza`, compared without case.
[[nodiscard]] bool stanza_exists(std::string_view text, std::string_view stanza);

/// Whether `left` and `right` name the same stanza.
[[nodiscard]] bool same_stanza(std::string_view left, std::string_view right) noexcept;

/// Whether a directive's value is a key or, where the name is unknown, may be one. For messages,
/// which must not show it.
[[nodiscard]] bool is_secret_directive(std::string_view name) noexcept;

/// Every directive that `apply_rc` knows.
[[nodiscard]] std::vector<std::string_view> directive_names();

} // namespace fwknop::client
