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
#include "core/spa/text.hpp"

#include <fwknop/packet.hpp>

#include <algorithm>
#include <utility>

namespace fwknop {

namespace {

/// base64 of `Salted__` as far as the salt does not reach into it: cut off before sending.
constexpr std::string_view rijndael_prefix = "U2FsdGVkX1";
/// The same for GPG. A shorter payload may begin with it by chance.
constexpr std::string_view gpg_prefix = "hQ";

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

// Every plain text begins with the random value and a separator: a wrong key shows here.
bool begins_as_plaintext(std::string_view plain) noexcept {
    return plain.size() > random_value_size && plain[random_value_size] == ':' &&
           std::all_of(plain.begin(), plain.begin() + random_value_size, is_digit);
}

} // namespace

bool candidate::may_be_symmetric() const noexcept {
    return symmetric_first.find(payload_.front()) != std::string_view::npos;
}

result<candidate> examine_payload(std::string_view payload) {
    if (payload.size() < min_payload_size) return errc::payload_too_short;
    if (payload.size() > max_payload_size) return errc::payload_too_long;
    if (payload.starts_with(rijndael_prefix)) return errc::payload_rijndael_prefix;
    if (payload.size() > min_gpg_payload_size && payload.starts_with(gpg_prefix)) {
        return errc::payload_gpg_prefix;
    }
    if (!crypto::is_base64(payload)) return errc::payload_not_base64;
    return candidate{payload};
}

result<opened_packet> open_packet(const candidate& packet, const encryption_key& key,
                                  const hmac_key* hmac) {
    std::string_view ciphertext = packet.payload();
    std::string_view tag;
    if (hmac != nullptr) {
        const std::size_t tag_size = digest_base64_size(hmac->type());
        if (ciphertext.size() <= tag_size) return errc::hmac_missing;
        tag = ciphertext.substr(ciphertext.size() - tag_size);
        ciphertext.remove_suffix(tag_size);
        const auto verified = hmac->verify(rijndael_prefix, ciphertext, tag);
        if (!verified) return verified.error();
    }

    ciphertext_buffer buffer;
    const auto salted = buffer.decode(ciphertext);
    if (!salted) return salted.error();
    const auto decrypted = crypto::decrypt(key, *salted);
    if (!decrypted) return decrypted.error();

    const std::string_view plain{reinterpret_cast<const char*>(decrypted->data()),
                                 decrypted->size()};
    if (!begins_as_plaintext(plain)) return errc::decryption_failed;
    auto decoded = decode_plaintext(plain);
    if (!decoded) return decoded.error();

    return opened_packet{.message = std::move(decoded->message),
                         .digest = decoded->digest,
                         .encoded = std::string{decoded->encoded},
                         .digest_text = std::string{decoded->digest_text},
                         .hmac_text = std::string{tag},
                         .ciphertext = std::string{ciphertext}};
}

seal_nonce seal_nonce::generate() {
    seal_nonce out;
    out.random_value = crypto::random_digits(random_value_size);
    crypto::fill_random(out.salt);
    return out;
}

result<sealed_packet> seal_packet(message fields, digest_type digest, const encryption_key& key,
                                  const hmac_key* hmac, const seal_nonce& nonce) {
    fields.random_value = nonce.random_value;
    auto encoded = encode_fields(fields);
    if (!encoded) return encoded.error();
    auto digest_text = digest_fields(*encoded, digest);
    if (!digest_text) return digest_text.error();

    const std::string plain = *encoded + ':' + *digest_text;
    const auto salted = crypto::encrypt(
        key, nonce.salt, {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    if (!salted) return salted.error();
    std::string ciphertext = crypto::base64_encode(*salted).substr(rijndael_prefix.size());

    std::string hmac_text;
    if (hmac != nullptr) {
        auto tag = hmac->sign(rijndael_prefix, ciphertext);
        if (!tag) return tag.error();
        hmac_text = *std::move(tag);
    }
    std::string payload = ciphertext + hmac_text;
    if (payload.size() > max_payload_size) return errc::payload_too_long;
    return sealed_packet{.contents = {.message = std::move(fields),
                                      .digest = digest,
                                      .encoded = *std::move(encoded),
                                      .digest_text = *std::move(digest_text),
                                      .hmac_text = std::move(hmac_text),
                                      .ciphertext = std::move(ciphertext)},
                         .payload = std::move(payload)};
}

result<packet_id> identify_payload(std::string_view payload) {
    const auto digest = crypto::compute_digest(digest_type::sha256, payload);
    if (!digest) return digest.error();
    packet_id id{};
    std::copy(digest->bytes().begin(), digest->bytes().end(), id.begin());
    return id;
}

} // namespace fwknop
