// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/replay/replay_table.hpp"
#include "daemon/file_descriptor.hpp"

#include <fwknop/error.hpp>
#include <fwknop/packet.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// The replay table and its file. What is remembered is on disk once `commit` has returned: packets
/// that come together share the wait for the disk.
class replay_store {
  public:
    /// Loads `path`, creating it with mode 0600 if it is not there. Entries older than
    /// `forget_before` are left out; a line that a crash cut short is cut off the file. Without
    /// `persistent` the file is read, if it is there, and never written. Throws
    /// std::runtime_error, with path and reason, when the file cannot be used.
    [[nodiscard]] static replay_store open(const std::string& path, unix_time forget_before,
                                           bool persistent);

    /// The packet's first arrival, or null. Valid until the next call.
    [[nodiscard]] const packet_origin* find(const packet_id& id) noexcept {
        found_ = table_.find(id);
        return found_ ? &*found_ : nullptr;
    }

    /// Records a packet in memory, for the next `commit`. A packet that `find` knows is no error.
    /// Error: memory is out; then the packet must not be granted.
    [[nodiscard]] result<void> remember(const packet_id& id, const packet_origin& origin);

    /// Writes what was remembered since the last `commit`; success means that it is on disk. Error:
    /// the operating system's; then those packets must not be granted. They are known from now on
    /// all the same, but only to this process and to the next `compact`.
    [[nodiscard]] result<void> commit();

    /// Writes the file anew without what is older than `forget_before`: a new file beside it, then
    /// renamed, so that a crash leaves one or the other. Error: the operating system's; then the
    /// old file is still in use.
    [[nodiscard]] result<void> compact(unix_time forget_before);

    [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

    /// What was odd about the file, one line each, for the log. Of many invalid lines the first
    /// ten are named.
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  private:
    replay_store(std::string path, bool persistent);
    void load(unix_time forget_before);
    [[nodiscard]] result<void> append(std::string lines);

    std::string path_;
    bool persistent_;
    bool half_a_line_ = false; ///< a failed write is still at the file's end
    file_descriptor file_;
    std::string uncommitted_; ///< lines
    replay_table table_;
    std::optional<packet_origin> found_; ///< by the last `find`
    std::vector<std::string> warnings_;
};

/// --rotate-digest-cache: `path` becomes `path`-old, in the place of an earlier one; no file is no
/// error. Throws std::runtime_error with path and reason.
void rotate_replay_file(const std::string& path);

} // namespace fwknop::daemon
