// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace fwknop {

/// A program that the daemon will have started, known when the daemon starts.
struct listed_program {
    std::string path;                ///< exactly
    std::string first_argument = {}; ///< exactly; empty: any arguments
};

} // namespace fwknop
