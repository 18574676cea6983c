// SPDX-License-Identifier: Apache-2.0
//
// A packet of nobody's is checked against the key of every stanza that might be meant, so this is
// the code that a flood runs most. OpenSSL's general HMAC copies three contexts on the heap for
// each check, which costs as much as the hashing. Here the hash of a key's two blocks is computed
// once and kept as plain bytes, and a check goes on from there, on the stack. SHA-3, which has
// no such interface, goes the general way.

// The plain hash functions, which OpenSSL 3 calls deprecated but keeps.
#define OPENSSL_API_COMPAT 10100

#include "core/crypto/base64.hpp"
#include "core/crypto/digest.hpp"
#include "core/crypto/openssl.hpp"

#include <fwknop/packet.hpp>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace fwknop {

namespace {

/// The largest block of the hashes below.
constexpr std::size_t max_block_size = SHA512_CBLOCK;

struct tag_value {
    std::array<std::uint8_t, 64> storage;
    std::size_t size = 0;
};

/// A hash as OpenSSL's plain functions have it. `StateSize`: of the chaining value, with which each
/// of their contexts begins.
template <class Context, auto Init, auto Update, auto Final, std::size_t BlockSize,
          std::size_t StateSize, std::size_t DigestSize>
struct plain_hash {
    static_assert(std::is_trivially_copyable_v<Context> && std::is_standard_layout_v<Context>);
    using context = Context;
    static constexpr std::size_t block_size = BlockSize;
    static constexpr std::size_t state_size = StateSize;
    static constexpr std::size_t digest_size = DigestSize;

