// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/context.hpp"
#include "gpg/outcome.hpp"

#include <memory>
#include <string>
#include <type_traits>

#include <gpgme.h>

// Keys by name. For src/gpg alone.

namespace fwknop::gpg {

struct key_release {
    void operator()(gpgme_key_t key) const noexcept { ::gpgme_key_unref(key); }
};
using key_handle = std::unique_ptr<std::remove_pointer_t<gpgme_key_t>, key_release>;

enum class key_use {
    encrypt,
    sign
};

/// The one key called `name` that can do what it is for. Where several have the name, those that
/// have expired or are otherwise out of use do not count. Failures: `key_missing`,
/// `key_ambiguous`, `key_unusable`, `agent`, `internal`.
[[nodiscard]] outcome<key_handle> find_key(const context& in, const std::string& name, key_use use);

} // namespace fwknop::gpg
