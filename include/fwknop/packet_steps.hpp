// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/packet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Sealing and opening taken apart, for a cipher that is not ours: GnuPG encrypts and decrypts in
// a process of its own. Wire format, sections 3, 5 and 6. `seal_packet` and `open_packet` are made
// of these.
//
//     compose_packet -> [encrypt] -> finish_packet
//     examine_payload -> authenticate_payload or open_gpg_envelope -> [decrypt] -> read_plaintext

namespace fwknop {

/// What stands between the plain text and its base64.
enum class cipher_kind : std::uint8_t {
    symmetric, ///< `Salted__`, salt and AES blocks
    gpg,       ///< a binary OpenPGP message
};

// ------------------------------------------------------------------------------------ sending

/// Fields and digest, not encrypted yet.
struct composed_packet {
    fwknop::message message;
    digest_type digest = digest_type::sha256;
    std::string encoded;     ///< the fields, joined
    std::string digest_text; ///< base64

    /// What is encrypted: the fields, a colon, the digest.
    [[nodiscard]] std::string plain() const { return encoded + ':' + digest_text; }
};

/// Checks and joins `fields` (whose `random_value` becomes `random_value`: 16 decimal digits that
/// never repeat). Errors: those of fields and messages.
[[nodiscard]] result<composed_packet> compose_packet(message fields, digest_type digest,
                                                     std::string_view random_value);

/// base64, the prefix cut off, HMAC. `ciphertext` is what the cipher made of `packet.plain()`.
/// Errors: `payload_too_long`; `gpg_message_malformed` when a GPG ciphertext does not begin with a
/// key packet of definite length, as armored text does not.
[[nodiscard]] result<sealed_packet> finish_packet(composed_packet packet, cipher_kind kind,
                                                  std::span<const std::uint8_t> ciphertext,
                                                  const hmac_key* hmac);

// ---------------------------------------------------------------------------------- receiving

/// The two parts of a payload. Views into it.
struct signed_text {
    std::string_view ciphertext; ///< base64, without the prefix that the sender cut off
    std::string_view hmac;       ///< base64, empty without an HMAC key
};

/// Cuts the HMAC off and verifies it, over the text with `prefix` put back. Nothing is decoded or
/// allocated. Errors: `hmac_missing`, `hmac_mismatch`.
[[nodiscard]] result<signed_text>
authenticate_payload(const candidate& packet, std::string_view prefix, const hmac_key* hmac);

/// Two characters of base64 that a sender cut off a GPG message.
using gpg_prefix = std::array<char, 2>;

/// A few prefixes, in the order in which to try them.
class gpg_prefix_list {
  public:
    static constexpr std::size_t max_size = 4;
    [[nodiscard]] const gpg_prefix* begin() const noexcept { return prefixes_.data(); }
    [[nodiscard]] const gpg_prefix* end() const noexcept { return begin() + size_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void add(gpg_prefix prefix) noexcept {
        if (size_ < max_size) prefixes_[size_++] = prefix;
    }

  private:
    std::array<gpg_prefix, max_size> prefixes_{};
    std::size_t size_ = 0;
};

/// What may have been cut off `text`: `hQ` first, which is the prefix by the book, then those with
/// which an OpenPGP message of GnuPG's form begins. Senders of the 2.6 line cut two characters
/// whatever they are, and those are others for elliptic curves (`hF`) and RSA of 1024 bits (`hI`).
/// `text` may end in an HMAC: only its beginning, and one byte after the first key packet, are
/// looked at. Nothing is allocated.
[[nodiscard]] gpg_prefix_list possible_gpg_prefixes(std::string_view text) noexcept;

/// Whether `text` begins as some GPG message whose prefix was cut off does. What passes by chance
/// is one text in 256. Only what `possible_gpg_prefixes` looks at is looked at.
[[nodiscard]] bool may_be_gpg(std::string_view text) noexcept;

/// A GPG message taken out of its payload, and what it may be: GnuPG tries them in this order.
struct gpg_envelope {
    signed_text text;
    std::vector<std::vector<std::uint8_t>> messages; ///< at least one, binary
};

/// Authenticates `packet`, whichever prefix the sender cut off, and decodes it. Only messages with
/// which the HMAC is right come out: with an HMAC key that is never more than one. Errors:
/// `hmac_missing`, `hmac_mismatch`, `base64_malformed`.
[[nodiscard]] result<gpg_envelope> open_gpg_envelope(const candidate& packet, const hmac_key* hmac);

/// What the cipher gave back, decoded. Errors: `decryption_failed` if it does not begin as every
/// packet does, and everything about fields and messages.
[[nodiscard]] result<opened_packet> read_plaintext(std::string_view plain, cipher_kind kind,
                                                   const signed_text& text);

} // namespace fwknop
