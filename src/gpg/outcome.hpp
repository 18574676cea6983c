// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace fwknop::gpg {

/// What stands in the way. The first four do not depend on the message: an administrator mends
/// them.
enum class failure_kind : std::uint8_t {
    program,       ///< no gpg, or none that runs
    home,          ///< no home directory, or one that we may not use
    agent,         ///< no gpg-agent
    pass_phrase,   ///< wrong, missing, or nobody to ask for it
    key_missing,   ///< no such key
    key_ambiguous, ///< more than one such key
    key_unusable,  ///< expired, revoked, disabled, or not made for this
    secret_key,    ///< the message is for none of our secret keys
    message,       ///< not an OpenPGP message, damaged, or too long
    internal,      ///< GPGME or the machine refused
};

/// Why an operation gave nothing, in a sentence for an administrator, without a final stop. Never
/// holds a pass phrase or decrypted text.
struct failure {
    failure() = default;
    failure(failure_kind what, std::string sentence) : kind{what}, text{std::move(sentence)} {}

    failure_kind kind = failure_kind::internal;
    std::string text;
};

/// A value, or a failure.
template <class T>
using outcome = boost::system::result<T, failure>;

} // namespace fwknop::gpg
