// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>

namespace fwknop {

/// Opens a packet that the 2.6 line made and makes the same packet again, with every digest tried
/// once: a crypto library that lacks something (FIPS providers have no MD5, of which the wire
/// format derives keys) is found out before packets are silently refused. Takes less than a
/// millisecond, and pays for what the library sets up on first use.
/// Errors: `crypto_library_failed`, or whatever opening or sealing failed with.
[[nodiscard]] result<void> self_test();

} // namespace fwknop
