// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/message.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a line of the log says, for programs: sinks that know fields (the journal) write them next
// to the line, the others leave them out. Pure.

namespace fwknop::daemon::log {

enum class event_kind : std::uint8_t {
    grant,   ///< a rule was added, or its time extended
    expire,  ///< a rule was removed because its time is over
    refuse,  ///< a packet was refused
    replay,  ///< a packet came a second time
    command, ///< a command runs, or has run
    error,   ///< something of ours failed
};

/// "grant", "expire", …
[[nodiscard]] std::string_view name_of(event_kind kind) noexcept;

/// Members that are empty or zero have no field. Nothing in here may be secret; bytes of the
/// network may be: sinks take them as they are.
struct event {
    event_kind kind = event_kind::error;
    std::string source{};   ///< an address: the packet's for refusals, the allowed one for grants
    std::size_t stanza = 0; ///< its number
    std::string name{};     ///< the stanza's `NAME`
    std::string user{};     ///< as the packet says
    std::string access{};   ///< e.g. "tcp/22,udp/53"
    std::string reason{};   ///< a short word, or the text of an error
};

/// One field of a structured log.
struct field {
    std::string_view name; ///< upper-case letters and `_`
    std::string value;
};

/// `SPA_EVENT`, then those of `SPA_SOURCE`, `SPA_STANZA`, `SPA_NAME`, `SPA_USER`, `SPA_ACCESS` and
/// `SPA_REASON` that are set.
[[nodiscard]] std::vector<field> fields_of(const event& what);

/// "tcp/22,udp/53"
[[nodiscard]] std::string access_of(std::span<const service> services);

} // namespace fwknop::daemon::log
