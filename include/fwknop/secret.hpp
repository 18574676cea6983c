// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fwknop {

/// Bytes that must not leak: keys and pass phrases.
///
/// The memory is locked (never swapped, left out of core dumps), fenced by guard pages, and wiped
/// before it is given back. Copies are explicit (`clone`). A moved-from object is empty. There is
/// no conversion to a string and no stream operator on purpose.
class secret_bytes {
  public:
    secret_bytes() noexcept = default;

    /// `size` zero bytes. Throws std::bad_alloc when memory is out.
    explicit secret_bytes(std::size_t size);

    /// A copy of `bytes`; the caller wipes the original.
    explicit secret_bytes(std::span<const std::uint8_t> bytes);

    /// A copy of the characters of `text`; the caller wipes the original.
    [[nodiscard]] static secret_bytes from_text(std::string_view text);

    /// `size` bytes from the operating system's cryptographic source.
    [[nodiscard]] static secret_bytes random(std::size_t size);

    secret_bytes(secret_bytes&& other) noexcept;
    secret_bytes& operator=(secret_bytes&& other) noexcept;
    secret_bytes(const secret_bytes&) = delete;
    secret_bytes& operator=(const secret_bytes&) = delete;
    ~secret_bytes();

    [[nodiscard]] secret_bytes clone() const { return secret_bytes{bytes()}; }

    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::span<std::uint8_t> bytes() noexcept { return {data_, size_}; }

    /// The same bytes seen as characters. Valid as long as this object; never print it.
    [[nodiscard]] std::string_view text() const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Keeps the first `size` bytes and wipes the rest. Does nothing when already shorter.
    void truncate(std::size_t size) noexcept;

    /// Equal length and content; time depends on the lengths only.
    [[nodiscard]] bool equals(const secret_bytes& other) const noexcept;

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0; ///< what was allocated: `truncate` does not give it back
};

/// Overwrites `size` bytes at `data` in a way that the compiler keeps.
void wipe(void* data, std::size_t size) noexcept;

} // namespace fwknop
