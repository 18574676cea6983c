// SPDX-License-Identifier: Apache-2.0
//
// The client's rc file: read, listed, and rewritten.
#include "client/rc_file.hpp"

#include "client/rc_stanza.hpp"
#include "client/settings.hpp"
#include "fuzz.hpp"

#include <array>
#include <vector>

using namespace fwknop;
using namespace fwknop::client;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const std::array texts{rc_text{"rc", text}};
    settings to;
    const auto applied = apply_rc(to, texts, "");
    fuzz::promise(applied || !applied.error().text.empty(), "errors say why");
    for (const auto& name : stanza_names(text))
        fuzz::promise(stanza_exists(text, name), "a stanza that is listed is there");

    std::vector<rc_entry> entries;
    entries.push_back({"SPA_SERVER", secret_bytes::from_text("192.0.2.1")});
    const auto written =
        write_stanza(text, "added", entries, [](std::string_view) { return true; });
    settings again;
    const std::array rewritten{rc_text{"rc", written.text()}};
    const auto reread = apply_rc(again, rewritten, "added");
    fuzz::promise(reread ? again.destination == "192.0.2.1" : !applied,
                  "a stanza that is saved is read");
    return 0;
}
