// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_file.hpp"

#include "core/crypto/base64.hpp"
#include "core/spa/text.hpp"

#include <algorithm>

namespace fwknop {

namespace {

// Not a set of characters: std::string_view searches such a set for each character of the text, and
// this is what reading millions of lines costs.
constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view take_word(std::string_view& line) noexcept {
    const auto* const begin = std::ranges::find_if_not(line, is_blank);
    const auto* const end = std::find_if(begin, line.end(), is_blank);
    line = {end, line.end()};
    return {begin, end};
}

bool is_entry_or_comment(std::string_view line) noexcept {
    return !std::ranges::all_of(line, is_blank);
}

std::optional<packet_id> parse_digest(std::string_view word) {
    const auto bytes = crypto::base64_decode(word);
    packet_id id{};
    if (!bytes || bytes->size() != id.size()) return std::nullopt;
    std::transform(bytes->begin(), bytes->end(), id.begin(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    return id;
}

} // namespace

std::string format_replay_line(const packet_id& id, const packet_origin& origin) {
    return crypto::base64_encode(id) + ' ' + std::to_string(origin.protocol) + ' ' +
           origin.source.to_string() + ' ' + std::to_string(origin.source_port) + ' ' +
           origin.destination.to_string() + ' ' + std::to_string(origin.destination_port) + ' ' +
           std::to_string(to_seconds(origin.seen));
}

std::optional<replay_entry> parse_replay_line(std::string_view line) {
    const auto id = parse_digest(take_word(line));
    const auto protocol = parse_digits<std::uint8_t>(take_word(line));
    const auto source = ip_address::parse(take_word(line));
    const auto source_port = parse_digits<std::uint16_t>(take_word(line));
    const auto destination = ip_address::parse(take_word(line));
    const auto destination_port = parse_digits<std::uint16_t>(take_word(line));
    const auto seen = parse_digits<std::int64_t>(take_word(line));
    if (!id || !protocol || !source || !source_port || !destination || !destination_port || !seen) {
        return std::nullopt;
    }
    return replay_entry{
        *id,
        {*protocol, *source, *source_port, *destination, *destination_port, from_seconds(*seen)}};
}

replay_load load_replay_text(std::string_view text, replay_table& table, unix_time forget_before) {
    replay_load out;
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const bool whole = end != std::string_view::npos;
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(whole ? end + 1 : rest.size());
        out.torn = !whole;
        if (whole) out.intact_size = text.size() - rest.size();
        if (!is_entry_or_comment(line) || line.front() == '#') continue;

        const auto entry = parse_replay_line(line);
        if (!entry) {
            if (whole) out.invalid_lines.push_back(number);
        } else if (entry->origin.seen < forget_before) {
            ++out.outdated;
        } else if (table.insert(entry->id, entry->origin)) {
            ++out.loaded;
        }
    }
    return out;
}

} // namespace fwknop
