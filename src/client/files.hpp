// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"

#include <fwknop/secret.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::client {

/// The whole file in secret memory, or nothing (`errno` says why). At most 32 MiB: larger files are
/// no key files.
[[nodiscard]] std::optional<secret_bytes> read_secret_file(const std::filesystem::path& path);

enum class write_mode {
    replace,    ///< a new file takes the old one's place at once, or not at all
    append,     ///< created if absent
    create_new, ///< fails if the file exists
};

/// Writes `text` to `path`, which only its owner may read (0600) if it is new.
[[nodiscard]] checked<void> write_private_file(const std::filesystem::path& path,
                                               std::string_view text, write_mode mode);

/// The line of warning if others than the owner may touch `path`, else an empty string.
[[nodiscard]] std::string permission_warning(const std::filesystem::path& path);

} // namespace fwknop::client
