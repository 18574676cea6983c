// SPDX-License-Identifier: Apache-2.0
#include "core/policy/gpg_signature.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

using namespace fwknop;

namespace {

const std::string subkey = "82C64DA9ED8C7F1CB049CAD6CD1A9423AB67C66D";
const std::string primary = "1DE7C03E72246DA82F98D94E9E03B887981F1CD0";
const std::string stranger = "30D685705EA759CDEF8FE20D307313D4A69FFDBC";

gpg_signature good_signature() {
    return {.fingerprint = subkey,
            .primary_fingerprint = primary,
            .state = signature_state::good,
            .validity = key_validity::full};
}

gpg_settings remote(std::vector<std::string> ids) {
    gpg_settings entry;
    entry.remote_ids = std::move(ids);
    return entry;
}

signature_verdict judged(const gpg_signature& signature, const gpg_settings& entry) {
    return judge_signatures({&signature, 1}, entry).verdict;
}

} // namespace

TEST_CASE("a signer is known by 8, 16 or 40 digits, of the subkey or of its primary key") {
    for (const auto& key : {subkey, primary}) {
        for (const std::size_t digits : {8U, 16U, 40U}) {
            const auto entry = remote({key.substr(40 - digits)});
            CHECK(judged(good_signature(), entry) == signature_verdict::accepted);
        }
    }
    CHECK(judged(good_signature(), remote({stranger, subkey.substr(32)})) ==
          signature_verdict::accepted);
    CHECK(judged(good_signature(), remote({stranger})) == signature_verdict::wrong_signer);
    CHECK(judged(good_signature(), remote({subkey.substr(0, 8)})) ==
          signature_verdict::wrong_signer);
    CHECK(judged(good_signature(), remote({""})) == signature_verdict::wrong_signer);
    CHECK(judged(good_signature(), remote({})) == signature_verdict::wrong_signer);
    CHECK(good_signature().short_id() == "AB67C66D");
    CHECK(gpg_signature{}.short_id().empty());
}

TEST_CASE("where ids and fingerprints are set, both must match") {
    auto entry = remote({subkey.substr(32)});
    entry.fingerprint_ids = {primary};
    CHECK(judged(good_signature(), entry) == signature_verdict::accepted);
    entry.fingerprint_ids = {stranger};
    CHECK(judged(good_signature(), entry) == signature_verdict::wrong_signer);
    entry.remote_ids = {stranger};
    entry.fingerprint_ids = {subkey};
    CHECK(judged(good_signature(), entry) == signature_verdict::wrong_signer);
    entry.remote_ids = {};
    CHECK(judged(good_signature(), entry) == signature_verdict::accepted);
}

TEST_CASE("state and validity of a signature, with and without leniency") {
    struct row {
        signature_state state;
        key_validity validity;
        signature_verdict strict, lenient;
    };
    using v = signature_verdict;
    for (const auto& [state, validity, strict, lenient] : std::vector<row>{
             {signature_state::good, key_validity::ultimate, v::accepted, v::accepted},
             {signature_state::good, key_validity::marginal, v::accepted, v::accepted},
             {signature_state::good, key_validity::never, v::untrusted, v::accepted},
             {signature_state::good, key_validity::undefined, v::untrusted, v::accepted},
             {signature_state::good, key_validity::unknown, v::untrusted, v::accepted},
             {signature_state::signature_expired, key_validity::full, v::bad, v::accepted},
             {signature_state::key_expired, key_validity::full, v::bad, v::accepted},
             {signature_state::key_revoked, key_validity::full, v::bad, v::bad},
             {signature_state::key_missing, key_validity::full, v::bad, v::bad},
             {signature_state::bad, key_validity::full, v::bad, v::bad},
             {signature_state::unverifiable, key_validity::full, v::bad, v::bad},
         }) {
        auto signature = good_signature();
        signature.state = state;
        signature.validity = validity;
        auto entry = remote({primary});
        CHECK(judged(signature, entry) == strict);
        entry.ignore_verify_error = true;
        CHECK(judged(signature, entry) == lenient);
    }
}

TEST_CASE("one acceptable signature of several suffices, and is told") {
    auto bad = good_signature();
    bad.state = signature_state::bad;
    auto other = good_signature();
    other.fingerprint = other.primary_fingerprint = stranger;
    const auto entry = remote({primary});
    const std::vector<gpg_signature> all{bad, other, good_signature()};
    const auto judgement = judge_signatures(all, entry);
    CHECK(judgement.verdict == signature_verdict::accepted);
    CHECK(judgement.signature == &all[2]);
    const std::vector<gpg_signature> none{other, bad};
    CHECK(judge_signatures(none, entry).verdict == signature_verdict::wrong_signer);
    CHECK(judge_signatures(none, entry).signature == &none[0]);
}

TEST_CASE("no signature is enough only where none is asked for") {
    auto entry = remote({primary});
    CHECK(judge_signatures({}, entry).verdict == signature_verdict::missing);
    CHECK(judge_signatures({}, entry).signature == nullptr);
    entry.ignore_verify_error = true;
    CHECK(judge_signatures({}, entry).verdict == signature_verdict::missing);
    entry.check_signature = false;
    CHECK(judge_signatures({}, entry).verdict == signature_verdict::not_required);
    CHECK(judged(good_signature(), entry) == signature_verdict::not_required);
    for (int each = 0; each <= static_cast<int>(signature_verdict::wrong_signer); ++each)
        CHECK(std::string{message_of(static_cast<signature_verdict>(each))} != "unknown verdict");
}

TEST_CASE("every state and verdict of a signature has a sentence of its own") {
    std::set<std::string> sentences;
    for (const auto state :
         {signature_state::good, signature_state::signature_expired, signature_state::key_expired,
          signature_state::key_revoked, signature_state::key_missing, signature_state::bad,
          signature_state::unverifiable})
        CHECK(sentences.insert(message_of(state)).second);
    for (const auto verdict :
         {signature_verdict::accepted, signature_verdict::not_required, signature_verdict::missing,
          signature_verdict::bad, signature_verdict::untrusted, signature_verdict::wrong_signer})
        CHECK(sentences.insert(message_of(verdict)).second);
    CHECK_FALSE(sentences.contains("unknown state"));
    CHECK_FALSE(sentences.contains("unknown verdict"));
}
