// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace fwknop::daemon {

/// `fwknopd` with the arguments after its name. Returns the exit status; throws std::exception,
/// whose text is for standard error, when the start fails.
int run(const std::vector<std::string>& arguments);

} // namespace fwknop::daemon
