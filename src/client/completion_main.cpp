// SPDX-License-Identifier: Apache-2.0
// Writes the completion scripts of all shells into a folder; run by the build.
#include "client/completion.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: fwknop_completion <folder>\n";
        return EXIT_FAILURE;
    }
    const std::filesystem::path folder{argv[1]};
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream file{folder / name};
        file << text << std::flush;
        if (!file) std::cerr << "cannot write " << folder / name << '\n';
        return static_cast<bool>(file);
    };
    namespace client = fwknop::client;
    const bool done = write("fwknop.bash", client::bash_completion()) &&
                      write("_fwknop", client::zsh_completion()) &&
                      write("fwknop.fish", client::fish_completion());
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