    static bool begin(Context& at) { return Init(&at) == 1; }
    static bool update(Context& at, const void* data, std::size_t size) {
        return Update(&at, data, size) == 1;
    }
    static bool finish(Context& at, std::uint8_t* digest) { return Final(digest, &at) == 1; }
};

using md5 = plain_hash<MD5_CTX, MD5_Init, MD5_Update, MD5_Final, MD5_CBLOCK, sizeof(MD5_LONG) * 4,
                       MD5_DIGEST_LENGTH>;
using sha1 = plain_hash<SHA_CTX, SHA1_Init, SHA1_Update, SHA1_Final, SHA_CBLOCK,
                        sizeof(SHA_LONG) * 5, SHA_DIGEST_LENGTH>;
using sha256 = plain_hash<SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final, SHA256_CBLOCK,
                          sizeof(SHA256_CTX::h), SHA256_DIGEST_LENGTH>;
using sha384 = plain_hash<SHA512_CTX, SHA384_Init, SHA384_Update, SHA384_Final, SHA512_CBLOCK,
                          sizeof(SHA512_CTX::h), SHA384_DIGEST_LENGTH>;
using sha512 = plain_hash<SHA512_CTX, SHA512_Init, SHA512_Update, SHA512_Final, SHA512_CBLOCK,
                          sizeof(SHA512_CTX::h), SHA512_DIGEST_LENGTH>;

/// RFC 2104: the chaining values of the inner and the outer hash after the key's block. No more of
/// a context is kept: with thousands of keys the memory that is touched is what takes the time.
template <class Hash>
struct key_schedule {
    std::array<std::uint8_t, Hash::state_size> inner, outer;
};

/// What every context is after one block, but for its chaining value.
template <class Hash>
const typename Hash::context& after_one_block() {
    static const auto context = [] {
        typename Hash::context at;
        const std::array<std::uint8_t, Hash::block_size> block{};
        Hash::begin(at);
        Hash::update(at, block.data(), block.size());
        return at;
    }();
    return context;
}

/// Wiped when it goes.
template <class T>
struct passing {
    T value;
    passing() = default;
    passing(const passing&) = delete;
    passing& operator=(const passing&) = delete;
    ~passing() { wipe(&value, sizeof value); }
};

template <class Hash>
result<secret_bytes> make_schedule(std::span<const std::uint8_t> key) {
    static_assert(Hash::block_size <= max_block_size);
    passing<std::array<std::uint8_t, Hash::block_size>> block;
    block.value.fill(0);
    passing<typename Hash::context> at;
    if (key.size() > Hash::block_size) { // the key's digest stands for a key longer than a block
        if (!Hash::begin(at.value) || !Hash::update(at.value, key.data(), key.size()) ||
            !Hash::finish(at.value, block.value.data())) {
            return errc::crypto_library_failed;
        }
    } else {
        std::ranges::copy(key, block.value.begin());
    }
    secret_bytes kept{sizeof(key_schedule<Hash>)};
    const auto absorb = [&](std::size_t offset, std::uint8_t pad) {
        for (auto& byte : block.value) byte = static_cast<std::uint8_t>(byte ^ pad);
        if (!Hash::begin(at.value) ||
            !Hash::update(at.value, block.value.data(), block.value.size())) {
            return false;
        }
        std::memcpy(kept.bytes().data() + offset, &at.value, Hash::state_size);
        return true;
    };
    constexpr std::uint8_t inner_pad = 0x36;
    constexpr std::uint8_t outer_pad = 0x5c;
    if (!absorb(offsetof(key_schedule<Hash>, inner), inner_pad) ||
        !absorb(offsetof(key_schedule<Hash>, outer), inner_pad ^ outer_pad)) {
        return errc::crypto_library_failed;
    }
    return kept;
}

template <class Hash>
result<tag_value> compute(const secret_bytes& kept, std::string_view prefix,
                          std::string_view text) {
    passing<typename Hash::context> at;
    const auto* const schedule = kept.bytes().data();
    const auto resume = [&](std::size_t offset) {
        at.value = after_one_block<Hash>();
        std::memcpy(&at.value, schedule + offset, Hash::state_size);
    };
    tag_value tag;
    tag.size = Hash::digest_size;
    resume(offsetof(key_schedule<Hash>, inner));
    if (!Hash::update(at.value, prefix.data(), prefix.size()) ||
        !Hash::update(at.value, text.data(), text.size()) ||
        !Hash::finish(at.value, tag.storage.data())) {
        return errc::crypto_library_failed;
    }
    resume(offsetof(key_schedule<Hash>, outer));
    if (!Hash::update(at.value, tag.storage.data(), tag.size) ||
        !Hash::finish(at.value, tag.storage.data())) {
        return errc::crypto_library_failed;
    }
    return tag;
}

result<crypto::mac_ctx_ptr> make_context(digest_type type, const secret_bytes& key) {
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
    return context;
}

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

namespace {

/// Empty for SHA-3.
result<secret_bytes> schedule_of(digest_type type, std::span<const std::uint8_t> key) {
    switch (type) {
    case digest_type::md5:
        return make_schedule<md5>(key);
    case digest_type::sha1:
        return make_schedule<sha1>(key);
    case digest_type::sha256:
        return make_schedule<sha256>(key);
    case digest_type::sha384:
        return make_schedule<sha384>(key);
    case digest_type::sha512:
        return make_schedule<sha512>(key);
    case digest_type::sha3_256:
    case digest_type::sha3_512:
        break;
    }
    return secret_bytes{};
}

result<tag_value> compute_tag(digest_type type, const secret_bytes& schedule, EVP_MAC_CTX* context,
                              std::string_view prefix, std::string_view text) {
    switch (type) {
    case digest_type::md5:
        return compute<md5>(schedule, prefix, text);
    case digest_type::sha1:
        return compute<sha1>(schedule, prefix, text);
    case digest_type::sha256:
        return compute<sha256>(schedule, prefix, text);
    case digest_type::sha384:
        return compute<sha384>(schedule, prefix, text);
    case digest_type::sha512:
        return compute<sha512>(schedule, prefix, text);
    case digest_type::sha3_256:
    case digest_type::sha3_512:
        break;
    }
    return compute(context, prefix, text);
}

} // namespace

void hmac_key::context_deleter::operator()(evp_mac_ctx_st* context) const noexcept {
    EVP_MAC_CTX_free(context);
}

hmac_key::hmac_key(digest_type type, secret_bytes schedule, context_ptr context) noexcept
    : type_{type}, schedule_{std::move(schedule)}, context_{std::move(context)} {}

result<hmac_key> hmac_key::make(digest_type type, const secret_bytes& key) {
    if (key.empty()) return errc::key_empty;
    if (key.size() > max_received_hmac_key_size) return errc::key_too_long;

    auto schedule = schedule_of(type, key.bytes());
    if (!schedule) return schedule.error();
    if (!schedule->empty()) return hmac_key{type, *std::move(schedule), nullptr};
    auto context = make_context(type, key);
    if (!context) return context.error();
    return hmac_key{type, {}, context_ptr{context->release()}};
}

result<std::string> hmac_key::sign(std::string_view prefix, std::string_view text) const {
    const auto tag = compute_tag(type_, schedule_, context_.get(), prefix, text);
    if (!tag) return tag.error();
    return crypto::base64_encode(std::span{tag->storage}.first(tag->size));
}

result<void> hmac_key::verify(std::string_view prefix, std::string_view text,
                              std::string_view tag) const {
    const auto expected = compute_tag(type_, schedule_, context_.get(), prefix, text);
    if (!expected) return expected.error();
    // The base64 forms are compared: two spellings of one HMAC would make two packets of one.
    std::array<unsigned char, 89> spelled; // 64 bytes in base64, and OpenSSL's zero byte
    const int size =
        EVP_EncodeBlock(spelled.data(), expected->storage.data(), static_cast<int>(expected->size));
    std::string_view spelled_text{reinterpret_cast<const char*>(spelled.data()),
                                  static_cast<std::size_t>(size)};
    spelled_text = spelled_text.substr(0, digest_base64_size(type_));
    if (!crypto::equal_constant_time(spelled_text, tag)) return errc::hmac_mismatch;
    return {};
}

} // namespace fwknop
