// SPDX-License-Identifier: Apache-2.0
#include "core/spa/key_material.hpp"

#include "core/crypto/base64.hpp"

#include <fwknop/packet.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace fwknop {
namespace {

/// Text made of public and secret parts, never outside secret memory.
secret_bytes join(std::span<const std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    secret_bytes joined{size};
    auto to = joined.bytes().begin();
    for (const auto part : parts)
        to = std::transform(part.begin(), part.end(), to,
                            [](char c) { return static_cast<std::uint8_t>(c); });
    return joined;
}

} // namespace

result<key_material> key_material::generate(std::size_t encryption_key_size,
                                            std::size_t hmac_key_size) {
    if (encryption_key_size == 0 || hmac_key_size == 0) return errc::key_empty;
    if (encryption_key_size > max_encryption_key_size || hmac_key_size > max_received_hmac_key_size)
        return errc::key_too_long;
    return key_material{crypto::base64_encode_secret(secret_bytes::random(encryption_key_size)),
                        crypto::base64_encode_secret(secret_bytes::random(hmac_key_size))};
}

secret_bytes key_material::lines() const {
    const std::array<std::string_view, 6> parts{"KEY_BASE64: ",      encryption_key.text(), "\n",
                                                "HMAC_KEY_BASE64: ", hmac_key.text(),       "\n"};
    return join(parts);
}

} // namespace fwknop
