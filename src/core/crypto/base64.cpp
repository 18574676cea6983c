// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace fwknop::crypto {

namespace {

constexpr auto alphabet = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789+/"}) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

std::string_view without_padding(std::string_view text) noexcept {
    return text.substr(0, text.find('='));
}

constexpr std::size_t whole_groups(std::size_t characters) noexcept {
    return (characters + 3) / 4 * 4;
}

// OpenSSL decodes whole groups of four only: the last group is filled up with 'A' (zero bits) in
// `groups`, whose size is `whole_groups(text.size())`, and the surplus is cut off by the caller.
result<void> decode_groups(std::string_view text, std::span<std::uint8_t> groups,
                           std::uint8_t* out) {
    if (!is_base64(text)) return errc::base64_malformed;
    const auto end = std::copy(text.begin(), text.end(), groups.begin());
    std::fill(end, groups.end(), std::uint8_t{'A'});
    if (EVP_DecodeBlock(out, groups.data(), static_cast<int>(groups.size())) < 0) {
        return errc::base64_malformed;
    }
    return {};
}

} // namespace

bool is_base64(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return alphabet[static_cast<unsigned char>(c)]; });
}

std::string base64_encode(std::span<const std::uint8_t> bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL ends it with a zero byte
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    out.resize(without_padding(out).size());
    return out;
}

std::string base64_encode(std::string_view text) {
    return base64_encode(
        std::span{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

result<std::string> base64_decode(std::string_view text) {
    text = without_padding(text);
    std::string groups(whole_groups(text.size()), '\0');
    std::string out(groups.size() / 4 * 3, '\0');
    const auto decoded =
        decode_groups(text, {reinterpret_cast<std::uint8_t*>(groups.data()), groups.size()},
                      reinterpret_cast<std::uint8_t*>(out.data()));
    if (!decoded) return decoded.error();
    out.resize(base64_decoded_size(text.size()));
    return out;
}

result<std::span<std::uint8_t>> base64_decode_strict(std::string_view text,
                                                     std::span<std::uint8_t> out) {
    const std::size_t size = base64_decoded_size(text.size());
    const std::size_t whole = text.size() / 4 * 4;
    if (!is_base64(text) || text.size() - whole == 1 || out.size() < size) {
        return errc::base64_malformed;
    }
    if (whole > 0 &&
        EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(whole)) < 0) {
        return errc::base64_malformed;
    }
    if (whole < text.size()) {
        std::array<std::uint8_t, 4> group;
        std::array<std::uint8_t, 3> bytes;
        const auto decoded = decode_groups(text.substr(whole), group, bytes.data());
        if (!decoded) return decoded.error();
        const auto used = static_cast<std::ptrdiff_t>(size - whole / 4 * 3);
        if (std::any_of(bytes.begin() + used, bytes.end(), [](auto byte) { return byte != 0; })) {
            return errc::base64_malformed;
        }
        std::copy_n(bytes.begin(), used, out.begin() + static_cast<std::ptrdiff_t>(whole / 4 * 3));
    }
    return out.first(size);
}

result<secret_bytes> base64_decode_secret(std::string_view text) {
    text = without_padding(text);
    secret_bytes groups{whole_groups(text.size())};
    secret_bytes out{groups.size() / 4 * 3};
    const auto decoded = decode_groups(text, groups.bytes(), out.bytes().data());
    if (!decoded) return decoded.error();
    out.truncate(base64_decoded_size(text.size()));
    return out;
}

secret_bytes base64_encode_secret(const secret_bytes& bytes) {
    secret_bytes out{(bytes.size() + 2) / 3 * 4 + 1};
    const int size =
        EVP_EncodeBlock(out.bytes().data(), bytes.bytes().data(), static_cast<int>(bytes.size()));
    out.truncate(static_cast<std::size_t>(size));
    return out;
}

} // namespace fwknop::crypto
