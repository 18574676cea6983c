// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/error.hpp>
#include <fwknop/message.hpp>

#include <string>
#include <string_view>

// The plain text inside a packet (wire format, sections 1 and 3): fields joined by ':', a digest
// of them at the end.

namespace fwknop {

/// Checks `fields` and joins them, without the digest. Errors: those of fields and messages.
[[nodiscard]] result<std::string> encode_fields(const message& fields);

/// The digest of joined fields, in base64 without padding.
[[nodiscard]] result<std::string> digest_fields(std::string_view encoded, digest_type type);

struct decoded_fields {
    fwknop::message message;
    std::string_view encoded;     ///< inside the plain text given to `decode_plaintext`
    std::string_view digest_text; ///< likewise
    digest_type digest = digest_type::sha256;
};

/// Takes decrypted text apart and checks everything about it: characters, number and form of the
/// fields, the digest, the message of each type. Errors: those of plain text, fields and messages.
[[nodiscard]] result<decoded_fields> decode_plaintext(std::string_view plain);

} // namespace fwknop
