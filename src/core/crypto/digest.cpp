// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/digest.hpp"

#include "core/crypto/openssl.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace fwknop::crypto {

namespace {

// Fetching an algorithm takes a lock and a search; doing it once per type keeps it off the path of
// every packet.
const EVP_MD* message_digest(digest_type type) {
    static const auto fetched = [] {
        std::array<md_ptr, all_digest_types.size() + 1> table;
        for (const digest_type each : all_digest_types) {
            table[static_cast<std::size_t>(each)].reset(
                EVP_MD_fetch(nullptr, openssl_name(each), nullptr));
        }
        return table;
    }();
    return fetched[static_cast<std::size_t>(type)].get();
}

} // namespace

const char* openssl_name(digest_type type) noexcept {
    switch (type) {
    case digest_type::md5:
        return "MD5";
    case digest_type::sha1:
        return "SHA1";
    case digest_type::sha256:
        return "SHA256";
    case digest_type::sha384:
        return "SHA384";
    case digest_type::sha512:
        return "SHA512";
    case digest_type::sha3_256:
        return "SHA3-256";
    case digest_type::sha3_512:
        return "SHA3-512";
    }
    return "";
}

result<digest_value> compute_digest(digest_type type, std::string_view text) {
    const EVP_MD* const algorithm = message_digest(type);
    digest_value value;
    unsigned int size = 0;
    if (algorithm == nullptr || EVP_Digest(text.data(), text.size(), value.storage.data(), &size,
                                           algorithm, nullptr) != 1) {
        return errc::crypto_library_failed;
    }
    value.size = size;
    return value;
}

// Blocks are compared a machine's word at a time, which sodium_memcmp is not allowed to do.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace fwknop::crypto
