// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/context.hpp"
#include "gpg/decrypt.hpp"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <gpgme.h>

// One decryption, apart from who waits for it. For src/gpg alone.

namespace fwknop::gpg {

/// Everything an operation of GPGME needs, and what to make of its end. The operation itself,
/// `gpgme_op_decrypt_verify` or its `_start` with callbacks, is the user's.
class decryption {
  public:
    /// `in` outlives this, and this outlives the operation.
    decryption(const context& in, std::span<const std::uint8_t> message);
    decryption(const decryption&) = delete;
    decryption& operator=(const decryption&) = delete;
    ~decryption();

    /// Whether there was memory for it.
    [[nodiscard]] bool ready() const noexcept {
        return from_.get() != nullptr && to_.get() != nullptr;
    }
    [[nodiscard]] gpgme_ctx_t context_handle() const noexcept { return in_.get(); }
    [[nodiscard]] gpgme_data_t cipher() const noexcept { return from_.get(); }
    [[nodiscard]] gpgme_data_t plain() const noexcept { return to_.get(); }

    /// The operation has ended with `error`. Once only.
    [[nodiscard]] outcome<decrypted> finish(gpgme_error_t error);

  private:
    static gpgme_error_t note_status(void* self, const char* keyword, const char* arguments);
    [[nodiscard]] std::vector<gpg_signature> signatures() const;
    const context& in_;
    data from_;
    data to_;
    std::map<std::string, std::string, std::less<>> primary_keys_; ///< of those that signed
};

} // namespace fwknop::gpg
