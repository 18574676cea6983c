// SPDX-License-Identifier: Apache-2.0
#include "client/rc_stanza.hpp"

#include "client/rc_file.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <utility>

namespace fwknop::client {
namespace {

/// Keys that take each other's place: a plain one left beside a new base64 one would win over it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> key_places{{
    {"KEY", "encryption"},
    {"KEY_BASE64", "encryption"},
    {"KEY_COMMAND", "encryption"},
    {"HMAC_KEY", "hmac"},
    {"HMAC_KEY_BASE64", "hmac"},
    {"GPG_RECIPIENT", "recipient"},
    {"GPG_SIGNER", "signer"},
    {"GPG_SIGNING_PW", "signing"},
    {"GPG_SIGNING_PW_BASE64", "signing"},
}};

/// Empty: not a key.
std::string_view place_of(std::string_view name) {
    for (const auto& [key, place] : key_places)
        if (key == name) return place;
    return {};
}

/// Calls `visit(line with its line feed, whether it is in the stanza, what it says)`.
template <class Visit>
void for_each_line(std::string_view text, std::string_view stanza, Visit visit) {
    bool inside = false;
    while (!text.empty()) {
        const auto feed = text.find('\n');
        const auto whole = text.substr(0, feed == text.npos ? feed : feed + 1);
        const auto line = read_rc_line(text.substr(0, feed));
        if (line.kind == rc_line_kind::stanza) inside = same_stanza(line.name, stanza);
        visit(whole, inside, line);
        text.remove_prefix(whole.size());
    }
}

secret_bytes join(std::span<const std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    secret_bytes joined{size};
    auto to = joined.bytes().begin();
    for (const auto part : parts) to = std::copy(part.begin(), part.end(), to);
    return joined;
}

/// The places of keys that stay as they are, because `ask` said so.
std::set<std::string_view> refused_places(std::string_view text, std::string_view stanza,
                                          const std::set<std::string_view>& given,
                                          const may_replace& ask) {
    std::set<std::string_view> asked;
    std::set<std::string_view> refused;
    for_each_line(text, stanza, [&](std::string_view, bool inside, const rc_line& line) {
        if (!inside || line.kind != rc_line_kind::directive) return;
        const auto place = place_of(line.name);
        if (place.empty() || !given.contains(place) || !asked.insert(line.name).second) return;
        if (!ask(line.name)) refused.insert(place);
    });
    return refused;
}

/// The pieces of the new text, in order; views of the old text and of the entries.
class composer {
  public:
    explicit composer(std::span<const rc_entry> entries)
        : entries_{entries}, written_(entries.size()) {}

    void add(std::string_view piece) {
        if (!piece.empty()) parts_.push_back(piece);
    }

    /// Ends a last line that lacks its line feed.
    void end_line() {
        if (!parts_.empty() && parts_.back().back() != '\n') parts_.emplace_back("\n");
    }

    void write(std::size_t index) {
        if (written_[index]) return;
        written_[index] = true;
        constexpr std::string_view blanks = "                            "; // 24 and 4 columns
        const auto& entry = entries_[index];
        end_line();
        add(entry.name);
        add(blanks.substr(std::min(entry.name.size(), blanks.size() - 4)));
        add(entry.value.text());
        add("\n");
    }

    /// The new value of the directive `name`, if there is one.
    void write_in_place_of(std::string_view name) {
        for (std::size_t each = 0; each < entries_.size(); ++each)
            if (entries_[each].name == name) write(each);
    }

    void write_rest() {
        for (std::size_t each = 0; each < entries_.size(); ++each) write(each);
    }

    /// How many parts there are.
    [[nodiscard]] std::size_t position() const noexcept { return parts_.size(); }

    /// Takes the parts from `from` on away, and gives them.
    [[nodiscard]] std::vector<std::string_view> take_from(std::size_t from) {
        const auto begin = parts_.begin() + static_cast<std::ptrdiff_t>(from);
        std::vector<std::string_view> taken(begin, parts_.end());
        parts_.erase(begin, parts_.end());
        return taken;
    }

    [[nodiscard]] secret_bytes joined() const { return join(parts_); }

  private:
    std::span<const rc_entry> entries_;
    std::vector<bool> written_;
    std::vector<std::string_view> parts_;
};

} // namespace

secret_bytes write_stanza(std::string_view text, std::string_view stanza,
                          std::vector<rc_entry>& entries, const may_replace& ask) {
    std::set<std::string_view> given;
    for (const auto& entry : entries)
        if (const auto place = place_of(entry.name); !place.empty()) given.insert(place);
    const auto refused = refused_places(text, stanza, given, ask);
    std::erase_if(entries,
                  [&](const auto& entry) { return refused.contains(place_of(entry.name)); });

    composer fresh{entries};
    bool found = false;
    std::size_t rest = 0; // after the stanza's header or its last directive: before its tail
    for_each_line(text, stanza, [&](std::string_view whole, bool inside, const rc_line& line) {
        const bool header = inside && line.kind == rc_line_kind::stanza;
        if (!inside || header || line.kind != rc_line_kind::directive) {
            fresh.add(whole);
            if (header && !std::exchange(found, true)) rest = fresh.position();
            return;
        }
        const auto place = place_of(line.name);
        if (!place.empty() && (!given.contains(place) || refused.contains(place)))
            fresh.add(whole);
        else
            fresh.write_in_place_of(line.name);
        rest = fresh.position();
    });
    if (!found) {
        fresh.end_line();
        if (!text.empty() && !text.ends_with("\n\n")) fresh.add("\n");
        fresh.add("[");
        fresh.add(stanza);
        fresh.add("]\n");
        rest = fresh.position();
    }
    const auto tail = fresh.take_from(rest);
    fresh.write_rest();
    if (!tail.empty()) fresh.end_line();
    for (const auto piece : tail) fresh.add(piece);
    return fresh.joined();
}

bool fits_rc_line(std::string_view value) noexcept {
    return !value.empty() && value.front() != ':' &&
           value.find_first_of(std::string_view{" \t\r\n;#\0", 7}) == std::string_view::npos;
}

bool fits_stanza_name(std::string_view name) noexcept {
    return !name.empty() &&
           name.find_first_of(std::string_view{"]\r\n\0", 4}) == std::string_view::npos;
}

} // namespace fwknop::client
