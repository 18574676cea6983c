// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/replay/replay_table.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The replay file's format: text, a line per accepted packet,
//   <digest> <ip protocol> <source> <source port> <destination> <destination port> <unix time>
// the digest in base64 without '='. Lines that begin with '#' are comments. It is the format of
// the 2.6 line, so a file goes on protecting when the program is exchanged.

namespace fwknop {

/// The first line of a new file, without its end.
inline constexpr std::string_view replay_file_header =
    "# <digest> <proto> <src_ip> <src_port> <dst_ip> <dst_port> <time>";

struct replay_entry {
    packet_id id{};
    packet_origin origin;
};

/// One line, without its end.
[[nodiscard]] std::string format_replay_line(const packet_id& id, const packet_origin& origin);

/// Nothing when the line is no entry. Words behind the time are ignored.
[[nodiscard]] std::optional<replay_entry> parse_replay_line(std::string_view line);

struct replay_load {
    std::size_t loaded = 0;
    std::size_t outdated = 0;               ///< older than the limit, left out
    std::vector<std::size_t> invalid_lines; ///< numbers from 1, the torn one not among them
    bool torn = false;                      ///< the last line has no end: a crash cut it short
    std::size_t intact_size = 0;            ///< bytes up to the end of the last whole line
};

/// Reads a whole file into `table`. A torn last line counts as never written, unless it is a whole
/// entry that lacks only its end.
[[nodiscard]] replay_load load_replay_text(std::string_view text, replay_table& table,
                                           unix_time forget_before);

} // namespace fwknop
