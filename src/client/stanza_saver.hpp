// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/rc_location.hpp"
#include "client/rc_reader.hpp"
#include "client/rc_stanza.hpp"
#include "client/settings.hpp"

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

// --save-rc-stanza.

namespace fwknop::client {

/// Where a stanza is saved, and who is asked about it.
struct stanza_place {
    const user_files& files;
    const rc_files& rc;
    std::function<bool(std::string_view question)> confirm; ///< no unless a person says yes
};

/// The stanza that --save-rc-stanza writes: -n's, else the destination's.
[[nodiscard]] checked<std::string> stanza_to_save(const settings& options, const user_files& files,
                                                  const rc_files& rc);

/// A stanza that is saved anew keeps its keys and loses the rest: so does the packet.
[[nodiscard]] checked<void> apply_kept_keys(settings& to, const rc_files& rc,
                                            const std::string& stanza);

/// Puts `entries` into the stanza. Says whether a key among them was written.
[[nodiscard]] checked<bool> save_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                                        const settings& from, const stanza_place& place);

/// --key-gen with --save-rc-stanza: the new keys go into the stanza, in the place of others.
/// Returns the exit status.
[[nodiscard]] checked<int> generate_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                                           const settings& from, const stanza_place& place,
                                           std::ostream& out);

} // namespace fwknop::client
