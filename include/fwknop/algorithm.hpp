// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fwknop {

/// Digests and HMACs share one list. The values are the numbers that the programs print.
enum class digest_type : std::uint8_t {
    md5 = 1,
    sha1 = 2,
    sha256 = 3, ///< the default
    sha384 = 4,
    sha512 = 5,
    sha3_256 = 6,
    sha3_512 = 7,
};

inline constexpr std::array all_digest_types{
    digest_type::md5,    digest_type::sha1,     digest_type::sha256,  digest_type::sha384,
    digest_type::sha512, digest_type::sha3_256, digest_type::sha3_512};

/// Size of the digest in bytes (16 to 64).
[[nodiscard]] std::size_t digest_size(digest_type type) noexcept;

/// Size of the digest in base64 characters without padding (22 to 86).
[[nodiscard]] std::size_t digest_base64_size(digest_type type) noexcept;

/// The HMAC key length that `--key-gen` makes for this type: 16, 20, 64, 128, 128, 136, 72 bytes.
[[nodiscard]] std::size_t default_hmac_key_size(digest_type type) noexcept;

/// "MD5", "SHA1", … "SHA3_512".
[[nodiscard]] std::string_view name_of(digest_type type) noexcept;

/// The type called `name`, in any case. Error: `errc::digest_type_unknown`.
[[nodiscard]] result<digest_type> parse_digest_type(std::string_view name);

/// How the plain text is encrypted. The values are the numbers that the programs print.
enum class encryption_mode : std::uint8_t {
    ecb = 1,
    cbc = 2, ///< the default
    cfb = 3,
    pcbc = 4, ///< has a name and a number, never had an implementation
    ofb = 5,
    ctr = 6,
    asymmetric = 7, ///< GPG
    legacy = 8,     ///< CBC whose pass phrase is padded to 16 bytes with '0'
};

/// "ECB", "CBC", … "Asymmetric", "legacy".
[[nodiscard]] std::string_view name_of(encryption_mode mode) noexcept;

/// The mode that configuration and command line call `name` (`CBC CTR CFB OFB ECB PCBC Asymmetric
/// legacy`, in any case). Error: `errc::encryption_mode_unknown`.
[[nodiscard]] result<encryption_mode> parse_encryption_mode(std::string_view name);

} // namespace fwknop
