// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <string_view>

#include <sys/types.h>

/// Between a test and the program under test: a file that both have mapped. The test writes rules
/// into it and reads how often each has struck. faults.py knows the same layout by its offsets.
namespace fault {

inline constexpr std::uint32_t magic = 0x544c4146; // "FALT"
inline constexpr std::size_t max_rules = 8;
inline constexpr std::size_t max_calls = 500;
inline constexpr std::size_t function_size = 24;
inline constexpr std::size_t place_size = 72;

/// In the place of an errno: half of the bytes are written, and said to be.
inline constexpr std::int32_t half = -1;

/// Which calls fail, and how.
struct rule {
    char function[function_size];
    char place[place_size];          ///< exactly; empty: anywhere
    std::int32_t error;              ///< an errno, or `half`
    std::uint32_t skip;              ///< calls that pass first
    std::uint32_t times;             ///< calls that fail then
    std::atomic<std::uint32_t> seen; ///< calls that match
    std::atomic<std::uint32_t> struck;
    std::atomic<std::uint32_t> active; ///< the rest counts while this is not 0
};

/// A boundary that was crossed while `board::recording`.
struct call {
    char function[function_size];
    char place[place_size];
    std::atomic<std::uint32_t> count;
};

struct board {
    std::uint32_t magic;
    std::atomic<std::uint32_t> recording;
    std::atomic<std::int64_t> clock_step; ///< seconds by which the system clock is wrong
    std::atomic<std::uint32_t> lock;      ///< of `calls`
    std::atomic<std::uint32_t> used;      ///< of `calls`
    rule rules[max_rules];
    call calls[max_calls];
};

static_assert(sizeof(rule) == 120 && sizeof(call) == 100 && sizeof(board) == 24 + 960 + 50000);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// What a call of `function` at `place` shall do: 0 to go on, an errno, or `half`.
[[nodiscard]] int verdict(std::string_view function, std::string_view place) noexcept;

/// The same for calls whose place takes more to find out than it is worth while nothing is asked
/// for.
[[nodiscard]] bool interested() noexcept;

/// How descriptors are called: the last part of a file's name, "pipe", "memfd:…", or for a socket
/// "socket:<family>:<type>:<protocol>". Valid until the thread's next call.
[[nodiscard]] std::string_view place_of(int descriptor) noexcept;
[[nodiscard]] std::string_view last_part(const char* path) noexcept;
[[nodiscard]] std::string_view socket_place(int family, int type, int protocol) noexcept;

/// Whose code `address` is in: "program" or "library". What is linked statically is the program's.
[[nodiscard]] std::string_view owner_of(const void* address) noexcept;

[[nodiscard]] std::time_t clock_step() noexcept;

} // namespace fault
