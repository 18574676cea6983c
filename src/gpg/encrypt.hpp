// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/engine.hpp"
#include "gpg/outcome.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop::gpg {

/// For whom, and from whom. A key is named as GnuPG's users do: an id, a fingerprint, a mail
/// address, a part of a name.
struct envelope {
    std::string recipient;
    std::string signer; ///< empty: not signed
};

/// Encrypts `plain` to the recipient's key, whatever the keyring's trust in it (it was named, that
/// is trust enough), and signs it. Gives a binary OpenPGP message. Blocks while gpg works; with
/// `pass_phrase::from_agent` as long as the user takes.
///
/// Failures: all kinds but `secret_key`, which is `key_missing` for a signer.
[[nodiscard]] outcome<std::vector<std::uint8_t>> encrypt(const engine& with, const envelope& names,
                                                         const pass_phrase& phrase,
                                                         std::string_view plain);

} // namespace fwknop::gpg
