// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/cipher.hpp"

#include "core/crypto/openssl.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace fwknop {

result<void> check_encryption_key(const encryption_key& key) {
    if (key.mode == encryption_mode::pcbc || key.mode == encryption_mode::asymmetric) {
        return errc::encryption_mode_unsupported;
    }
    if (key.pass_phrase.empty()) return errc::key_empty;
    if (key.pass_phrase.size() > max_encryption_key_size) return errc::key_too_long;
    return {};
}

} // namespace fwknop

namespace fwknop::crypto {

namespace {

constexpr std::string_view salted_magic = "Salted__";

/// Below this a legacy pass phrase is filled up with '0'.
constexpr std::size_t legacy_key_size = 16;

struct key_and_iv {
    std::array<std::uint8_t, 32> key{};
    std::array<std::uint8_t, cipher_block_size> iv{};

    key_and_iv() = default;
    key_and_iv(const key_and_iv&) = delete;
    key_and_iv& operator=(const key_and_iv&) = delete;
    ~key_and_iv() {
        wipe(key.data(), key.size());
        wipe(iv.data(), iv.size());
    }
};

const char* cipher_name(encryption_mode mode) noexcept {
    switch (mode) {
    case encryption_mode::ecb:
        return "AES-256-ECB";
    case encryption_mode::cbc:
    case encryption_mode::legacy:
        return "AES-256-CBC";
    case encryption_mode::cfb:
        return "AES-256-CFB";
    case encryption_mode::ofb:
        return "AES-256-OFB";
    case encryption_mode::ctr:
        return "AES-256-CTR";
    case encryption_mode::pcbc:
    case encryption_mode::asymmetric:
        return nullptr;
    }
    return nullptr;
}

constexpr std::size_t mode_count = static_cast<std::size_t>(encryption_mode::legacy) + 1;

const EVP_CIPHER* cipher_of(encryption_mode mode) {
    static const auto fetched = [] {
        std::array<cipher_ptr, mode_count> table;
        for (std::size_t i = 0; i < mode_count; ++i) {
            if (const char* name = cipher_name(static_cast<encryption_mode>(i))) {
                table[i].reset(EVP_CIPHER_fetch(nullptr, name, nullptr));
            }
        }
        return table;
    }();
    return fetched[static_cast<std::size_t>(mode)].get();
}

bool derive(const encryption_key& key, std::span<const std::uint8_t, salt_size> salt,
            key_and_iv& out) {
    std::span<const std::uint8_t> pass = key.pass_phrase.bytes();
    secret_bytes filled;
    if (key.mode == encryption_mode::legacy && pass.size() < legacy_key_size) {
        filled = secret_bytes{legacy_key_size};
        const auto end = std::copy(pass.begin(), pass.end(), filled.bytes().begin());
        std::fill(end, filled.bytes().end(), std::uint8_t{'0'});
        pass = filled.bytes();
    }
    // The cipher named here only tells the sizes: ECB would ask for no IV and derive the same key.
    const EVP_CIPHER* const sizes = cipher_of(encryption_mode::cbc);
    return sizes != nullptr &&
           EVP_BytesToKey(sizes, EVP_md5(), salt.data(), pass.data(), static_cast<int>(pass.size()),
                          1, out.key.data(), out.iv.data()) == static_cast<int>(out.key.size());
}

// Runs `data`, whole blocks, through the cipher in place.
bool transform(encryption_mode mode, const key_and_iv& secret, bool encrypting,
               std::span<std::uint8_t> data) {
    const EVP_CIPHER* const cipher = cipher_of(mode);
    const cipher_ctx_ptr context{EVP_CIPHER_CTX_new()};
    int size = 0;
    return cipher != nullptr && context != nullptr &&
           EVP_CipherInit_ex2(context.get(), cipher, secret.key.data(), secret.iv.data(),
                              encrypting ? 1 : 0, nullptr) == 1 &&
           EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
           EVP_CipherUpdate(context.get(), data.data(), &size, data.data(),
                            static_cast<int>(data.size())) == 1 &&
           static_cast<std::size_t>(size) == data.size();
}

} // namespace

result<std::vector<std::uint8_t>> encrypt(const encryption_key& key,
                                          std::span<const std::uint8_t, salt_size> salt,
                                          std::span<const std::uint8_t> plain) {
    if (const auto checked = check_encryption_key(key); !checked) return checked.error();

    const std::size_t padding = cipher_block_size - plain.size() % cipher_block_size;
    std::vector<std::uint8_t> out;
    out.reserve(salted_header_size + plain.size() + padding);
    out.insert(out.end(), salted_magic.begin(), salted_magic.end());
    out.insert(out.end(), salt.begin(), salt.end());
    out.insert(out.end(), plain.begin(), plain.end());
    out.insert(out.end(), padding, static_cast<std::uint8_t>(padding));

    key_and_iv secret;
    if (!derive(key, salt, secret) ||
        !transform(key.mode, secret, true, std::span{out}.subspan(salted_header_size))) {
        return errc::crypto_library_failed;
    }
    return out;
}

result<std::span<const std::uint8_t>> decrypt(const encryption_key& key,
                                              std::span<std::uint8_t> salted) {
    if (const auto checked = check_encryption_key(key); !checked) return checked.error();
    if (salted.size() < salted_header_size + cipher_block_size ||
        salted.size() % cipher_block_size != 0 ||
        !std::equal(salted_magic.begin(), salted_magic.end(), salted.begin())) {
        return errc::ciphertext_length;
    }

    const std::span<const std::uint8_t, salt_size> salt{salted.data() + salted_magic.size(),
                                                        salt_size};
    const std::span<std::uint8_t> blocks = salted.subspan(salted_header_size);
    key_and_iv secret;
    if (!derive(key, salt, secret) || !transform(key.mode, secret, false, blocks)) {
        return errc::crypto_library_failed;
    }

    const std::size_t padding = blocks.back();
    if (padding == 0 || padding > cipher_block_size ||
        !std::all_of(blocks.end() - static_cast<std::ptrdiff_t>(padding), blocks.end(),
                     [padding](std::uint8_t byte) { return byte == padding; })) {
        return errc::decryption_failed;
    }
    return blocks.first(blocks.size() - padding);
}

} // namespace fwknop::crypto
