// SPDX-License-Identifier: Apache-2.0
//
// The attacks this file answers:
// - bytes without end: nothing is allocated, and no key is touched, before length, prefix and
//   alphabet are right; then the HMAC comes first, over the text, before any decoding;
// - one packet in two spellings, to slip past the replay table: put-back prefixes, '=' padding,
//   left-over base64 bits and wrong cipher padding are all refused.

#include "core/crypto/base64.hpp"
#include "core/crypto/cipher.hpp"
#include "core/crypto/digest.hpp"
#include "core/crypto/random.hpp"
#include "core/spa/fields.hpp"
#include "core/spa/gpg_framing.hpp"
#include "core/spa/text.hpp"

#include <fwknop/packet_steps.hpp>

#include <algorithm>
#include <utility>

namespace fwknop {

namespace {

/// base64 of `Salted__` as far as the salt does not reach into it: cut off before sending.
constexpr std::string_view rijndael_prefix = "U2FsdGVkX1";
/// The same for GPG. A shorter payload may begin with it by chance.
constexpr std::string_view hq_prefix = "hQ";

/// The last byte of `Salted__` leaves these four choices for the first character that is sent.
constexpr std::string_view symmetric_first = "89+/";

constexpr std::size_t max_text_size = rijndael_prefix.size() + max_payload_size;

/// The binary ciphertext of a symmetric packet, decoded into a buffer on the stack.
class ciphertext_buffer {
  public:
    // Error: `ciphertext_length`, also for a text that the encoder would have written otherwise.
    result<std::span<std::uint8_t>> decode(std::string_view text) {
        const auto prefix_end =
            std::copy(rijndael_prefix.begin(), rijndael_prefix.end(), characters_.begin());
        std::copy(text.begin(), text.end(), prefix_end);
        const auto decoded = crypto::base64_decode_strict(
            {characters_.data(), rijndael_prefix.size() + text.size()}, bytes_);
        if (!decoded || decoded->size() % crypto::cipher_block_size != 0) {
            return errc::ciphertext_length;
        }
        return *decoded;
    }

