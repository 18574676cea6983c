// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/gpg_signature.hpp"
#include "gpg/engine.hpp"
#include "gpg/outcome.hpp"

#include <fwknop/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fwknop::gpg {

/// The longest plain text of a packet has 970 bytes, all its fields filled. A compressed message
/// may promise gigabytes: what exceeds this is not written down.
inline constexpr std::size_t max_plain_size = 1024;

/// What was inside a message. Whether the signatures will do is for `judge_signatures`.
struct decrypted {
    secret_bytes plain;
    std::vector<gpg_signature> signatures; ///< empty: it was not signed
};

/// Decrypts `message` and verifies its signatures. Blocks while gpg works.
///
/// Failures: `program`, `home`, `agent`, `pass_phrase`, `secret_key`, `message`, `internal`.
[[nodiscard]] outcome<decrypted> decrypt(const engine& with, const pass_phrase& phrase,
                                         std::span<const std::uint8_t> message);

} // namespace fwknop::gpg
