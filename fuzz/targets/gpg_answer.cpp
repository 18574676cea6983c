// SPDX-License-Identifier: Apache-2.0
//
// What a worker for GnuPG says, which a hostile message may have taken over.
#include "core/policy/gpg_signature.hpp"
#include "fuzz.hpp"
#include "gpg/worker.hpp"

#include <string>

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto answer = gpg::read_answer(std::string{fuzz::text_of(data, size)});
    if (!answer) return 0;
    fuzz::promise(answer->plain.size() <= size, "nothing is made up");
    fuzz::promise(answer->signatures.size() <= size, "every signature was there");
    return 0;
}
