// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/file_reader.hpp"

#include <unistd.h>

namespace fwknop::daemon {

/// Configuration files as the operating system has them. What is not a regular file is refused
/// (a device or a pipe would hang the start), and so is one larger than 64 MiB.
class posix_files final : public file_reader {
  public:
    /// Files of the account `owner` are ours, too: the one that we are to become.
    explicit posix_files(uid_t owner = ::geteuid()) : owner_{owner} {}

    [[nodiscard]] result<file_text> read(const std::string& path) override;
    [[nodiscard]] result<std::vector<std::string>> list_folder(const std::string& path) override;

  private:
    uid_t owner_;
};

} // namespace fwknop::daemon
