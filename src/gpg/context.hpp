// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/engine.hpp"
#include "gpg/outcome.hpp"

#include <fwknop/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include <gpgme.h>

// GPGME's handles with owners. For src/gpg alone.

namespace fwknop::gpg {

/// One operation's connection to gpg: program, home and pass phrase are set.
class context {
  public:
    /// `phrase` must outlive the context. Failures: `program`, `home`, `internal`.
    [[nodiscard]] static outcome<context> make(const engine& with, const pass_phrase& phrase);

    [[nodiscard]] gpgme_ctx_t get() const noexcept { return handle_.get(); }
    [[nodiscard]] const engine& with() const noexcept { return with_; }
    [[nodiscard]] pass_phrase::source phrase_source() const noexcept { return source_; }

  private:
    struct release {
        void operator()(gpgme_ctx_t handle) const noexcept { ::gpgme_release(handle); }
    };
    using owner = std::unique_ptr<std::remove_pointer_t<gpgme_ctx_t>, release>;
    context(owner handle, engine with, pass_phrase::source source)
        : handle_{std::move(handle)}, with_{std::move(with)}, source_{source} {}
    owner handle_;
    engine with_; ///< resolved
    pass_phrase::source source_;
};

/// Bytes for gpg to read, or a bounded buffer for it to fill; in secret memory, where GPGME does
/// not keep copies of its own. Neither copied nor moved: GPGME knows the address.
class data {
  public:
    /// Bytes to read.
    explicit data(std::span<const std::uint8_t> content);
    /// Room for `limit` bytes; what would exceed it makes the operation fail.
    explicit data(std::size_t limit);
    data(const data&) = delete;
    data& operator=(const data&) = delete;
    ~data();

    /// Null when GPGME had no memory.
    [[nodiscard]] gpgme_data_t get() const noexcept { return handle_; }
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
    /// What was written.
    [[nodiscard]] std::span<const std::uint8_t> content() const noexcept {
        return buffer_.bytes().first(used_);
    }
    [[nodiscard]] secret_bytes take();

  private:
    void open();
    static ssize_t read(void* self, void* to, std::size_t size);
    static ssize_t write(void* self, const void* from, std::size_t size);
    secret_bytes buffer_;
    std::size_t used_ = 0; ///< written, or there to be read
    std::size_t at_ = 0;   ///< already read
    bool overflowed_ = false;
    gpgme_data_t handle_ = nullptr;
};

/// What `error` means to an administrator. `what` begins the sentence: "cannot sign".
[[nodiscard]] failure explain(gpgme_error_t error, std::string_view what, const context& in);

} // namespace fwknop::gpg
