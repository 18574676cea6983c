// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/listed_program.hpp"
#include "firewall/spawn_as.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What the daemon and its helper (helper.hpp) say to each other, as messages of one program to
// itself on one machine: numbers as they are in memory. A daemon that somebody has taken over may
// send anything, so the helper looks at each length and each count before it believes it.

namespace fwknop {

// The bounds of a request. The largest that is in use is a command of 1,400 bytes, out of a packet.
inline constexpr std::size_t max_helper_request = 32 * 1024; ///< bytes
inline constexpr std::size_t max_helper_arguments = 1024;    ///< one per two bytes of a command
inline constexpr std::size_t max_helper_groups = 1024;
/// CMD_EXEC_TIMEOUT goes up to 8,388,608 s.
inline constexpr std::chrono::milliseconds max_helper_time_limit = std::chrono::seconds{8'388'608};

/// The descriptors that come with a request, in this order: the channel that answers go to, the
/// child's standard input, output and error.
inline constexpr std::size_t helper_descriptors = 4;

/// "Start this."
struct start_request {
    std::string path;                     ///< absolute
    std::vector<std::string> arguments;   ///< without the program's own name
    std::optional<child_identity> run_as; ///< none: as the helper is
    std::chrono::milliseconds time_limit{0};

    friend bool operator==(const start_request&, const start_request&) = default;
};

/// Why the helper does not do what it is asked. Sent as numbers.
enum class helper_refusal : std::uint8_t {
    malformed,   ///< lengths, counts or ends are wrong
    too_large,   ///< above one of the bounds
    descriptors, ///< not four, or not of the right kind
    not_listed,  ///< a program that was not named at the start
    arguments,   ///< a program that was, with arguments that were not
    input,       ///< what is to be read names a program to run, or a file to read
    account,     ///< a user and groups that were not named at the start
    too_many,    ///< children already
};

/// For the log, as a clause.
[[nodiscard]] std::string_view text_of(helper_refusal why) noexcept;

/// What is sent, or the bound that is in the way.
[[nodiscard]] std::variant<std::vector<std::uint8_t>, helper_refusal>
write_request(const start_request& request);

/// What was received.
[[nodiscard]] std::variant<start_request, helper_refusal>
read_request(std::span<const std::uint8_t> message);

/// What the helper says of one child, on that child's channel.
struct helper_answer {
    enum class kind : std::uint8_t {
        started, ///< `value` is its process id
        failed,  ///< `value` is the system's error number; nothing runs
        refused, ///< `value` is a `helper_refusal`
        killing, ///< it was asked to kill it, and does
        ended,   ///< `value` is its status, as waitpid gives it; the last word
    };
    kind what = kind::failed;
    std::int32_t value = 0;
    std::uint32_t refusals = 0; ///< how many requests were refused so far

    friend bool operator==(const helper_answer&, const helper_answer&) = default;
};

inline constexpr std::size_t helper_answer_size = 12; ///< bytes

/// Takes no memory: an answer must get out when there is none.
[[nodiscard]] std::array<std::uint8_t, helper_answer_size>
write_answer(const helper_answer& answer) noexcept;
[[nodiscard]] std::optional<helper_answer> read_answer(std::span<const std::uint8_t> message);

/// The one thing that the daemon says on a child's channel.
inline constexpr std::uint8_t helper_kill = 'K';

/// What a helper may start. Fixed before it begins.
struct helper_rules {
    std::vector<listed_program> programs; ///< started as the helper is
    std::vector<child_identity> accounts; ///< whom any other program may run as; empty: none may
    bool sudo = false;                    ///< some of these are to gain power by their files' modes
};

/// The way of calling a program that `request` is, if it is one of `programs`.
[[nodiscard]] const listed_program* find_call(const std::vector<listed_program>& programs,
                                              const start_request& request);

/// Nothing: it may be started, if what it is to read is as its `listed_program` says.
[[nodiscard]] std::optional<helper_refusal> check(const helper_rules& rules,
                                                  const start_request& request);

} // namespace fwknop
