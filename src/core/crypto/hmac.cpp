// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"
#include "core/crypto/digest.hpp"
#include "core/crypto/openssl.hpp"

#include <fwknop/packet.hpp>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <utility>

namespace fwknop {

struct hmac_key::state {
    crypto::mac_ctx_ptr context; ///< holds the key schedule; started afresh for every packet
    digest_type type;
};

namespace {

struct tag_value {
    std::array<std::uint8_t, 64> storage;
    std::size_t size = 0;
};

result<tag_value> compute(EVP_MAC_CTX* context, std::string_view prefix, std::string_view text) {
    const auto update = [context](std::string_view part) {
        return EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size()) == 1;
    };
    tag_value tag;
    // No key given: the schedule of the first start is used again.
    if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 || !update(prefix) || !update(text) ||
        EVP_MAC_final(context, tag.storage.data(), &tag.size, tag.storage.size()) != 1) {
        return errc::crypto_library_failed;
    }
    return tag;
}

} // namespace

hmac_key::hmac_key(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
hmac_key::hmac_key(hmac_key&&) noexcept = default;
hmac_key& hmac_key::operator=(hmac_key&&) noexcept = default;
hmac_key::~hmac_key() = default;

digest_type hmac_key::type() const noexcept {
    return state_->type;
}

result<hmac_key> hmac_key::make(digest_type type, const secret_bytes& key) {
    if (key.empty()) return errc::key_empty;
    if (key.size() > max_received_hmac_key_size) return errc::key_too_long;

    static const crypto::mac_ptr algorithm{EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr)};
    if (algorithm == nullptr) return errc::crypto_library_failed;
    crypto::mac_ctx_ptr context{EVP_MAC_CTX_new(algorithm.get())};
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         const_cast<char*>(crypto::openssl_name(type)), 0),
        OSSL_PARAM_construct_end()};
    if (context == nullptr ||
        EVP_MAC_init(context.get(), key.bytes().data(), key.size(), parameters.data()) != 1) {
        return errc::crypto_library_failed;
    }
    return hmac_key{std::make_unique<state>(state{std::move(context), type})};
}

result<std::string> hmac_key::sign(std::string_view prefix, std::string_view text) const {
    const auto tag = compute(state_->context.get(), prefix, text);
    if (!tag) return tag.error();
    return crypto::base64_encode(std::span{tag->storage}.first(tag->size));
}

result<void> hmac_key::verify(std::string_view prefix, std::string_view text,
                              std::string_view tag) const {
    const auto expected = compute(state_->context.get(), prefix, text);
    if (!expected) return expected.error();
    // The base64 forms are compared: two spellings of one HMAC would make two packets of one.
    std::array<unsigned char, 89> spelled; // 64 bytes in base64, and OpenSSL's zero byte
    const int size =
        EVP_EncodeBlock(spelled.data(), expected->storage.data(), static_cast<int>(expected->size));
    std::string_view spelled_text{reinterpret_cast<const char*>(spelled.data()),
                                  static_cast<std::size_t>(size)};
    spelled_text = spelled_text.substr(0, digest_base64_size(state_->type));
    if (!crypto::equal_constant_time(spelled_text, tag)) return errc::hmac_mismatch;
    return {};
}

} // namespace fwknop
