// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"
#include "gpg/engine.hpp"

#include <fwknop/secret.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::client {

/// The ways in which keys come from outside; each gives nothing when it has none.
struct key_readers {
    std::function<std::optional<secret_bytes>(const std::string& path)> file;
    std::function<std::optional<secret_bytes>(int descriptor)> line;
    std::function<std::optional<secret_bytes>(std::string_view prompt)> prompt;
    std::function<checked<secret_bytes>(const std::string& command)> command;
};

struct keys {
    secret_bytes encryption;                            ///< empty with GPG
    gpg::pass_phrase phrase = gpg::pass_phrase::none(); ///< of the signer's key
    std::optional<secret_bytes> hmac;                   ///< nothing: no HMAC
    std::string warning;                                ///< for people, may be empty
};

/// The key of `server` in a key file: lines `<server>: <key>`, the server's name exactly and the
/// colon at once, then blanks, then the key verbatim to the end of the line. The last match wins.
[[nodiscard]] std::optional<secret_bytes> find_key(std::string_view file, std::string_view server);

/// What is said about a GPG pass phrase that nobody is asked for, even when quiet; else empty.
[[nodiscard]] std::string pass_phrase_note(const settings& from);

/// Gets both keys, each from the first that has it: given outright (command line, rc file),
/// command, key file, file descriptor, prompt; and checks them: lengths, legacy mode, not
/// identical. With GPG the signer's pass phrase takes the place of the encryption key.
[[nodiscard]] checked<keys> obtain_keys(settings& from, const key_readers& readers);

} // namespace fwknop::client
