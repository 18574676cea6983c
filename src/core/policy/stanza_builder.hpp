// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/access_config.hpp"

#include <fwknop/algorithm.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop {

/// A stanza while its lines are read.
struct stanza_builder {
    stanza entry;

    std::optional<secret_bytes> key, hmac_key; ///< decoded, unchecked
    encryption_mode mode = encryption_mode::cbc;
    std::optional<digest_type> hmac_type;

    std::string close; ///< CMD_CYCLE_CLOSE as written
    std::optional<bool> gpg_require_sig;
    bool gpg_disable_sig = false;
    std::string key_file;     ///< of `%include_keys`, or empty
    std::size_t key_line = 0; ///< where that stands
    bool dropped = false;     ///< its key file was useless
};

/// One value and where it stands.
struct access_value {
    std::string_view name;
    std::string_view text; ///< not empty; maybe a key
    const std::string& file;
    std::size_t line;
};

/// What values are judged by.
struct access_context {
    const server_config& server;
    const local_midnight& midnight;
};

/// Stores one directive (never SOURCE or %include…). Returns false for an unknown name. Errors go
/// to `report`.
bool apply_access_directive(stanza_builder& builder, const access_value& value,
                            const access_context& context, diagnostics& report);

/// Whether a file of `%include_keys` may set `name`.
[[nodiscard]] bool is_key_directive(std::string_view name) noexcept;

/// Turns the key texts into keys. Returns whether the stanza can authenticate anybody.
bool finish_keys(stanza_builder& builder, diagnostics& report);

/// Checks of the stanza as a whole, apart from keys. Returns whether it may stay.
bool finish_stanza(stanza_builder& builder, const access_context& context, diagnostics& report);

} // namespace fwknop
