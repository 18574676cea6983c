// SPDX-License-Identifier: Apache-2.0
#include "client/surroundings.hpp"

#include "client/address_lookup.hpp"
#include "client/files.hpp"
#include "client/key_command.hpp"
#include "client/terminal.hpp"

#include <cstdlib>
#include <ctime>
#include <iostream>

#include <pwd.h>
#include <unistd.h>

namespace fwknop::client {
namespace {

std::optional<std::string> environment_variable(std::string_view name) {
    const char* const value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::optional<std::string> account_name() {
    const passwd* const account = ::getpwuid(::geteuid());
    return account == nullptr ? std::nullopt : std::optional<std::string>{account->pw_name};
}

bool confirm(std::string_view question) {
    std::cout << question << std::flush;
    const auto answer = read_secret_line(STDIN_FILENO);
    return answer && !answer->empty() && (answer->text()[0] == 'y' || answer->text()[0] == 'Y');
}

} // namespace

surroundings real_surroundings() {
    return {
        .variable = environment_variable,
        .now = [] { return static_cast<std::int64_t>(std::time(nullptr)); },
        .account = account_name(),
        .readers = {.file = [](const std::string& path) { return read_secret_file(path); },
                    .line = read_secret_line,
                    .prompt = prompt_secret,
                    .command = [](const std::string& command) { return run_key_command(command); }},
        .send = send_payload,
        .resolve = resolve_host,
        .find_address = fetch_address,
        .wait_for_door = wait_for_door,
        .confirm = confirm,
        .terminal = ::isatty(STDERR_FILENO) != 0,
        .out = std::cout,
        .err = std::cerr};
}

} // namespace fwknop::client
