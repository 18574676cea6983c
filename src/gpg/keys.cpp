// SPDX-License-Identifier: Apache-2.0
#include "gpg/keys.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace fwknop::gpg {
namespace {

/// A name like "a" matches half a keyring: what is beyond does not make it less ambiguous.
constexpr std::size_t max_keys = 8;

const char* role_of(key_use use) {
    return use == key_use::sign ? "signer" : "recipient";
}

outcome<std::vector<key_handle>> list_keys(const context& in, const std::string& name,
                                           bool secret) {
    std::vector<key_handle> found;
    auto error = ::gpgme_op_keylist_start(in.get(), name.c_str(), secret ? 1 : 0);
    while (error == 0 && found.size() < max_keys) {
        gpgme_key_t next = nullptr;
        error = ::gpgme_op_keylist_next(in.get(), &next);
        if (error == 0) found.emplace_back(next);
    }
    ::gpgme_op_keylist_end(in.get());
    const auto code = ::gpgme_err_code(error);
    if (error == 0 || code == GPG_ERR_EOF || code == GPG_ERR_NO_PUBKEY ||
        code == GPG_ERR_NO_SECKEY || code == GPG_ERR_NOT_FOUND)
        return found;
    return explain(error, "cannot look for the key '" + name + "'", in);
}

/// What keeps `key` from its use; empty: nothing.
std::string obstacle(const key_handle& key, key_use use) {
    if (key->revoked != 0) return "has been revoked";
    if (key->expired != 0) return "has expired";
    if (key->disabled != 0) return "is disabled";
    if (key->invalid != 0) return "is invalid";
    if (use == key_use::encrypt && key->can_encrypt == 0)
        return "has no part that encrypts: it has expired, or gpg --quick-add-key makes one";
    if (use == key_use::sign && key->can_sign == 0)
        return "has no part that signs: it has expired, or gpg --quick-add-key makes one";
    return {};
}

std::string fingerprint(const key_handle& key) {
    return key->fpr == nullptr ? "?" : key->fpr;
}

failure no_such_key(const context& in, const std::string& name, key_use use) {
    const std::string text = "The key for the given " + std::string{role_of(use)} +
                             " was not found: '" + name + "' in '" + in.with().home + "'";
    return {failure_kind::key_missing,
            use == key_use::sign ? text : text + "; gpg --import takes the server's public key"};
}

} // namespace

outcome<key_handle> find_key(const context& in, const std::string& name, key_use use) {
    // GnuPG takes an empty name for all keys.
    if (name.empty())
        return failure{failure_kind::key_missing,
                       "no " + std::string{role_of(use)} + " key was named"};
    auto found = list_keys(in, name, use == key_use::sign);
    if (!found) return found.error();
    // Without an agent no key is secret: the attempt to sign tells why.
    if (found->empty() && use == key_use::sign) found = list_keys(in, name, false);
    if (!found) return found.error();
    if (found->empty()) return no_such_key(in, name, use);
    const auto usable_end =
        std::stable_partition(found->begin(), found->end(),
                              [&](const key_handle& key) { return obstacle(key, use).empty(); });
    const auto usable = usable_end - found->begin();
    if (usable == 1) return std::move(found->front());
    if (usable == 0)
        return failure{failure_kind::key_unusable,
                       "the key of the " + std::string{role_of(use)} + " '" + name + "' (" +
                           fingerprint(found->front()) + ") " + obstacle(found->front(), use)};
    std::string list;
    std::for_each(found->begin(), usable_end,
                  [&list](const key_handle& key) { list += ' ' + fingerprint(key); });
    return failure{failure_kind::key_ambiguous, "Ambiguous name/id for the " +
                                                    std::string{role_of(use)} +
                                                    " key (multiple matches): '" + name +
                                                    "' names" + list + "; use one of these"};
}

} // namespace fwknop::gpg
