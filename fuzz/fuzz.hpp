// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// What every target is made of.

/// Looks at one input. A crash, a report of a sanitizer and a promise that is not kept are finds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// A target may say that its corpus lacks something, after all of it was run. Not asked by a
/// fuzzer.
extern "C" [[gnu::weak]] bool corpus_is_complete();

namespace fwknop::fuzz {

/// A promise of the code under test.
inline void promise(bool kept, const char* what) {
    if (kept) return;
    std::fprintf(stderr, "a promise is not kept: %s\n", what);
    std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Whether `part` lies in `whole`.
inline bool is_inside(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

} // namespace fwknop::fuzz
