// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/options.hpp"

namespace fwknop::daemon {

/// --key-gen: prints two new random keys, or writes them to --key-gen-file, readable by its owner
/// only. Returns the exit status. Throws std::runtime_error with a line for the administrator: a
/// length or a digest type that does not exist, a file that cannot be written.
int generate_keys(const options& given);

} // namespace fwknop::daemon
