// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: a message signed by anyone at all, which names a signer that we
// know. What a signature claims counts only after GnuPG has found it good.

#include "core/policy/gpg_signature.hpp"

#include <algorithm>

namespace fwknop {
namespace {

constexpr std::size_t short_id_size = 8;

/// GPG_REMOTE_ID has the last 8, 16 or all 40 digits of a fingerprint. (Other lengths do not pass
/// the configuration.)
bool names(std::string_view id, const gpg_signature& signature) noexcept {
    if (id.empty()) return false;
    return signature.fingerprint.ends_with(id) || signature.primary_fingerprint.ends_with(id);
}

bool is_listed(const std::vector<std::string>& ids, const gpg_signature& signature) noexcept {
    return ids.empty() || is_named(ids, signature);
}

/// Good but for the time.
bool was_good(signature_state state) noexcept {
    return state == signature_state::signature_expired || state == signature_state::key_expired;
}

signature_verdict judge(const gpg_signature& signature, const gpg_settings& entry) noexcept {
    const bool good = signature.state == signature_state::good ||
                      (entry.ignore_verify_error && was_good(signature.state));
    if (!good) return signature_verdict::bad;
    if (signature.validity < key_validity::marginal && !entry.ignore_verify_error) {
        return signature_verdict::untrusted;
    }
    const bool somebody = !entry.remote_ids.empty() || !entry.fingerprint_ids.empty();
    if (!somebody || !is_listed(entry.remote_ids, signature) ||
        !is_listed(entry.fingerprint_ids, signature)) {
        return signature_verdict::wrong_signer;
    }
    return signature_verdict::accepted;
}

} // namespace

std::string_view gpg_signature::short_id() const noexcept {
    const std::string_view whole{fingerprint};
    return whole.substr(whole.size() - std::min(whole.size(), short_id_size));
}

signature_judgement judge_signatures(std::span<const gpg_signature> signatures,
                                     const gpg_settings& entry) noexcept {
    if (!entry.check_signature) {
        return {signature_verdict::not_required, signatures.empty() ? nullptr : &signatures[0]};
    }
    // The best there is; among refusals the first signature's says most.
    signature_judgement best;
    for (const gpg_signature& each : signatures) {
        const auto verdict = judge(each, entry);
        if (verdict == signature_verdict::accepted) return {verdict, &each};
        if (best.signature == nullptr) best = {verdict, &each};
    }
    return best;
}

bool is_named(const std::vector<std::string>& ids, const gpg_signature& signature) noexcept {
    return std::any_of(ids.begin(), ids.end(),
                       [&](const std::string& id) { return names(id, signature); });
}

const char* message_of(signature_state state) noexcept {
    switch (state) {
    case signature_state::good:
        return "it is good";
    case signature_state::signature_expired:
        return "it has expired";
    case signature_state::key_expired:
        return "its key has expired";
    case signature_state::key_revoked:
        return "its key has been revoked";
    case signature_state::key_missing:
        return "its key is not in our keyring";
    case signature_state::bad:
        return "it does not match";
    case signature_state::unverifiable:
        return "it cannot be verified";
    }
    return "unknown state";
}

const char* message_of(signature_verdict verdict) noexcept {
    switch (verdict) {
    case signature_verdict::accepted:
        return "signature accepted";
    case signature_verdict::not_required:
        return "signature not required";
    case signature_verdict::missing:
        return "Missing GPG signature";
    case signature_verdict::bad:
        return "Bad GPG signature";
    case signature_verdict::untrusted:
        return "GPG signature is good, but its key is not trusted: sign it locally, or set "
               "GPG_IGNORE_SIG_VERIFY_ERROR";
    case signature_verdict::wrong_signer:
        return "GPG signature is good, but its key is not in GPG_REMOTE_ID and GPG_FINGERPRINT_ID";
    }
    return "unknown verdict";
}

} // namespace fwknop
