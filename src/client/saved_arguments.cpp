// SPDX-License-Identifier: Apache-2.0
#include "client/saved_arguments.hpp"

#include <iomanip>
#include <sstream>

namespace fwknop::client {

std::string format_arguments(std::span<const std::string> arguments) {
    std::ostringstream line;
    line << "fwknop";
    for (const auto& argument : arguments) {
        line << ' ';
        if (argument.empty() || argument.find_first_of(" \t\r\n\v\f\"\\") != std::string::npos)
            line << std::quoted(argument);
        else
            line << argument;
    }
    return line.str();
}

std::vector<std::string> parse_arguments(std::string_view text) {
    std::istringstream words{std::string{text}};
    std::vector<std::string> arguments;
    for (std::string word; words >> std::quoted(word);) arguments.push_back(word);
    if (!arguments.empty()) arguments.erase(arguments.begin());
    return arguments;
}

} // namespace fwknop::client
