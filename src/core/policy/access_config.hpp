// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/diagnostic.hpp"
#include "core/policy/file_reader.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"

#include <functional>
#include <string>
#include <vector>

namespace fwknop {

/// Local midnight at the start of a day: `ACCESS_EXPIRE` means that, and core knows no time zone.
/// The year is the full one, the month 1..12, the day 1..31 and one that the month has.
using local_midnight = std::function<unix_time(int year, int month, int day)>;

/// The root file and two levels of `%include` or `%include_folder` below it.
inline constexpr int max_include_levels = 3;

/// Reads access.conf and what it includes. `server` must be finished: some directives need one of
/// its own. Stops at the first error and then returns nothing; no stanza at all is an error. A
/// stanza whose `%include_keys` file is missing or useless is left out with a warning, because such
/// a file may belong to an ordinary user, who must not be able to stop the daemon.
[[nodiscard]] std::vector<stanza> parse_access_config(const std::string& path, file_reader& reader,
                                                      const server_config& server,
                                                      const local_midnight& midnight,
                                                      diagnostics& report);

/// The same for every `*.conf` of the folder `path`, by name.
[[nodiscard]] std::vector<stanza> parse_access_folder(const std::string& path, file_reader& reader,
                                                      const server_config& server,
                                                      const local_midnight& midnight,
                                                      diagnostics& report);

/// The list of `--dump-config`. Keys show as their presence and length.
[[nodiscard]] std::string dump(const std::vector<stanza>& stanzas);

} // namespace fwknop
