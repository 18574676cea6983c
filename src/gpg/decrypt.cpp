// SPDX-License-Identifier: Apache-2.0
//
// The attacks this file answers: a message that unpacks to gigabytes (the plain text has room for
// a packet and no more), and decrypted text without integrity (gpg fails on it, and then nothing
// of it is given out).

#include "gpg/decrypt.hpp"

#include "gpg/decryption.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace fwknop::gpg {
namespace {

constexpr const char* what = "cannot decrypt";

std::string text_of(const char* text) {
    return text == nullptr ? std::string{} : std::string{text};
}

signature_state state_of(gpgme_error_t status) {
    switch (::gpgme_err_code(status)) {
    case GPG_ERR_NO_ERROR:
        return signature_state::good;
    case GPG_ERR_SIG_EXPIRED:
        return signature_state::signature_expired;
    case GPG_ERR_KEY_EXPIRED:
        return signature_state::key_expired;
    case GPG_ERR_CERT_REVOKED:
        return signature_state::key_revoked;
    case GPG_ERR_NO_PUBKEY:
        return signature_state::key_missing;
    case GPG_ERR_BAD_SIGNATURE:
        return signature_state::bad;
    default:
        return signature_state::unverifiable;
    }
}

key_validity validity_of(gpgme_validity_t validity) {
    switch (validity) {
    case GPGME_VALIDITY_UNKNOWN:
        return key_validity::unknown;
    case GPGME_VALIDITY_UNDEFINED:
        return key_validity::undefined;
    case GPGME_VALIDITY_NEVER:
        return key_validity::never;
    case GPGME_VALIDITY_MARGINAL:
        return key_validity::marginal;
    case GPGME_VALIDITY_FULL:
        return key_validity::full;
    case GPGME_VALIDITY_ULTIMATE:
        return key_validity::ultimate;
    }
    return key_validity::unknown;
}

/// Word number `index` of `text`, counted from 0; empty if there are fewer.
std::string_view word(std::string_view text, std::size_t index) {
    for (; index > 0; --index) {
        const auto blank = text.find(' ');
        text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
    }
    return text.substr(0, text.find(' '));
}

} // namespace

decryption::decryption(const context& in, std::span<const std::uint8_t> message)
    : in_{in}, from_{message}, to_{max_plain_size} {
    ::gpgme_set_ctx_flag(in_.get(), "full-status", "1");
    ::gpgme_set_status_cb(in_.get(), note_status, this);
}

decryption::~decryption() {
    ::gpgme_set_status_cb(in_.get(), nullptr, nullptr);
}

gpgme_error_t decryption::note_status(void* self, const char* keyword, const char* arguments) {
    // GPGME's results do not name the primary key, gpg does: fingerprint, eight facts, primary key.
    constexpr std::size_t primary_key = 9;
    if (std::string_view{keyword} != "VALIDSIG" || arguments == nullptr) return 0;
    const std::string_view line{arguments};
    auto& known = static_cast<decryption*>(self)->primary_keys_;
    known.insert_or_assign(std::string{word(line, 0)}, std::string{word(line, primary_key)});
    return 0;
}

std::vector<gpg_signature> decryption::signatures() const {
    std::vector<gpg_signature> all;
    const auto* const verified = ::gpgme_op_verify_result(in_.get());
    if (verified == nullptr) return all;
    for (const auto* each = verified->signatures; each != nullptr; each = each->next) {
        gpg_signature one;
        one.fingerprint = text_of(each->fpr);
        one.state = state_of(each->status);
        if (each->wrong_key_usage != 0) one.state = signature_state::unverifiable;
        one.validity = validity_of(each->validity);
        one.summary = each->summary;
        one.status = ::gpgme_err_code(each->status);
        const auto primary = primary_keys_.find(one.fingerprint);
        if (primary != primary_keys_.end()) one.primary_fingerprint = primary->second;
        all.push_back(std::move(one));
    }
    return all;
}

outcome<decrypted> decryption::finish(gpgme_error_t error) {
    if (to_.overflowed())
        return failure{failure_kind::message, std::string{what} + ": the text is longer than the " +
                                                  std::to_string(max_plain_size) +
                                                  " bytes that a packet can have"};
    if (error != 0) return explain(error, what, in_);
    const auto* const result = ::gpgme_op_decrypt_result(in_.get());
    if (result != nullptr && result->legacy_cipher_nomdc != 0)
        return failure{failure_kind::message,
                       std::string{what} + ": the message has no integrity protection"};
    return decrypted{to_.take(), signatures()};
}

outcome<decrypted> decrypt(const engine& with, const pass_phrase& phrase,
                           std::span<const std::uint8_t> message) {
    const auto in = context::make(with, phrase);
    if (!in) return in.error();
    decryption one{*in, message};
    if (!one.ready()) return failure{failure_kind::internal, "out of memory"};
    const auto error = ::gpgme_op_decrypt_verify(one.context_handle(), one.cipher(), one.plain());
    return one.finish(error);
}

} // namespace fwknop::gpg
