// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/file_descriptor.hpp"

#include <string>

namespace fwknop::daemon {

/// Becoming a daemon without losing the outcome of the start: the process that was called waits
/// for the child's word and ends with its status, so that "started" means started.
class background {
  public:
    /// Forks. Returns in the child only, which has a session of its own; the parent ends when the
    /// child calls `started`, with 0, or ends, with 1. Throws std::runtime_error when it cannot.
    /// To be called while there is one thread and nothing buffered.
    background();

    /// Lets the parent go, and lets go of the terminal: standard input, output and error become
    /// /dev/null.
    void started();

  private:
    file_descriptor to_parent_;
};

} // namespace fwknop::daemon
