// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/secret.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Keys on the command line can be read by every process of the machine (/proc/<pid>/cmdline) and
// would be copied about by any option parser. So before the parser sees the arguments, each key is
// moved into secret memory, overwritten where it stood, and replaced by a placeholder. A moment
// remains, from exec to here, in which others can read it; the manual says so.

namespace fwknop::client {

struct screened_arguments {
    std::vector<std::string> arguments; ///< without the program's name; keys are placeholders
    std::vector<secret_bytes> secrets;

    /// The key that `argument` stands for, or null.
    [[nodiscard]] const secret_bytes* secret_of(std::string_view argument) const;

    /// The arguments without the options whose values are keys.
    [[nodiscard]] std::vector<std::string> without_secrets() const;
};

/// Takes the values of the options in `secret_names` (long names without dashes, or any prefix of
/// them that no other name in `all_names` is equal to; both `--name value` and `--name=value`) out
/// of `argv`, whose first element is the program's name, and overwrites them there with `x`.
[[nodiscard]] screened_arguments screen_arguments(std::span<char* const> argv,
                                                  std::span<const std::string_view> secret_names,
                                                  std::span<const std::string_view> all_names);

} // namespace fwknop::client
