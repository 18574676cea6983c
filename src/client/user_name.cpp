// SPDX-License-Identifier: Apache-2.0
#include "client/user_name.hpp"

#include <fwknop/message.hpp>

namespace fwknop::client {
namespace {

constexpr std::size_t max_user_size = max_user_base64 / 4 * 3;

checked<std::string> accept(std::string name, const std::string& where) {
    const auto allowed = check_user_name(name);
    if (allowed) return name;
    return failure("User name from " + where + " cannot be sent: " + allowed.error().message() +
                   ". Name another one with -U/--spoof-user.");
}

} // namespace

checked<std::string> choose_user_name(const std::string& given, const variable_reader& variable,
                                      const std::optional<std::string>& account) {
    if (!given.empty()) return accept(given, "-U/--spoof-user or SPOOF_USER");

    std::optional<problem> empty_variable;
    const auto from_variable = [&](const char* name) {
        auto value = variable(name);
        if (value && value->empty())
            empty_variable =
                failure("The environment variable " + std::string{name} +
                        " is set but empty: unset it, or name the user with -U/--spoof-user.");
        return value;
    };

    for (const auto* const name : {"SPOOF_USER", "LOGNAME"})
        if (const auto value = from_variable(name)) {
            if (empty_variable) return *empty_variable;
            return accept(value->substr(0, max_user_size), "$" + std::string{name});
        }
    if (account && !account->empty())
        return accept(account->substr(0, max_user_size), "the account data base");
    if (const auto value = from_variable("USER")) {
        if (empty_variable) return *empty_variable;
        return accept(value->substr(0, max_user_size), "$USER");
    }
    return std::string{"NO_USER"};
}

} // namespace fwknop::client
