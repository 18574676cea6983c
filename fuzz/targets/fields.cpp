// SPDX-License-Identifier: Apache-2.0
//
// The decrypted text of a packet. The digest at its end is made right, so that the fields behind it
// are reached.
#include "core/spa/fields.hpp"

#include "fuzz.hpp"

#include <string>

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string raw{fuzz::text_of(data, size)};
    const auto digest = digest_fields(raw, digest_type::sha256);
    for (const std::string& plain : {raw, digest ? raw + ':' + *digest : raw}) {
        const auto decoded = decode_plaintext(plain);
        if (!decoded) continue;
        fuzz::promise(fuzz::is_inside(decoded->encoded, plain) &&
                          fuzz::is_inside(decoded->digest_text, plain),
                      "what is told about a text lies in it");
        const auto encoded = encode_fields(decoded->message);
        fuzz::promise(encoded.has_value(), "what is decoded can be encoded");
        const auto again = digest_fields(*encoded, decoded->digest);
        fuzz::promise(again.has_value(), "what is encoded has a digest");
        const std::string text = *encoded + ':' + *again;
        const auto twice = decode_plaintext(text);
        fuzz::promise(twice.has_value() && twice->message == decoded->message,
                      "a message survives encoding");
    }
    return 0;
}
