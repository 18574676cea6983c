// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"
#include "client/user_name.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop::client {

/// Where this user's files are. An empty path: there is none.
struct user_files {
    std::filesystem::path rc;
    std::filesystem::path rc_folder; ///< `.fwknoprc.d`, whose *.conf are merged
    std::filesystem::path last_command;
};

/// Finds them from the options and the environment ($HOME, $XDG_CONFIG_HOME). `exists` tells
/// whether a file is there. Problem: no home directory where one is needed.
[[nodiscard]] checked<user_files>
locate_files(const settings& options, const variable_reader& variable,
             const std::function<bool(const std::filesystem::path&)>& exists);

/// The *.conf files of `folder`, sorted by name; none if it does not exist.
[[nodiscard]] std::vector<std::filesystem::path> folder_files(const std::filesystem::path& folder);

/// What a new rc file contains: comments and an empty `[default]`.
extern const std::string_view initial_rc;

} // namespace fwknop::client
