// SPDX-License-Identifier: Apache-2.0
//
// Payloads from strangers, and what holders of a key may put into theirs. The first byte chooses:
// the bytes as they are, with and without an HMAC; or as the plain text of a packet that is
// encrypted, and signed, by the book.
#include "core/crypto/base64.hpp"
#include "core/crypto/cipher.hpp"
#include "fuzz.hpp"

#include <fwknop/packet.hpp>
#include <fwknop/packet_steps.hpp>

#include <array>
#include <string>

using namespace fwknop;

namespace {

const encryption_key& key() {
    static const encryption_key made{secret_bytes::from_text("opensesame")};
    return made;
}

const hmac_key& signing() {
    static const auto made =
        hmac_key::make(digest_type::sha256, secret_bytes::from_text("knockknock")).value();
    return made;
}

void open(std::string_view payload, bool with_hmac) {
    const auto examined = examine_payload(payload);
    if (!examined) return;
    fuzz::promise(identify_payload(payload).has_value(), "every payload has a name");
    const hmac_key* const hmac = with_hmac ? &signing() : nullptr;
    if (may_be_gpg(payload)) {
        const auto envelope = open_gpg_envelope(*examined, hmac);
        if (envelope) fuzz::promise(!envelope->messages.empty(), "an envelope has a message");
    }
    const auto opened = open_packet(*examined, key(), hmac);
    if (!opened) return;
    // What was understood can be said again, and means the same.
    const auto sealed = seal_packet(opened->message, opened->digest, key(), hmac,
                                    seal_nonce{opened->message.random_value, {}});
    if (!sealed) return; // more than fits into a packet of our making
    const auto again = open_packet(examine_payload(sealed->payload).value(), key(), hmac);
    fuzz::promise(again.has_value(), "what we seal, we open");
    fuzz::promise(again->encoded == opened->encoded, "a message survives sealing");
}

std::string seal_text(std::string_view plain) {
    constexpr std::array<std::uint8_t, crypto::salt_size> salt{1, 2, 3, 4, 5, 6, 7, 8};
    const auto salted =
        crypto::encrypt(key(), salt,
                        {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    if (!salted) return {};
    return crypto::base64_encode(*salted).substr(10); // senders cut "U2FsdGVkX1" off
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view rest = fuzz::text_of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        open(rest, false);
        break;
    case 1:
        open(rest, true);
        break;
    case 2:
        open(seal_text(rest), false);
        break;
    default: {
        const std::string text = seal_text(rest);
        open(text + signing().sign("U2FsdGVkX1", text).value(), true);
    }
    }
    return 0;
}
