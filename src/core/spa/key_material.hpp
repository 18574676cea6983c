// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/secret.hpp>

#include <cstddef>

// New keys, for `--key-gen` of both programs (wire format, section 9).

namespace fwknop {

/// The encryption key that `--key-gen` makes unless told otherwise, in bytes.
inline constexpr std::size_t default_encryption_key_size = 32;

/// Random keys in base64 with padding, as configuration files hold them.
struct key_material {
    secret_bytes encryption_key; ///< value of KEY_BASE64
    secret_bytes hmac_key;       ///< value of HMAC_KEY_BASE64

    /// From the operating system's cryptographic source. Sizes in bytes before encoding, 1..32 and
    /// 1..136. Errors: `key_empty`, `key_too_long`.
    [[nodiscard]] static result<key_material> generate(std::size_t encryption_key_size,
                                                       std::size_t hmac_key_size);

    /// The two lines `KEY_BASE64: …` and `HMAC_KEY_BASE64: …`, each with a line feed.
    [[nodiscard]] secret_bytes lines() const;
};

} // namespace fwknop
