// SPDX-License-Identifier: Apache-2.0
#include "core/spa/self_test.hpp"

#include "core/crypto/digest.hpp"

#include <fwknop/packet.hpp>

#include <string_view>

namespace fwknop {

namespace {

// Made by the fwknop client 2.6.10 with these keys, AES-256-CBC, HMAC-SHA256.
constexpr std::string_view pass_phrase = "a key for nothing";
constexpr std::string_view hmac_pass_phrase = "an HMAC key for nothing";
constexpr std::string_view known_packet =
    "/NDoIcuCxGHL2jbkq+f5KBK1vWfs0DjuGzhrxH9VBd/MmKi2S2OY6hb1fv61+OWZ2nOLQpEo8zcaZdffK0t7WcaTHxChg/"
    "JjgXOBIjwnuUw/LAcsdzTIjrFOyimlCIgFyrFDMA/0QvPeqK5f8kX9cx0wXjySte0dzNU3FGserkss55A05itNmxFnOPaF"
    "i0q0ZamdbteSKYcEk+UazM3LIUTamBcjwoQQ4";
constexpr std::string_view known_fields =
    "3776856157751543:c2VsZi10ZXN0:1795348890:3.0.0:1:MTkyLjAuMi43LHRjcC8yMg";

} // namespace

result<void> self_test() {
    for (const digest_type type : all_digest_types) {
        if (const auto digest = crypto::compute_digest(type, known_fields); !digest)
            return digest.error();
        if (const auto key = hmac_key::make(type, secret_bytes::from_text(hmac_pass_phrase)); !key)
            return key.error();
    }
    const encryption_key key{secret_bytes::from_text(pass_phrase), encryption_mode::cbc};
    const auto hmac =
        hmac_key::make(digest_type::sha256, secret_bytes::from_text(hmac_pass_phrase));
    if (!hmac) return hmac.error();
    const auto packet = examine_payload(known_packet);
    if (!packet) return packet.error();
    const auto opened = open_packet(*packet, key, &*hmac);
    if (!opened) return opened.error();
    const seal_nonce nonce{.random_value = opened->message.random_value,
                           .salt = {0xcd, 0x0e, 0x82, 0x1c, 0xb8, 0x2c, 0x46, 0x1c}};
    const auto sealed = seal_packet(opened->message, opened->digest, key, &*hmac, nonce);
    if (!sealed) return sealed.error();
    if (opened->encoded != known_fields || sealed->payload != known_packet)
        return errc::crypto_library_failed;
    return {};
}

} // namespace fwknop
