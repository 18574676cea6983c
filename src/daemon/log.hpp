// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/log_event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The log, one line per decision. A thin face on Boost.Log, whose headers stay in log.cpp.

namespace fwknop::daemon::log {

enum class level : std::uint8_t {
    debug,   ///< shown from -v on
    info,    ///< decisions
    warning, ///< something an administrator may want to look at
    error,   ///< something an administrator must look at
};

struct settings {
    bool standard_error = true;
    bool syslog = false;
    std::optional<std::string> journal{}; ///< the socket of the journal, which gets fields, too
    std::string identity = "fwknopd";     ///< the program's name in syslog and the journal
    std::string facility = "LOG_DAEMON";  ///< LOG_DAEMON or LOG_LOCAL0 to LOG_LOCAL7, any case
    int verbose = 0;                      ///< debug lines are shown when above zero
};

/// Opens the sinks in place of those that are open. To be called before the first line.
void open(const settings& chosen);

/// From now on: debug lines are shown when above zero.
void set_verbosity(int verbose) noexcept;

/// The journal's socket when standard error goes to the journal and it takes entries with fields:
/// then its sink says everything that standard error and syslog would, and more.
[[nodiscard]] std::optional<std::string> journal_of_standard_error();

/// Whether lines of `severity` are written anywhere: asked before a costly line is put together.
[[nodiscard]] bool enabled(level severity) noexcept;

/// Writes one line. Never give it a key, nor bytes of the network that are not escaped.
void write(level severity, std::string_view line);

/// The same, with what the line says for programs.
void write(level severity, std::string_view line, const event& what);

inline void debug(std::string_view line) {
    write(level::debug, line);
}
inline void info(std::string_view line) {
    write(level::info, line);
}
inline void info(std::string_view line, const event& what) {
    write(level::info, line, what);
}
inline void warning(std::string_view line) {
    write(level::warning, line);
}
inline void warning(std::string_view line, const event& what) {
    write(level::warning, line, what);
}
inline void error(std::string_view line) {
    write(level::error, line);
}
inline void error(std::string_view line, const event& what) {
    write(level::error, line, what);
}

} // namespace fwknop::daemon::log
