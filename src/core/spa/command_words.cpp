// SPDX-License-Identifier: Apache-2.0
#include "core/spa/command_words.hpp"

#include "core/spa/text.hpp"

#include <cstddef>

namespace fwknop {
namespace {

constexpr std::string_view blanks = " \t\n";

/// Reads one word. Each function leaves the position behind what it took, and returns false when
/// the line ends too early.
class word_reader {
  public:
    explicit word_reader(std::string_view line) : line_{line} {}

    /// To the beginning of a word. False: there is none.
    bool find_word() {
        for (;;) {
            at_ = line_.find_first_not_of(blanks, at_);
            if (at_ == std::string_view::npos) return false;
            // A line feed that a backslash takes away is no word either.
            if (line_.substr(at_, 2) != "\\\n") return true;
            at_ += 2;
        }
    }

    bool read(std::string& word) {
        while (at_ < line_.size() && blanks.find(line_[at_]) == std::string_view::npos) {
            const char c = line_[at_++];
            const bool whole = c == '\''   ? single_quoted(word)
                               : c == '"'  ? double_quoted(word)
                               : c == '\\' ? after_backslash(word)
                                           : (word += c, true);
            if (!whole) return false;
        }
        return true;
    }

  private:
    bool single_quoted(std::string& word) {
        const std::size_t end = line_.find('\'', at_);
        if (end == std::string_view::npos) return false;
        word += line_.substr(at_, end - at_);
        at_ = end + 1;
        return true;
    }

    bool double_quoted(std::string& word) {
        constexpr std::string_view held = "$`\"\\\n";
        while (at_ < line_.size()) {
            const char c = line_[at_++];
            if (c == '"') return true;
            const bool holds =
                c == '\\' && at_ < line_.size() && held.find(line_[at_]) != std::string_view::npos;
            if (!holds) {
                word += c;
            } else if (!after_backslash(word)) {
                return false;
            }
        }
        return false;
    }

    bool after_backslash(std::string& word) {
        if (at_ == line_.size()) return false;
        const char c = line_[at_++];
        if (c != '\n') word += c; // a line that goes on
        return true;
    }

    std::string_view line_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<std::vector<std::string>> split_command_words(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) return std::nullopt;
    std::vector<std::string> words;
    word_reader reader{line};
    while (reader.find_word()) {
        if (!reader.read(words.emplace_back())) return std::nullopt;
    }
    return words;
}

std::string join_command_words(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ' ';
        text += escaped(word);
    }
    return text;
}

} // namespace fwknop
