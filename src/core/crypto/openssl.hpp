// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>

#include <openssl/evp.h>

#include <memory>

// Owners of OpenSSL's objects. Included by the .cpp files of this folder only.

namespace fwknop::crypto {

template <auto Free>
struct openssl_deleter {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using md_ptr = std::unique_ptr<EVP_MD, openssl_deleter<EVP_MD_free>>;
using mac_ptr = std::unique_ptr<EVP_MAC, openssl_deleter<EVP_MAC_free>>;
using mac_ctx_ptr = std::unique_ptr<EVP_MAC_CTX, openssl_deleter<EVP_MAC_CTX_free>>;
using cipher_ptr = std::unique_ptr<EVP_CIPHER, openssl_deleter<EVP_CIPHER_free>>;
using cipher_ctx_ptr = std::unique_ptr<EVP_CIPHER_CTX, openssl_deleter<EVP_CIPHER_CTX_free>>;

/// The name under which OpenSSL knows the digest.
[[nodiscard]] const char* openssl_name(digest_type type) noexcept;

} // namespace fwknop::crypto
