// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// AES-256 as the wire format uses it (section 4): OpenSSL's salted form, key and IV from
// EVP_BytesToKey with MD5 and one pass, PKCS#7 padding in every mode.

namespace fwknop::crypto {

inline constexpr std::size_t cipher_block_size = 16;
inline constexpr std::size_t salt_size = 8;
/// `Salted__` and the salt, before the first block.
inline constexpr std::size_t salted_header_size = 16;

/// `Salted__`, salt and blocks. Errors: those of `check_encryption_key`, `crypto_library_failed`.
[[nodiscard]] result<std::vector<std::uint8_t>>
encrypt(const encryption_key& key, std::span<const std::uint8_t, salt_size> salt,
        std::span<const std::uint8_t> plain);

/// Decrypts `salted` (header and blocks) in place and returns the plain text inside it, padding
/// removed. Errors: `ciphertext_length`; `decryption_failed` when the padding is wrong; those of
/// `check_encryption_key`; `crypto_library_failed`.
///
/// Wrong padding is refused although the digest would catch most of it: a packet without HMAC
/// whose last block is nothing but padding would stay valid when that block is cut off, and would
/// then pass for a new packet.
[[nodiscard]] result<std::span<const std::uint8_t>> decrypt(const encryption_key& key,
                                                            std::span<std::uint8_t> salted);

} // namespace fwknop::crypto
