// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/rc_stanza.hpp"
#include "client/secret_arguments.hpp"
#include "client/setters.hpp"
#include "client/settings.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The command line: one table, and the parser that reads it.

namespace fwknop::client {

enum class option_kind {
    flag,           ///< takes no value; the setter is called with "Y"
    value,          ///< takes one
    optional_value, ///< takes one or none; without it the setter is called with "Y"
    secret,         ///< takes one, which is a key
};

/// One option.
struct option_row {
    std::string_view name; ///< long name without dashes
    char letter;           ///< 0 if there is no short one
    option_kind kind;
    setter apply;
    std::string_view argument;       ///< what `--help` calls the value
    std::string_view help;           ///< empty: an alias that `--help` does not list
    std::string_view directive = {}; ///< where --save-rc-stanza puts it; empty: it is not saved
};

/// Every option, in the order of `--help`.
[[nodiscard]] std::span<const option_row> option_table() noexcept;

/// The command line as it was given: read once, applied as often as needed.
class command_line {
  public:
    /// Reads `argv` (program name first) and overwrites the keys in it. Problems: an unknown or
    /// ambiguous option, a missing or superfluous value.
    [[nodiscard]] static checked<command_line> parse(std::span<char* const> argv);

    /// Lets every option set its value, in the order given. Problem: a bad value, named.
    [[nodiscard]] checked<void> apply(settings& to) const;

    /// What may be written to a file: the arguments without keys and their options.
    [[nodiscard]] std::vector<std::string> shareable() const { return given_.without_secrets(); }

    /// What `--save-rc-stanza` writes: each option that has a directive, in the order of the table;
    /// of several for one directive, the last. Problem: a value that an rc file cannot hold.
    [[nodiscard]] checked<std::vector<rc_entry>> directives() const;

    /// Whether keys were among the arguments.
    [[nodiscard]] bool has_keys() const noexcept { return !given_.secrets.empty(); }

  private:
    struct occurrence {
        const option_row* row;
        std::string value;
    };
    screened_arguments given_;
    std::vector<occurrence> occurrences_;
};

/// The text of `--help`.
[[nodiscard]] std::string usage();

} // namespace fwknop::client
