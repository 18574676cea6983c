// SPDX-License-Identifier: Apache-2.0
#include "client/completion.hpp"
#include "client/options.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop::client;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("every option is completed by every shell") {
    const auto bash = bash_completion();
    const auto zsh = zsh_completion();
    const auto fish = fish_completion();
    for (const auto& row : option_table()) {
        const std::string name{row.name};
        INFO(name);
        const std::string letter = row.letter != 0 ? std::string{row.letter} : "";
        const std::string both = letter.empty() ? "--" + name : "-" + letter + " --" + name;
        CHECK((has(bash, both + " ") || has(bash, both + "'")));
        CHECK(has(zsh, letter.empty() ? "'--" + name : "{-" + letter + ",--" + name));
        CHECK(has(fish, "-c fwknop" + (letter.empty() ? "" : " -s " + letter) + " -l " + name));
    }
}

TEST_CASE("what a value can be is completed, too") {
    const auto bash = bash_completion();
    CHECK(has(bash, "    -P|--server-proto)\n        mapfile -t COMPREPLY < <(compgen -W 'udp tcp "
                    "http udpraw tcpraw icmp' -- \"$word\")\n        return\n"));
    CHECK(has(bash, "    -A|--access)\n        :\n        return\n"));
    CHECK_FALSE(has(bash, "    -s|--source-ip)\n"));
    CHECK(has(zsh_completion(), ":HOST\\[\\:PORT\\]:_hosts'"));
    CHECK(has(zsh_completion(), "'--wait=-[afterwards"));
    CHECK(has(fish_completion(), " -s n -l named-config -x -a '(__fwknop_stanzas)'"));
}
