// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/file_descriptor.hpp"

#include <optional>
#include <string>

#include <sys/types.h>

namespace fwknop::daemon {

/// One daemon per pid file: an advisory lock on the file says who runs, the number in it says
/// which process. The lock ends with the process, however it ends, so a stale file means nothing.
class run_lock {
  public:
    /// Takes the lock and writes our process number. Throws std::runtime_error: somebody holds it
    /// ("[*] An instance of fwknopd is already running: (PID=n)."), or the file cannot be written.
    static run_lock acquire(const std::string& pid_file);

    /// The process that holds the lock, if one does. Throws std::runtime_error when the file is
    /// there but cannot be read.
    [[nodiscard]] static std::optional<pid_t> holder(const std::string& pid_file);

    run_lock(run_lock&&) noexcept = default;
    run_lock& operator=(run_lock&&) noexcept = delete;
    run_lock(const run_lock&) = delete;
    run_lock& operator=(const run_lock&) = delete;
    ~run_lock();

    /// Writes the number of the calling process: after a fork, in the child, which has inherited
    /// the lock.
    void write_pid();

  private:
    run_lock(file_descriptor file, std::string path) noexcept;
    file_descriptor file_;
    std::string path_;
};

/// Creates `path` with mode 0700 if it is not there. Throws std::runtime_error when it cannot, or
/// when something else is there.
void make_run_directory(const std::string& path);

} // namespace fwknop::daemon
