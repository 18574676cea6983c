// SPDX-License-Identifier: Apache-2.0
#include <fwknop/secret.hpp>

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <utility>

namespace fwknop {

namespace {

// Guarded, locked pages from libsodium. One allocation costs at least three pages, so keys share
// them through a pool: a configuration with thousands of stanzas must not run out of mappings.
class guarded_pages final : public std::pmr::memory_resource {
  public:
    guarded_pages() {
        if (sodium_init() < 0) throw std::runtime_error{"libsodium cannot be initialised"};
    }

  private:
    void* do_allocate(std::size_t size, std::size_t alignment) override {
        // The end of the block touches the guard page: a size that is a multiple of the alignment
        // keeps its start aligned.
        const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
        if (void* const pages = sodium_malloc(rounded)) return pages;
        throw std::bad_alloc{};
    }
    void do_deallocate(void* pages, std::size_t, std::size_t) override { sodium_free(pages); }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }
};

// Lives as long as the process: secrets with static lifetime may outlast any destructor order.
std::pmr::memory_resource& secret_pool() {
    static guarded_pages* const pages = new guarded_pages;
    static auto* const pool = new std::pmr::synchronized_pool_resource{
        std::pmr::pool_options{.max_blocks_per_chunk = 64, .largest_required_pool_block = 1024},
        pages};
    return *pool;
}

} // namespace

secret_bytes::secret_bytes(std::size_t size) : size_{size}, capacity_{size} {
    if (size == 0) return;
    data_ = static_cast<std::uint8_t*>(secret_pool().allocate(size, alignof(std::uint8_t)));
    std::memset(data_, 0, size);
}

secret_bytes::secret_bytes(std::span<const std::uint8_t> bytes) : secret_bytes{bytes.size()} {
    std::copy(bytes.begin(), bytes.end(), data_);
}

secret_bytes secret_bytes::from_text(std::string_view text) {
    return secret_bytes{std::span{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}};
}

secret_bytes secret_bytes::random(std::size_t size) {
    secret_bytes out{size};
    if (size > 0) randombytes_buf(out.data_, size);
    return out;
}

secret_bytes::secret_bytes(secret_bytes&& other) noexcept
    : data_{std::exchange(other.data_, nullptr)}
    , size_{std::exchange(other.size_, 0)}
    , capacity_{std::exchange(other.capacity_, 0)} {}

secret_bytes& secret_bytes::operator=(secret_bytes&& other) noexcept {
    secret_bytes old{std::move(*this)};
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

secret_bytes::~secret_bytes() {
    if (data_ == nullptr) return;
    wipe(data_, capacity_);
    secret_pool().deallocate(data_, capacity_, alignof(std::uint8_t));
}

std::string_view secret_bytes::text() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
}

void secret_bytes::truncate(std::size_t size) noexcept {
    if (size >= size_) return;
    wipe(data_ + size, size_ - size);
    size_ = size;
}

bool secret_bytes::equals(const secret_bytes& other) const noexcept {
    return size_ == other.size_ && (size_ == 0 || sodium_memcmp(data_, other.data_, size_) == 0);
}

void wipe(void* data, std::size_t size) noexcept {
    sodium_memzero(data, size);
}

} // namespace fwknop
