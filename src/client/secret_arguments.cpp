// SPDX-License-Identifier: Apache-2.0
#include "client/secret_arguments.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fwknop::client {
namespace {

/// No user types this: a control character begins it.
constexpr std::string_view placeholder = "\x01secret:";

bool names_secret(std::string_view name, std::span<const std::string_view> secret_names,
                  std::span<const std::string_view> all_names) {
    const auto begins = [&](std::string_view secret) { return secret.starts_with(name); };
    const auto is_secret = [&](std::string_view other) {
        return std::find(secret_names.begin(), secret_names.end(), other) != secret_names.end();
    };
    // A prefix shared with other options is ambiguous and refused later; hiding what follows is
    // right all the same. A full name of another option is that option.
    const auto is_another = [&](std::string_view other) {
        return other == name && !is_secret(other);
    };
    return !name.empty() && std::any_of(secret_names.begin(), secret_names.end(), begins) &&
           std::none_of(all_names.begin(), all_names.end(), is_another);
}

std::string hide(std::vector<secret_bytes>& secrets, char* value) {
    const std::string_view text{value};
    secrets.push_back(secret_bytes::from_text(text));
    std::memset(value, 'x', text.size());
    return std::string{placeholder} + std::to_string(secrets.size() - 1);
}

} // namespace

const secret_bytes* screened_arguments::secret_of(std::string_view argument) const {
    if (!argument.starts_with(placeholder)) return nullptr;
    argument.remove_prefix(placeholder.size());
    std::size_t index = 0;
    const auto* const end = argument.data() + argument.size();
    const auto [rest, error] = std::from_chars(argument.data(), end, index);
    return error == std::errc{} && rest == end && index < secrets.size() ? &secrets[index]
                                                                         : nullptr;
}

std::vector<std::string> screened_arguments::without_secrets() const {
    std::vector<std::string> kept;
    for (const auto& argument : arguments) {
        if (argument.starts_with(placeholder)) {
            if (!kept.empty()) kept.pop_back(); // its option
        } else if (argument.find(placeholder) == std::string::npos) {
            kept.push_back(argument);
        }
    }
    return kept;
}

screened_arguments screen_arguments(std::span<char* const> argv,
                                    std::span<const std::string_view> secret_names,
                                    std::span<const std::string_view> all_names) {
    screened_arguments screened;
    bool value_follows = false;
    bool options_ended = false;
    for (char* const argument : argv.subspan(std::min<std::size_t>(argv.size(), 1))) {
        std::string_view text{argument};
        if (value_follows) {
            screened.arguments.push_back(hide(screened.secrets, argument));
            value_follows = false;
            continue;
        }
        options_ended = options_ended || text == "--";
        if (options_ended || !text.starts_with("--")) {
            screened.arguments.emplace_back(text);
            continue;
        }
        const auto equals = text.find('=');
        const auto name = text.substr(2, equals == text.npos ? text.npos : equals - 2);
        if (!names_secret(name, secret_names, all_names)) {
            screened.arguments.emplace_back(text);
        } else if (equals == text.npos) {
            screened.arguments.emplace_back(text);
            value_follows = true;
        } else {
            std::string option{text.substr(0, equals + 1)};
            screened.arguments.push_back(option + hide(screened.secrets, argument + equals + 1));
        }
    }
    return screened;
}

} // namespace fwknop::client
