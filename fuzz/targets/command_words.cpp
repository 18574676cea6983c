// SPDX-License-Identifier: Apache-2.0
//
// Command lines that are split into words: of the configuration, of packets, of an rc file.
#include "core/spa/command_words.hpp"

#include "client/key_command.hpp"
#include "core/policy/cycle_command.hpp"
#include "fuzz.hpp"

#include <string>

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line = fuzz::text_of(data, size);
    static_cast<void>(client::split_command(line));
    static_cast<void>(unknown_variables(line));
    const auto words = split_command_words(line);
    if (!words) return 0;
    fuzz::promise(join_command_words(*words).find('\n') == std::string::npos, "logs have lines");
    std::string quoted;
    for (const std::string& word : *words) {
        quoted += " '";
        for (const char c : word) quoted += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
        quoted += '\'';
    }
    fuzz::promise(split_command_words(quoted) == words, "words survive being quoted");
    cycle_values values;
    values.user = "alice bob";
    fuzz::promise(fill_cycle_words(*words, values).size() == words->size(),
                  "what is filled in makes no new words");
    return 0;
}
