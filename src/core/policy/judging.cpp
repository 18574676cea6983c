// SPDX-License-Identifier: Apache-2.0
//
// The attacks this file answers: work for GnuPG, which is a thousand times that of an HMAC, asked
// for by anyone at all (the HMAC comes first, and what cannot be a GPG message never gets there);
// one packet that makes every stanza ask GnuPG the same (it is asked once); a message that anyone
// may encrypt to a public key (without an HMAC only an accepted signature authenticates).

#include "core/policy/judging.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {
namespace {

const hmac_key* hmac_of(const stanza& entry) noexcept {
    return entry.hmac ? &*entry.hmac : nullptr;
}

bool same_pass_phrase(const gpg_settings& a, const gpg_settings& b) noexcept {
    if (a.decrypt_password && b.decrypt_password) {
        return a.decrypt_password->equals(*b.decrypt_password);
    }
    return !a.decrypt_password && !b.decrypt_password;
}

refusal refusal_of(signature_verdict verdict) noexcept {
    switch (verdict) {
    case signature_verdict::missing:
        return refusal::signature_missing;
    case signature_verdict::untrusted:
        return refusal::signature_untrusted;
    case signature_verdict::wrong_signer:
        return refusal::wrong_signer;
    case signature_verdict::accepted:
    case signature_verdict::not_required:
    case signature_verdict::bad:
        break;
    }
    return refusal::signature_bad;
}

/// The reason why the signatures do not do; none: they do.
std::optional<refused> objection(const signature_judgement& judged, const gpg_settings& entry) {
    if (judged.verdict == signature_verdict::accepted ||
        judged.verdict == signature_verdict::not_required) {
        return std::nullopt;
    }
    refused why{.reason = refusal_of(judged.verdict), .detail = message_of(judged.verdict)};
    if (judged.signature == nullptr) return why;
    const gpg_signature& signature = *judged.signature;
    if (why.reason == refusal::signature_bad) {
        why.detail += std::string{": "} + message_of(signature.state) + " (signed by '" +
                      signature.fingerprint + "')";
    } else if (why.reason == refusal::wrong_signer) {
        const bool by_fingerprint =
            !entry.fingerprint_ids.empty() && !is_named(entry.fingerprint_ids, signature);
        why.required = by_fingerprint ? "GPG_FINGERPRINT_ID" : "GPG_REMOTE_ID";
        why.detail = by_fingerprint ? signature.fingerprint : signature.short_id();
    }
    return why;
}

// Thousands of stanzas do not fit the processor's cache: what the next one is held against is on
// its way while this one's HMAC is computed.
void fetch_ahead(const stanza& next) noexcept {
    constexpr std::ptrdiff_t cache_line = 64;
    const char* const end = reinterpret_cast<const char*>(&next.number);
    for (const char* at = reinterpret_cast<const char*>(&next); at < end; at += cache_line)
        __builtin_prefetch(at);
}

} // namespace

const attempt* verdict::granted() const noexcept {
    return attempts.empty() || !attempts.back().granted() ? nullptr : &attempts.back();
}

const access_decision* verdict::grant() const noexcept {
    return attempts.empty() ? nullptr : std::get_if<access_decision>(&attempts.back().outcome);
}

judging::judging(const std::vector<stanza>& stanzas, const stanza_index& index,
                 const server_config& server, bool check_age, const candidate& packet, arrival how)
    : stanzas_{&stanzas}
    , index_{&index}
    , server_{&server}
    , check_age_{check_age}
    , packet_{packet}
    , how_{how} {
    run(0);
}

// To the end, or to a question for GnuPG.
void judging::run(std::size_t from) {
    for (at_ = index_->next(how_.source, from); at_ < stanzas_->size();
         at_ = index_->next(how_.source, at_ + 1)) {
        if (at_ + 1 < stanzas_->size()) fetch_ahead((*stanzas_)[at_ + 1]);
        if (try_stanza(current()) || asked_) return;
    }
}

void judging::fail(const stanza& entry, decltype(attempt::outcome) why) {
    if (failures_++ < max_recorded_failures) out_.attempts.push_back({&entry, std::move(why)});
}

