// SPDX-License-Identifier: Apache-2.0
//
// The attack, or the accident: whoever listens at a local socket stops reading, and everybody who
// writes to it waits. The daemon has one thread, so it never waits here: what cannot be taken at
// once is the caller's to count.
#pragma once

#include "daemon/file_descriptor.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/un.h>

namespace fwknop::daemon {

/// Sends datagrams to a local socket by its name, so that a listener that comes back is found.
class local_datagram {
  public:
    enum class delivery : std::uint8_t {
        sent,
        busy,      ///< the listener has no room at the moment
        too_large, ///< more than one datagram takes
        failed,    ///< nobody listens, or it is forbidden
    };

    /// `name` is an absolute path, or begins with `@`: in the abstract name space. Throws
    /// std::runtime_error when it is neither, too long, or there is no descriptor left.
    explicit local_datagram(const std::string& name);

    /// Never waits.
    [[nodiscard]] delivery send(std::string_view bytes) const noexcept;

  private:
    file_descriptor socket_;
    sockaddr_un address_{};
    socklen_t address_size_ = 0;
};

} // namespace fwknop::daemon
