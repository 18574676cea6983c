// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>

#include <string>
#include <utility>

namespace fwknop::client {

/// What is wrong with something the user gave, in words for that user. Never holds key material.
struct problem {
    /// Not an aggregate: one could be made from a string alone, and `checked<std::string>` could
    /// not tell a value from a problem.
    problem() = default;
    problem(std::string words, bool whole) : text{std::move(words)}, complete{whole} {}

    std::string text;

    /// The text is a whole sentence of its own (often one that scripts know by heart); otherwise
    /// the reporter puts the option's or directive's name before it.
    bool complete = false;
};

/// A value, or what the user did wrong. (Errors of packets and keys are `fwknop::errc`.)
template <class T>
using checked = boost::system::result<T, problem>;

/// `text` follows the name of the option: "must be within [0-65535]".
[[nodiscard]] inline problem misuse(std::string text) {
    return {std::move(text), false};
}

/// `text` stands alone.
[[nodiscard]] inline problem failure(std::string text) {
    return {std::move(text), true};
}

} // namespace fwknop::client
