// SPDX-License-Identifier: Apache-2.0
#include "core/spa/text.hpp"

#include <fwknop/algorithm.hpp>

#include <utility>

namespace fwknop {

namespace {

struct digest_row {
    digest_type type;
    std::string_view name;
    std::size_t size;
    std::size_t hmac_key_size;
};

constexpr std::array digest_table{
    digest_row{digest_type::md5, "MD5", 16, 16},
    digest_row{digest_type::sha1, "SHA1", 20, 20},
    digest_row{digest_type::sha256, "SHA256", 32, 64},
    digest_row{digest_type::sha384, "SHA384", 48, 128},
    digest_row{digest_type::sha512, "SHA512", 64, 128},
    digest_row{digest_type::sha3_256, "SHA3_256", 32, 136},
    digest_row{digest_type::sha3_512, "SHA3_512", 64, 72},
};

constexpr const digest_row& row_of(digest_type type) noexcept {
    return digest_table[static_cast<std::size_t>(type) - 1];
}

constexpr std::array mode_table{
    std::pair{encryption_mode::ecb, std::string_view{"ECB"}},
    std::pair{encryption_mode::cbc, std::string_view{"CBC"}},
    std::pair{encryption_mode::cfb, std::string_view{"CFB"}},
    std::pair{encryption_mode::pcbc, std::string_view{"PCBC"}},
    std::pair{encryption_mode::ofb, std::string_view{"OFB"}},
    std::pair{encryption_mode::ctr, std::string_view{"CTR"}},
    std::pair{encryption_mode::asymmetric, std::string_view{"Asymmetric"}},
    std::pair{encryption_mode::legacy, std::string_view{"legacy"}},
};

} // namespace

std::size_t digest_size(digest_type type) noexcept {
    return row_of(type).size;
}

std::size_t digest_base64_size(digest_type type) noexcept {
    return (row_of(type).size * 8 + 5) / 6;
}

std::size_t default_hmac_key_size(digest_type type) noexcept {
    return row_of(type).hmac_key_size;
}

std::string_view name_of(digest_type type) noexcept {
    return row_of(type).name;
}

result<digest_type> parse_digest_type(std::string_view name) {
    for (const auto& row : digest_table) {
        if (equal_ignoring_case(row.name, name)) return row.type;
    }
    return errc::digest_type_unknown;
}

std::string_view name_of(encryption_mode mode) noexcept {
    return mode_table[static_cast<std::size_t>(mode) - 1].second;
}

result<encryption_mode> parse_encryption_mode(std::string_view name) {
    for (const auto& [mode, mode_name] : mode_table) {
        if (equal_ignoring_case(mode_name, name)) return mode;
    }
    return errc::encryption_mode_unknown;
}

} // namespace fwknop
