// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"
#include "core/spa/key_material.hpp"

#include <iosfwd>

namespace fwknop::client {

/// New random keys of the lengths that the settings ask for.
[[nodiscard]] checked<key_material> make_keys(const settings& from);

/// --key-gen: prints new keys, or writes them to --key-gen-file. Returns the exit status.
[[nodiscard]] checked<int> generate_keys(const settings& from, std::ostream& out);

} // namespace fwknop::client
