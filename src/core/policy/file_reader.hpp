// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"

#include <fwknop/error.hpp>
#include <fwknop/secret.hpp>

#include <string>
#include <vector>

namespace fwknop {

/// A whole file. The text of access.conf holds keys, so no file's text is kept in ordinary memory.
struct file_text {
    secret_bytes text;
    bool mode_is_0600 = true; ///< the permission bits are exactly 0600
    bool owned_by_us = true;  ///< the owner is the effective user of this process
};

/// The only way by which policy sees files, so that it can be tested without any.
class file_reader {
  public:
    virtual ~file_reader() = default;

    /// Error: the operating system's reason (system or generic category).
    [[nodiscard]] virtual result<file_text> read(const std::string& path) = 0;

    /// The names (not paths) of the folder's entries, in any order. Error: as above.
    [[nodiscard]] virtual result<std::vector<std::string>> list_folder(const std::string& path) = 0;
};

/// Warns where others could read or change `file`: a configuration file that somebody else can
/// write decides who gets in.
void check_permissions(const std::string& path, const file_text& file, diagnostics& report);

} // namespace fwknop
