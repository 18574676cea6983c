// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/gpg_signature.hpp"
#include "daemon/knock.hpp"

#include <fwknop/packet_steps.hpp>

#include <string>
#include <utility>
#include <vector>

// Packets for GnuPG without GnuPG: something in the place of the OpenPGP message, and beside it
// what GnuPG would make of it.

namespace fwknop::test {

struct gpg_knock {
    std::string payload;
    std::string plain;

    [[nodiscard]] secret_bytes decrypted() const { return secret_bytes::from_text(plain); }
};

/// A payload of its own each time. An empty `hmac`: none.
[[nodiscard]] inline gpg_knock seal_gpg(const message& fields = access_message(),
                                        std::string_view hmac = hmac_pass_phrase) {
    auto composed =
        compose_packet(fields, digest_type::sha256, seal_nonce::generate().random_value).value();
    gpg_knock out;
    out.plain = composed.plain();
    // A session key for RSA of 2048 bits, and what it opens.
    std::vector<std::uint8_t> ciphertext{0x85, 0x01, 0x0c, 3};
    ciphertext.resize(3 + 0x10c, 0x55);
    ciphertext.push_back(0xd2);
    ciphertext.insert(ciphertext.end(), out.plain.begin(), out.plain.end());
    if (hmac.empty()) {
        out.payload = finish_packet(std::move(composed), cipher_kind::gpg, ciphertext, nullptr)
                          .value()
                          .payload;
        return out;
    }
    const auto signing = hmac_key::make(digest_type::sha256, secret_bytes::from_text(hmac)).value();
    out.payload =
        finish_packet(std::move(composed), cipher_kind::gpg, ciphertext, &signing).value().payload;
    return out;
}

/// As GnuPG has it for a key in the keyring that it trusts.
[[nodiscard]] inline gpg_signature
good_signature(std::string fingerprint = "00112233445566778899AABBCCDDEEFF00112233") {
    gpg_signature out;
    out.fingerprint = fingerprint;
    out.primary_fingerprint = std::move(fingerprint);
    out.state = signature_state::good;
    out.validity = key_validity::full;
    return out;
}

/// Stanzas take `good_signature()`.
inline const std::string gpg_lines =
    "GPG_DECRYPT_ID ABCD1234\nGPG_ALLOW_NO_PW Y\nGPG_REMOTE_ID 00112233\n";
inline const std::string hmac_line = "HMAC_KEY knockknock\n";

} // namespace fwknop::test
