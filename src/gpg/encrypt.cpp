// SPDX-License-Identifier: Apache-2.0
#include "gpg/encrypt.hpp"

#include "gpg/context.hpp"
#include "gpg/keys.hpp"

#include <array>
#include <cstddef>

namespace fwknop::gpg {
namespace {

/// Room for a message to an RSA key of 16384 bits, signed with another one. (A packet cannot hold
/// half of it; what is too long is told by the one who knows the limit.)
constexpr std::size_t max_message_size = 16384;

failure explain_encryption(gpgme_error_t error, const context& in, const envelope& names) {
    const bool sign = !names.signer.empty();
    const std::string what = sign ? "cannot encrypt and sign" : "cannot encrypt";
    const auto* const encrypted = ::gpgme_op_encrypt_result(in.get());
    if (encrypted != nullptr && encrypted->invalid_recipients != nullptr)
        return {failure_kind::key_unusable,
                what + ": gpg refuses the key of the recipient '" + names.recipient +
                    "': " + ::gpgme_strerror(encrypted->invalid_recipients->reason)};
    // Without an agent gpg calls the signer invalid, too.
    const auto* const made = ::gpgme_op_sign_result(in.get());
    if (::gpgme_err_code(error) == GPG_ERR_NO_AGENT || made == nullptr ||
        made->invalid_signers == nullptr)
        return explain(error, what, in);
    const auto reason = made->invalid_signers->reason;
    if (::gpgme_err_code(reason) == GPG_ERR_NO_SECKEY)
        return {failure_kind::key_missing, "The key for the given signer was not found: '" +
                                               names.signer + "' has no secret key in '" +
                                               in.with().home + "'"};
    return {failure_kind::key_unusable, what + ": gpg refuses the key of the signer '" +
                                            names.signer + "': " + ::gpgme_strerror(reason)};
}

} // namespace

outcome<std::vector<std::uint8_t>> encrypt(const engine& with, const envelope& names,
                                           const pass_phrase& phrase, std::string_view plain) {
    const auto in = context::make(with, phrase);
    if (!in) return in.error();
    const auto recipient = find_key(*in, names.recipient, key_use::encrypt);
    if (!recipient) return recipient.error();
    const bool sign = !names.signer.empty();
    gpgme_error_t error = 0;
    if (sign) {
        const auto signer = find_key(*in, names.signer, key_use::sign);
        if (!signer) return signer.error();
        error = ::gpgme_signers_add(in->get(), signer->get()); // which takes a reference
        if (error != 0) return explain(error, "cannot sign", *in);
    }

    const data from{{reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()}};
    const data to{max_message_size};
    if (from.get() == nullptr || to.get() == nullptr)
        return failure{failure_kind::internal, "out of memory"};
    std::array<gpgme_key_t, 2> recipients{recipient->get(), nullptr};
    const auto operation = sign ? ::gpgme_op_encrypt_sign : ::gpgme_op_encrypt;
    error =
        operation(in->get(), recipients.data(), GPGME_ENCRYPT_ALWAYS_TRUST, from.get(), to.get());
    if (error != 0) return explain_encryption(error, *in, names);
    const auto content = to.content();
    return std::vector<std::uint8_t>{content.begin(), content.end()};
}

} // namespace fwknop::gpg
