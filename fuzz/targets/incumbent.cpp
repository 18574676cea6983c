// SPDX-License-Identifier: Apache-2.0
//
// The same packet for our decoder and for the library of the 2.6 line. Four bytes choose the mode,
// the HMAC, how deep the rest goes, and the inner digest: it is a payload; the plain text of one
// that is sealed by the book; the fields, whose digest is made right as well; or such a payload
// with one character of it exchanged, before or after it is signed.
#include "core/crypto/base64.hpp"
#include "core/crypto/cipher.hpp"
#include "core/spa/fields.hpp"
#include "fuzz.hpp"
#include "incumbent/difference.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

using namespace fwknop;

namespace {

constexpr std::string_view pass_phrase = "opensesame";
constexpr std::string_view signing_key = "knockknock";
constexpr std::string_view cut_prefix = "U2FsdGVkX1";
constexpr std::array modes{encryption_mode::cbc, encryption_mode::ecb, encryption_mode::cfb,
                           encryption_mode::ofb, encryption_mode::ctr, encryption_mode::legacy};

const encryption_key& key_of(encryption_mode mode) {
    static const auto all = [] {
        std::array<encryption_key, modes.size()> made;
        for (std::size_t i = 0; i < modes.size(); ++i)
            made[i] = {secret_bytes::from_text(pass_phrase), modes[i]};
        return made;
    }();
    for (const auto& each : all)
        if (each.mode == mode) return each;
    std::abort();
}

const hmac_key& signer_of(digest_type type) {
    static const auto all = [] {
        std::vector<hmac_key> made;
        for (const digest_type each : all_digest_types)
            made.push_back(hmac_key::make(each, secret_bytes::from_text(signing_key)).value());
        return made;
    }();
    return all[static_cast<std::size_t>(type) - 1];
}

/// What is put in place of one character, and where.
struct exchange {
    std::size_t at = 0;
    char with = 0;
    bool before_signing = false;
};

std::string seal_text(std::string_view plain, const fuzz::opening& how, const exchange* change) {
    constexpr std::array<std::uint8_t, crypto::salt_size> salt{1, 2, 3, 4, 5, 6, 7, 8};
    const auto salted =
        crypto::encrypt(key_of(how.mode), salt,
                        {reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size()});
    std::string text = crypto::base64_encode(salted.value()).substr(cut_prefix.size());
    if (change != nullptr && change->before_signing) text[change->at % text.size()] = change->with;
    if (!how.hmac_key.empty()) text += signer_of(how.hmac).sign(cut_prefix, text).value();
    if (change != nullptr && !change->before_signing) text[change->at % text.size()] = change->with;
    return text;
}

// For the explanation only: whatever there is, not authenticated.
std::string decrypt_text(std::string_view payload, const fuzz::opening& how) {
    if (!how.hmac_key.empty()) {
        const std::size_t tag = digest_base64_size(how.hmac);
        payload = payload.substr(0, payload.size() - std::min(tag, payload.size()));
    }
    auto salted = crypto::base64_decode(std::string{cut_prefix}.append(payload));
    if (!salted) return {};
    const auto plain = crypto::decrypt(
        key_of(how.mode), {reinterpret_cast<std::uint8_t*>(salted->data()), salted->size()});
    return plain ? std::string{plain->begin(), plain->end()} : std::string{};
}

std::set<std::string_view>& differences_met() {
    static std::set<std::string_view> names;
    return names;
}

void compare(std::string_view payload, const fuzz::opening& how) {
    // The library takes strings that a zero ends; both daemons look at lengths before.
    if (payload.size() > max_payload_size || payload.find('\0') != payload.npos) return;
    const auto theirs = fuzz::ask_incumbent(payload, how);
    if (!theirs) return;
    const auto examined = examine_payload(payload);
    const hmac_key* const hmac = how.hmac_key.empty() ? nullptr : &signer_of(how.hmac);
    const fuzz::comparison both{payload, how, decrypt_text(payload, how),
                                examined ? open_packet(*examined, key_of(how.mode), hmac)
                                         : result<opened_packet>{examined.error()},
                                *theirs};
    if (fuzz::agree(both)) return;
    if (const auto known = fuzz::known_difference(both)) {
        differences_met().insert(*known);
        return;
    }
    std::fprintf(stderr, "we disagree, and nobody knows why:\n%s", fuzz::describe(both).c_str());
    std::abort();
}

} // namespace

// Each difference that is explained has its example.
extern "C" bool corpus_is_complete() {
    bool complete = true;
    for (const std::string_view each : fuzz::all_known_differences()) {
        if (differences_met().contains(each)) continue;
        std::fprintf(stderr, "the corpus has no packet for %s\n", std::string{each}.c_str());
        complete = false;
    }
    return complete;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 6) return 0;
    fuzz::opening how{.pass_phrase = pass_phrase, .mode = modes[data[0] % modes.size()]};
    if (const unsigned type = data[1] % (all_digest_types.size() + 1); type != 0) {
        how.hmac_key = signing_key;
        how.hmac = static_cast<digest_type>(type);
    }
    const digest_type digest = all_digest_types[data[3] % all_digest_types.size()];
    std::string_view rest = fuzz::text_of(data + 4, size - 4);
    switch (data[2] % 4) {
    case 0:
        compare(rest, how);
        break;
    case 1:
        compare(seal_text(rest, how, nullptr), how);
        break;
    default: {
        const bool changed = data[2] % 4 == 3;
        exchange change{0, 0, data[3] >= 128};
        if (changed) {
            const auto* const end =
                reinterpret_cast<const std::uint8_t*>(rest.data() + rest.size());
            change.at = static_cast<std::size_t>(end[-2]) * 3;
            change.with = static_cast<char>(end[-1]);
            rest.remove_suffix(2);
        }
        const std::string fields{rest};
        compare(seal_text(fields + ':' + digest_fields(fields, digest).value(), how,
                          changed ? &change : nullptr),
                how);
    }
    }
    return 0;
}
