// SPDX-License-Identifier: Apache-2.0
//
// What a web server says our address is, and whoever is between us and it.
#include "client/address_text.hpp"
#include "client/settings.hpp"
#include "fuzz.hpp"

using namespace fwknop;
using namespace fwknop::client;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    for (const family_choice family :
         {family_choice::any, family_choice::v4_only, family_choice::v6_only}) {
        const auto found = address_in(text, family);
        if (!found) {
            fuzz::promise(!found.error().text.empty(), "problems are told");
            continue;
        }
        fuzz::promise(!found->is_unspecified(), "nobody asks for everybody");
        fuzz::promise(family == family_choice::any ||
                          (family == family_choice::v4_only) == found->is_v4(),
                      "the address is of the family that was asked for");
    }
    return 0;
}