// True: the packet's way ends here.
bool judging::try_stanza(const stanza& entry) {
    if (!entry.matches(how_.source, how_.destination)) return false;
    if (entry.has_expired(how_.now)) {
        fail(entry, refused{.reason = refusal::stanza_expired});
        return false;
    }
    boost::system::error_code why = errc::decryption_failed; // no key of its can have made it
    if (entry.encryption && packet_.may_be_symmetric()) {
        auto symmetric = open_packet(packet_, *entry.encryption, hmac_of(entry));
        if (symmetric) {
            out_.packet = *std::move(symmetric);
            out_.by_gpg = false;
            out_.signature.reset();
            return judge_packet(entry);
        }
        why = symmetric.error();
    }
    return try_gpg(entry, why);
}

// `otherwise` is what to say if this is no packet for GnuPG.
bool judging::try_gpg(const stanza& entry, const boost::system::error_code& otherwise) {
    if (!entry.gpg.usable() || !may_be_gpg(packet_.payload())) {
        fail(entry, errc_of(otherwise));
        return false;
    }
    auto envelope = open_gpg_envelope(packet_, hmac_of(entry));
    if (!envelope) {
        fail(entry, errc_of(envelope.error()));
        return false;
    }
    envelope_ = *std::move(envelope);
    if (is_answered(entry)) return use_answer(entry);
    asked_ = true;
    return false;
}

bool judging::is_answered(const stanza& entry) const noexcept {
    if (!answer_) return false;
    const gpg_settings& then = answer_->by->gpg;
    return then.home_dir == entry.gpg.home_dir && then.program == entry.gpg.program &&
           same_pass_phrase(then, entry.gpg) && answer_->messages == envelope_->messages;
}

void judging::opened(secret_bytes plain, std::vector<gpg_signature> signatures) {
    answer_ = answer{.by = &current(),
                     .messages = envelope_->messages,
                     .plain = std::move(plain),
                     .signatures = std::move(signatures)};
    asked_ = false;
    if (!use_answer(current())) run(at_ + 1);
}

void judging::not_opened(errc why) {
    answer_ = answer{.by = &current(), .messages = envelope_->messages, .failure = why};
    asked_ = false;
    if (!use_answer(current())) run(at_ + 1);
}

bool judging::use_answer(const stanza& entry) {
    if (answer_->failure != errc{}) {
        fail(entry, answer_->failure);
        return false;
    }
    auto read = read_plaintext(answer_->plain.text(), cipher_kind::gpg, envelope_->text);
    if (!read) {
        fail(entry, errc_of(read.error()));
        return false;
    }
    const auto judged = judge_signatures(answer_->signatures, entry.gpg);
    auto why = objection(judged, entry.gpg);
    if (why && !entry.hmac) {
        // Anyone can encrypt to a public key: this is a stranger.
        fail(entry, *std::move(why));
        return false;
    }
    out_.packet = *std::move(read);
    out_.by_gpg = true;
    out_.signature.reset();
    if (judged.signature != nullptr) out_.signature = *judged.signature;
    bool done = false;
    if (why) {
        out_.opened_by = &entry;
        out_.attempts.push_back({&entry, *std::move(why)});
    } else {
        done = judge_packet(entry);
    }
    // The name of a signer that does not exist is only what the message claims.
    if (judged.signature != nullptr && judged.verdict != signature_verdict::bad &&
        judged.signature->state != signature_state::bad &&
        judged.signature->state != signature_state::key_missing) {
        out_.attempts.back().signer = judged.signature->fingerprint;
    }
    return done;
}

bool judging::judge_packet(const stanza& entry) {
    out_.opened_by = &entry;
    auto decided = decide(out_.packet->message, entry, *server_, how_.source, how_.destination,
                          how_.destination_port, how_.now, check_age_, how_.forwarded_for);
    const auto* const no = std::get_if<refused>(&decided);
    const bool done = no == nullptr || no->final;
    std::visit([&](auto& each) { out_.attempts.push_back({&entry, std::move(each)}); }, decided);
    return done;
}

} // namespace fwknop
