// SPDX-License-Identifier: Apache-2.0
//
//   fuzz_<target> <folder>
//
// Runs a fuzz target over every file of its corpus, without a fuzzer. An empty corpus is a failure:
// it would prove nothing.
#include "fuzz.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s <folder of the corpus>\n", argv[0]);
        return 2;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& each : std::filesystem::directory_iterator{argv[1]})
        if (each.is_regular_file()) files.push_back(each.path());
    std::ranges::sort(files);
    for (const auto& path : files) {
        std::ifstream file{path, std::ios::binary};
        const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
        // As many bytes as there are and no more, so that a sanitizer sees a read past the end.
        const std::vector<std::uint8_t> exact{bytes.begin(), bytes.end()};
        if (LLVMFuzzerTestOneInput(exact.data(), exact.size()) != 0) return 1;
    }
    std::printf("%zu inputs\n", files.size());
    if (corpus_is_complete != nullptr && !corpus_is_complete()) return 1;
    return files.empty() ? 1 : 0;
}
