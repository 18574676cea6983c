// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace fwknop {

/// `message`, a binary OpenPGP message that begins with a session key for a public key, with the
/// header of that first packet written in its three-byte form: 0x85 and a length of two bytes.
///
/// The base64 of every message then begins with `hQ`, which is what receivers put back. GnuPG
/// writes two bytes of header where the packet is short, as it is for elliptic curves; both forms
/// mean the same (RFC 4880, section 4.2), and no signature and no integrity check covers it.
///
/// Error: `gpg_message_malformed`: another packet comes first (armored text, a message for a pass
/// phrase), it has no definite length, or 4096 bytes or more.
[[nodiscard]] result<std::vector<std::uint8_t>>
frame_for_hq_prefix(std::span<const std::uint8_t> message);

} // namespace fwknop
