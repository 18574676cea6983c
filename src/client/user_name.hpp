// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop::client {

/// The value of an environment variable, if it is set.
using variable_reader = std::function<std::optional<std::string>(std::string_view name)>;

/// The user name that goes into the packet (wire format, section 2). The first found wins: `given`
/// (option or rc file), $SPOOF_USER, $LOGNAME, `account` (the effective user's, if known), $USER,
/// "NO_USER". A variable that is set but empty is a problem, as is a name that no packet may hold.
/// Names from the environment or the account data base are cut to the 48 bytes that fit.
[[nodiscard]] checked<std::string> choose_user_name(const std::string& given,
                                                    const variable_reader& variable,
                                                    const std::optional<std::string>& account);

} // namespace fwknop::client
