// SPDX-License-Identifier: Apache-2.0
//
// The replay file, which may be another program's, torn, or spoiled.
#include "core/replay/replay_file.hpp"

#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    replay_table table{1};
    const auto loaded = load_replay_text(text, table, from_seconds(1000));
    fuzz::promise(loaded.loaded >= table.size(), "the table holds no more than was loaded");
    fuzz::promise(loaded.intact_size <= text.size(), "the whole lines are in the text");
    fuzz::promise(loaded.torn == (loaded.intact_size < text.size()), "what is torn is the end");

    // What is written of it says the same.
    std::string written;
    table.for_each([&written](const packet_id& id, const packet_origin& origin) {
        written += format_replay_line(id, origin) + '\n';
    });
    replay_table again{2};
    const auto reloaded = load_replay_text(written, again, from_seconds(0));
    fuzz::promise(reloaded.invalid_lines.empty() && again.size() == table.size(),
                  "what we write, we read");
    table.for_each([&again](const packet_id& id, const packet_origin& origin) {
        fuzz::promise(again.find(id) == origin, "an entry survives writing");
    });
    return 0;
}
