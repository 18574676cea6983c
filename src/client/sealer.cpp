// SPDX-License-Identifier: Apache-2.0
#include "client/sealer.hpp"

#include "gpg/decrypt.hpp"
#include "gpg/encrypt.hpp"

#include <fwknop/packet_steps.hpp>

#include <utility>

namespace fwknop::client {
namespace {

problem gpg_problem(const gpg::failure& why) {
    return failure("fwknop: GPG: " + why.text);
}

/// The part of the field list that says with which GPG it was done.
gpg_report report_of(const gpg::engine& engine) {
    auto used = engine.resolved();
    gpg_report report;
    report.home = std::move(used.home);
    report.program = std::move(used.program);
    return report;
}

problem too_long(std::size_t size) {
    return failure("fwknop: the GPG packet would have about " + std::to_string(size) +
                   " characters, and a packet can have " + std::to_string(max_payload_size) +
                   ": encrypt to, or sign with, a smaller key (RSA 3072, or an elliptic curve).");
}

} // namespace

checked<sealer> sealer::make(const settings& from, keys got) {
    sealer made{from, {std::move(got.encryption), from.effective_mode()}, std::move(got.phrase)};
    if (!got.hmac) return made;
    auto hmac = hmac_key::make(from.effective_hmac_digest(), *got.hmac);
    if (!hmac) return failure("fwknop: HMAC key: " + hmac.error().message());
    made.hmac_ = std::move(*hmac);
    return made;
}

checked<sealed_packet> sealer::seal(message fields) const {
    if (from_->use_gpg) return seal_with_gpg(std::move(fields));
    auto sealed =
        seal_packet(std::move(fields), from_->digest, key_, hmac(), seal_nonce::generate());
    if (sealed) return std::move(*sealed);
    return failure("fwknop: cannot make a packet: " + sealed.error().message());
}

checked<sealed_packet> sealer::seal_with_gpg(message fields) const {
    auto composed =
        compose_packet(std::move(fields), from_->digest, seal_nonce::generate().random_value);
    if (!composed) return failure("fwknop: cannot make a packet: " + composed.error().message());
    const auto encrypted = gpg::encrypt(engine(), {from_->gpg_recipient, from_->gpg_signer},
                                        phrase_, composed->plain());
    if (!encrypted) return gpg_problem(encrypted.error());
    auto sealed = finish_packet(std::move(*composed), cipher_kind::gpg, *encrypted, hmac());
    if (sealed) return std::move(*sealed);
    if (errc_of(sealed.error()) == errc::payload_too_long)
        return too_long((encrypted->size() * 4 + 2) / 3 - 2 +
                        (hmac_ ? digest_base64_size(hmac_->type()) : 0));
    return failure("fwknop: cannot make a packet: " + sealed.error().message() +
                   "; gpg.conf must not hold 'armor'");
}

std::string sealer::warnings(const sealed_packet& sealed) const {
    const auto size = sealed.payload.size();
    const auto limit = std::to_string(min_gpg_payload_size);
    std::string lines;
    if (!from_->use_gpg) {
        if (size >= min_gpg_payload_size)
            lines += "[-] WARNING: the packet has " + std::to_string(size) +
                     " characters: servers of the 2.6 line refuse " + limit +
                     " and more. Ask for fewer ports.\n";
        return lines;
    }
    if (from_->gpg_signer.empty())
        lines += "[-] WARNING: the packet is not signed: servers refuse it unless they do not ask "
                 "for signatures. Use --gpg-signer-key.\n";
    if (size < min_gpg_payload_size)
        lines += "[-] WARNING: the GPG packet has " + std::to_string(size) +
                 " characters: servers of the 2.6 line take fewer than " + limit +
                 " for a symmetric one, and refuse it. Sign it, or use a larger key.\n";
    return lines;
}

checked<reopened_packet> sealer::open(const sealed_packet& sealed) const {
    const auto candidate = examine_payload(sealed.payload);
    if (!candidate)
        return failure("fwknop: servers refuse this packet: " + candidate.error().message());
    if (from_->use_gpg) return open_with_gpg(*candidate);
    auto opened = open_packet(*candidate, key_, hmac());
    if (!opened)
        return failure("fwknop: the packet cannot be decrypted: " + opened.error().message());
    return reopened_packet{std::move(*opened), {}};
}

checked<reopened_packet> sealer::open_with_gpg(const candidate& packet) const {
    const auto not_opened = [](const std::string& why) {
        return failure("fwknop: the packet cannot be decrypted: " + why +
                       "\nNo access to recipient private key?");
    };
    const auto envelope = open_gpg_envelope(packet, hmac());
    if (!envelope) return not_opened(envelope.error().message());
    const auto inside = gpg::decrypt(engine(), phrase_, envelope->messages.front());
    if (!inside) return not_opened(inside.error().text);
    if (inside->signatures.empty())
        return failure("fwknop: " + std::string{message_of(signature_verdict::missing)} +
                       ": servers ask for one; use --gpg-signer-key");
    const auto& signature = inside->signatures.front();
    if (signature.state != signature_state::good)
        return failure("fwknop: " + std::string{message_of(signature_verdict::bad)});
    auto opened = read_plaintext(inside->plain.text(), cipher_kind::gpg, envelope->text);
    if (!opened) return not_opened(opened.error().message());
    auto report = report_of(engine());
    report.signature_id = signature.short_id();
    report.fingerprint = signature.fingerprint;
    report.summary = static_cast<int>(signature.summary);
    report.status = static_cast<int>(signature.status);
    return reopened_packet{std::move(*opened), std::move(report)};
}

std::string sealer::describe(const opened_packet& packet, std::string_view payload,
                             const gpg_report* gpg) const {
    const auto type = hmac_ ? std::optional{hmac_->type()} : std::nullopt;
    return describe_packet(packet, from_->effective_mode(), type, payload, gpg);
}

std::string sealer::describe(const sealed_packet& sealed) const {
    if (!from_->use_gpg) return describe(sealed.contents, sealed.payload, nullptr);
    auto report = report_of(engine());
    report.recipient = from_->gpg_recipient;
    if (!from_->gpg_signer.empty()) report.signer = from_->gpg_signer;
    return describe(sealed.contents, sealed.payload, &report);
}

std::string sealer::describe(const reopened_packet& opened) const {
    return describe(opened.contents, opened.contents.ciphertext,
                    opened.gpg ? &*opened.gpg : nullptr);
}

} // namespace fwknop::client
