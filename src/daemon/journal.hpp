// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/local_datagram.hpp"
#include "daemon/log_event.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// The journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). libsystemd speaks it
// too, but waits when the journal does not read, and brings its own dependencies into the daemon.

namespace fwknop::daemon::log {

inline constexpr const char* journal_socket = "/run/systemd/journal/socket";

/// Longest values, in bytes. All fields of an entry fit the 208 KiB that a local datagram has room
/// for by default (net.core.wmem_default).
inline constexpr std::size_t max_journal_message = 32 * 1024;
inline constexpr std::size_t max_journal_field = 1024;

/// Whether `descriptor` is the one that `stream`, the value of JOURNAL_STREAM, names by device and
/// inode in decimal: `8:1234`. A null pointer is a variable that is not set.
[[nodiscard]] bool is_journal_stream(int descriptor, const char* stream) noexcept;

/// `text`, or its beginning and `… [N bytes cut]` when it is longer than `limit` bytes. A character
/// of UTF-8 is not cut in two.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t limit);

/// The fields in the form of the protocol, values cut to the limits above.
[[nodiscard]] std::string journal_entry(std::span<const field> fields);

/// Writes entries. What the journal has no room for is counted, and told once it has.
class journal {
  public:
    /// `facility` as in syslog.h: LOG_DAEMON or LOG_LOCAL0 to LOG_LOCAL7. Throws
    /// std::runtime_error when there is no descriptor left.
    journal(const std::string& socket, std::string identity, int facility);

    /// `priority` as in syslog.h: LOG_ERR to LOG_DEBUG. `what` may be null.
    void write(int priority, std::string_view message, const event* what);

    /// Entries that were lost since the last that was taken.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  private:
    [[nodiscard]] bool send(int priority, std::string_view message, const event* what) const;

    local_datagram socket_;
    std::string identity_;
    int facility_;
    std::uint64_t dropped_ = 0;
};

} // namespace fwknop::daemon::log
