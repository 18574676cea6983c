// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace fwknop::client::test {

/// A writable argv, as main gets it; the program's name is put first.
class arguments {
  public:
    arguments(std::initializer_list<std::string> words)
        : arguments(std::vector<std::string>{words}) {}
    explicit arguments(std::vector<std::string> words) : words_{std::move(words)} {
        words_.insert(words_.begin(), "fwknop");
        for (auto& word : words_) pointers_.push_back(word.data());
    }
    arguments(const arguments&) = delete;
    arguments& operator=(const arguments&) = delete;
    ~arguments() = default;

    [[nodiscard]] std::span<char* const> argv() const noexcept { return pointers_; }
    [[nodiscard]] const std::string& word(std::size_t index) const { return words_.at(index); }

  private:
    std::vector<std::string> words_;
    std::vector<char*> pointers_;
};

} // namespace fwknop::client::test
