// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// Standard base64 as the wire format uses it: written without '=', read with or without, reading
// stops at the first '=' and ignores left-over bits.

namespace fwknop::crypto {

/// Whether every character is one of A-Z a-z 0-9 + /.
[[nodiscard]] bool is_base64(std::string_view text) noexcept;

/// Without trailing '='.
[[nodiscard]] std::string base64_encode(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string base64_encode(std::string_view text);

/// Bytes needed for the decoded form of `text`, at most.
[[nodiscard]] constexpr std::size_t base64_decoded_size(std::size_t characters) noexcept {
    return characters * 6 / 8;
}

/// Error: `errc::base64_malformed`.
[[nodiscard]] result<std::string> base64_decode(std::string_view text);

/// Decodes into `out`, which has room for `base64_decoded_size(text.size())` bytes, and returns the
/// part that was written. Every text but the one that the encoder writes is refused: padding,
/// left-over bits, a lone last character. Nothing is allocated. Error: `errc::base64_malformed`.
[[nodiscard]] result<std::span<std::uint8_t>> base64_decode_strict(std::string_view text,
                                                                   std::span<std::uint8_t> out);

/// For keys: neither the text nor the bytes touch ordinary memory. `base64_encode_secret` keeps
/// the '=' padding, as key files do. Error: `errc::base64_malformed`.
[[nodiscard]] result<secret_bytes> base64_decode_secret(std::string_view text);
[[nodiscard]] secret_bytes base64_encode_secret(const secret_bytes& bytes);

} // namespace fwknop::crypto
