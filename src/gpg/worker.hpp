// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/decrypt.hpp"
#include "gpg/engine.hpp"
#include "gpg/outcome.hpp"

#include <fwknop/secret.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Decrypting in a process of its own, for a program that must not wait.
//
// Why not GPGME's callbacks in the loop: GPGME forks twice, so nobody knows gpg's process number
// and a gpg that hangs can never be ended; it waits for `gpg --version` before each operation; and
// its copies of plain text stay in the daemon's memory. A worker is one process group: to kill it
// is to end all of it. Request and answer are for one build of one program: their form may change
// at any time.

namespace fwknop::gpg {

/// The argument with which the daemon's program becomes a worker; the path of gpg follows, which
/// may be empty (`engine`). It is no part of the request: what may be run is settled by who starts
/// it.
inline constexpr std::string_view worker_option = "--gpg-worker";

/// What a worker reads: with the keys in the folder `home`, decrypt one of `messages`, the first
/// that can be.
[[nodiscard]] secret_bytes write_request(std::string_view home, const pass_phrase& phrase,
                                         std::span<const std::vector<std::uint8_t>> messages);

/// The worker: reads a request from `input` to its end, does it with `program`, writes the answer
/// to `output`. Returns the exit status.
[[nodiscard]] int run_worker(std::string program, int input, int output);

/// What a worker wrote. `text` is wiped. Failures: those of `decrypt`; `internal` if it is cut
/// short or no answer at all.
[[nodiscard]] outcome<decrypted> read_answer(std::string text);

} // namespace fwknop::gpg
