// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// Completion scripts for the shells, made from the table of options so that they never lag behind
// it. Pure. Stanzas are asked of the program itself, and only where there is an rc file: completing
// creates none.

namespace fwknop::client {

[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();
[[nodiscard]] std::string fish_completion();

} // namespace fwknop::client