  private:
    std::array<char, max_text_size> characters_;
    std::array<std::uint8_t, crypto::base64_decoded_size(max_text_size)> bytes_;
};

// Every plain text begins with the random value and a separator: a wrong key shows here. GnuPG
// tells a wrong key itself; what it decrypted may still be something else.
bool begins_as_plaintext(std::string_view plain, cipher_kind kind) noexcept {
    if (kind == cipher_kind::gpg) {
        const std::size_t first = plain.find(':');
        return first != std::string_view::npos && first >= random_value_size;
    }
    return plain.size() > random_value_size && plain[random_value_size] == ':' &&
           std::all_of(plain.begin(), plain.begin() + random_value_size, is_digit);
}

std::string_view prefix_of(cipher_kind kind) noexcept {
    return kind == cipher_kind::gpg ? hq_prefix : rijndael_prefix;
}

} // namespace

bool candidate::may_be_symmetric() const noexcept {
    return symmetric_first.find(payload_.front()) != std::string_view::npos;
}

result<candidate> examine_payload(std::string_view payload) {
    if (payload.size() < min_payload_size) return errc::payload_too_short;
    if (payload.size() > max_payload_size) return errc::payload_too_long;
    if (payload.starts_with(rijndael_prefix)) return errc::payload_rijndael_prefix;
    if (payload.size() > min_gpg_payload_size && payload.starts_with(hq_prefix)) {
        return errc::payload_gpg_prefix;
    }
    if (!crypto::is_base64(payload)) return errc::payload_not_base64;
    return candidate{payload};
}

result<signed_text> authenticate_payload(const candidate& packet, std::string_view prefix,
                                         const hmac_key* hmac) {
    signed_text text{packet.payload(), {}};
    if (hmac == nullptr) return text;
    const std::size_t tag_size = digest_base64_size(hmac->type());
    if (text.ciphertext.size() <= tag_size) return errc::hmac_missing;
    text.hmac = text.ciphertext.substr(text.ciphertext.size() - tag_size);
    text.ciphertext.remove_suffix(tag_size);
    const auto verified = hmac->verify(prefix, text.ciphertext, text.hmac);
    if (!verified) return verified.error();
    return text;
}

result<gpg_envelope> open_gpg_envelope(const candidate& packet, const hmac_key* hmac) {
    gpg_envelope out;
    boost::system::error_code why;
    for (const gpg_prefix& each : possible_gpg_prefixes(packet.payload())) {
        const std::string_view prefix{each.data(), each.size()};
        const auto text = authenticate_payload(packet, prefix, hmac);
        if (!text) {
            why = text.error();
            continue;
        }
        const std::string whole = std::string{prefix} += text->ciphertext;
        std::vector<std::uint8_t> message(crypto::base64_decoded_size(whole.size()));
        const auto decoded = crypto::base64_decode_strict(whole, message);
        if (!decoded) return decoded.error();
        out.text = *text;
        out.messages.push_back(std::move(message));
    }
    if (out.messages.empty()) return why;
    return out;
}

result<opened_packet> read_plaintext(std::string_view plain, cipher_kind kind,
                                     const signed_text& text) {
    if (!begins_as_plaintext(plain, kind)) return errc::decryption_failed;
    auto decoded = decode_plaintext(plain);
    if (!decoded) return decoded.error();
    return opened_packet{.message = std::move(decoded->message),
                         .digest = decoded->digest,
                         .encoded = std::string{decoded->encoded},
                         .digest_text = std::string{decoded->digest_text},
                         .hmac_text = std::string{text.hmac},
                         .ciphertext = std::string{text.ciphertext}};
}

result<opened_packet> open_packet(const candidate& packet, const encryption_key& key,
                                  const hmac_key* hmac) {
    const auto text = authenticate_payload(packet, rijndael_prefix, hmac);
    if (!text) return text.error();
    ciphertext_buffer buffer;
    const auto salted = buffer.decode(text->ciphertext);
    if (!salted) return salted.error();
    const auto decrypted = crypto::decrypt(key, *salted);
    if (!decrypted) return decrypted.error();
    return read_plaintext({reinterpret_cast<const char*>(decrypted->data()), decrypted->size()},
                          cipher_kind::symmetric, *text);
}

seal_nonce seal_nonce::generate() {
    seal_nonce out;
    out.random_value = crypto::random_digits(random_value_size);
    crypto::fill_random(out.salt);
    return out;
}

result<composed_packet> compose_packet(message fields, digest_type digest,
                                       std::string_view random_value) {
    fields.random_value = random_value;
    auto encoded = encode_fields(fields);
    if (!encoded) return encoded.error();
    auto digest_text = digest_fields(*encoded, digest);
    if (!digest_text) return digest_text.error();
    return composed_packet{.message = std::move(fields),
                           .digest = digest,
                           .encoded = *std::move(encoded),
                           .digest_text = *std::move(digest_text)};
}

result<sealed_packet> finish_packet(composed_packet packet, cipher_kind kind,
                                    std::span<const std::uint8_t> ciphertext,
                                    const hmac_key* hmac) {
    std::string text;
    if (kind == cipher_kind::gpg) {
        const auto framed = frame_for_hq_prefix(ciphertext);
        if (!framed) return framed.error();
        text = crypto::base64_encode(*framed);
    } else {
        text = crypto::base64_encode(ciphertext);
    }
    const std::string_view prefix = prefix_of(kind);
    text.erase(0, prefix.size());

    std::string hmac_text;
    if (hmac != nullptr) {
        auto tag = hmac->sign(prefix, text);
        if (!tag) return tag.error();
        hmac_text = *std::move(tag);
    }
    std::string payload = text + hmac_text;
    if (payload.size() > max_payload_size) return errc::payload_too_long;
    return sealed_packet{.contents = {.message = std::move(packet.message),
                                      .digest = packet.digest,
                                      .encoded = std::move(packet.encoded),
                                      .digest_text = std::move(packet.digest_text),
                                      .hmac_text = std::move(hmac_text),
                                      .ciphertext = std::move(text)},
                         .payload = std::move(payload)};
}

result<sealed_packet> seal_packet(message fields, digest_type digest, const encryption_key& key,
                                  const hmac_key* hmac, const seal_nonce& nonce) {
    auto composed = compose_packet(std::move(fields), digest, nonce.random_value);
    if (!composed) return composed.error();
    const std::string plain = composed->plain();
    const auto salted = crypto::encrypt(
        key, nonce.salt, {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    if (!salted) return salted.error();
    return finish_packet(*std::move(composed), cipher_kind::symmetric, *salted, hmac);
}

result<packet_id> identify_payload(std::string_view payload) {
    const auto digest = crypto::compute_digest(digest_type::sha256, payload);
    if (!digest) return digest.error();
    packet_id id{};
    std::copy(digest->bytes().begin(), digest->bytes().end(), id.begin());
    return id;
}

} // namespace fwknop
