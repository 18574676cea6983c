// SPDX-License-Identifier: Apache-2.0
//
// Opens a GPG packet as a daemon would, for tests: gpg_open <GPG home> [HMAC key] < packet.
// Prints the message, the signer's fingerprint and the prefix that was put back.
#include "core/crypto/base64.hpp"
#include "gpg/decrypt.hpp"

#include <fwknop/packet_steps.hpp>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

using namespace fwknop;

namespace {

int fail(const std::string& why) {
    std::cerr << "gpg_open: " << why << '\n';
    return EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) return fail("usage: gpg_open <GPG home> [HMAC key] < packet");
    std::string payload;
    std::getline(std::cin, payload);
    std::optional<hmac_key> hmac;
    if (argc == 3) {
        auto made = hmac_key::make(digest_type::sha256, secret_bytes::from_text(argv[2]));
        if (!made) return fail(made.error().message());
        hmac = std::move(*made);
    }
    const auto candidate = examine_payload(payload);
    if (!candidate) return fail(candidate.error().message());
    const auto envelope = open_gpg_envelope(*candidate, hmac ? &*hmac : nullptr);
    if (!envelope) return fail(envelope.error().message());

    std::string why;
    for (const auto& message : envelope->messages) {
        const auto inside = gpg::decrypt({"", argv[1]}, gpg::pass_phrase::none(), message);
        if (!inside) {
            why += inside.error().text + "; ";
            continue;
        }
        const auto opened = read_plaintext(inside->plain.text(), cipher_kind::gpg, envelope->text);
        if (!opened) return fail(opened.error().message());
        std::cout << opened->message.text << '\n'
                  << (inside->signatures.empty() ? "unsigned"
                                                 : inside->signatures.front().fingerprint)
                  << '\n'
                  << crypto::base64_encode(message).substr(0, 2) << '\n';
        return EXIT_SUCCESS;
    }
    return fail(why);
}
