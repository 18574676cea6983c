// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// What GnuPG says about a signature itself.
enum class signature_state : std::uint8_t {
    good,
    signature_expired, ///< good when it was made
    key_expired,       ///< good, but its key has expired
    key_revoked,       ///< good, but its key has been withdrawn
    key_missing,       ///< the signer's public key is not in our keyring: nothing is proven
    bad,               ///< not made by the key it names, or over something else
    unverifiable,      ///< GnuPG could not tell
};

/// How far our keyring trusts that the key is its owner's.
enum class key_validity : std::uint8_t {
    unknown,
    undefined,
    never,
    marginal,
    full,
    ultimate
};

/// One signature of a decrypted message. Where `state` is `key_missing`, `bad` or `unverifiable`
/// the names are only what the message claims.
struct gpg_signature {
    std::string fingerprint; ///< of the (sub)key that signed; upper-case hex, perhaps a key id only
    std::string primary_fingerprint; ///< of the key that it belongs to; empty if unknown
    signature_state state = signature_state::unverifiable;
    key_validity validity = key_validity::unknown;
    std::uint32_t summary = 0; ///< GPGME's flags, and
    std::uint32_t status = 0;  ///< its error number, both as the programs print them

    /// The short name that logs and GPG_REMOTE_ID have: the last 8 digits.
    [[nodiscard]] std::string_view short_id() const noexcept;
};

/// What a stanza makes of the signatures of a message.
enum class signature_verdict : std::uint8_t {
    accepted,
    not_required, ///< GPG_DISABLE_SIG
    missing,      ///< there is none
    bad,          ///< none is good, or good enough for GPG_IGNORE_SIG_VERIFY_ERROR
    untrusted,    ///< good, but the key's validity is below marginal
    wrong_signer, ///< good, but of nobody in GPG_REMOTE_ID and GPG_FINGERPRINT_ID
};

struct signature_judgement {
    signature_verdict verdict = signature_verdict::missing;
    /// The signature that decided; null if there is none. Points into the argument.
    const gpg_signature* signature = nullptr;
};

/// Whether `signatures` satisfy `entry`. One acceptable signature suffices; each covers the whole
/// message. A signature is never acceptable if it is bad, its key unknown or revoked, whatever
/// GPG_IGNORE_SIG_VERIFY_ERROR says: that directive forgives only what depends on time and trust.
/// Where both lists are set, the signer must be in both; ids and fingerprints name the subkey that
/// signed or its primary key.
[[nodiscard]] signature_judgement judge_signatures(std::span<const gpg_signature> signatures,
                                                   const gpg_settings& entry) noexcept;

/// Whether one of `ids` (8, 16 or 40 digits) names the key that made `signature`, or the primary
/// key it belongs to.
[[nodiscard]] bool is_named(const std::vector<std::string>& ids,
                            const gpg_signature& signature) noexcept;

/// What `state` means, as a part of a sentence. Static storage.
[[nodiscard]] const char* message_of(signature_state state) noexcept;

/// A sentence for the log, without a final stop. Static storage.
[[nodiscard]] const char* message_of(signature_verdict verdict) noexcept;

} // namespace fwknop
