// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/packet.hpp>

#include <optional>
#include <string>
#include <vector>

// The recorded packets of tests/vectors/format3.json: what another implementation sealed.

namespace fwknop::test {

struct vector {
    std::string name;
    secret_bytes key;
    secret_bytes hmac_key_bytes;
    std::optional<digest_type> hmac; ///< absent: sealed without HMAC
    encryption_mode mode = encryption_mode::cbc;
    digest_type digest = digest_type::sha256;
    message fields;
    std::string encoded;
    std::string digest_text;
    std::string hmac_text;
    std::string packet;
};

/// Throws when the file is missing or malformed: a test without its vectors fails.
[[nodiscard]] std::vector<vector> load_vectors();

/// The vectors that must be refused: no such mode, or a user name too long.
[[nodiscard]] bool must_be_rejected(const vector& each);

/// The HMAC key of a vector that has one.
[[nodiscard]] std::optional<hmac_key> make_hmac(const vector& each);

} // namespace fwknop::test
