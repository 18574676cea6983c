// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What the `$X` of CMD_CYCLE_OPEN and CMD_CYCLE_CLOSE stand for.

namespace fwknop {

struct cycle_values {
    ip_address allow;              ///< `$IP`, `$SRC`
    ip_address packet_source;      ///< `$PKT_SRC`
    ip_address packet_destination; ///< `$DST`
    std::uint16_t packet_port = 0; ///< `$DST_PORT`
    service door;                  ///< `$PROTO`, a number, and `$PORT`
    std::chrono::seconds timeout{0};
    std::int64_t expires = 0; ///< `$TIMEOUT`: the packet's time and `$CLIENT_TIMEOUT` together
    std::string user;         ///< `$USER`
    std::size_t stanza = 0;   ///< `$STANZA`
};

/// The words with every variable replaced, the longest name that fits first; what is no variable
/// stays as it is. A value is never divided or read again: there are as many words as before.
[[nodiscard]] std::vector<std::string> fill_cycle_words(const std::vector<std::string>& words,
                                                        const cycle_values& values);

/// The `$X` of a cycle command that stand for nothing.
[[nodiscard]] std::vector<std::string> unknown_variables(std::string_view command);

} // namespace fwknop
