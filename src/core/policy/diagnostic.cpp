// SPDX-License-Identifier: Apache-2.0
#include "core/policy/diagnostic.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {

std::string diagnostic::to_string() const {
    if (file.empty()) return text;
    if (line == 0) return text + " (" + file + ")";
    return text + " (" + file + ":" + std::to_string(line) + ")";
}

void diagnostics::warn(std::string file, std::size_t line, std::string text) {
    add({severity::warning, std::move(file), line, std::move(text)});
}

void diagnostics::fail(std::string file, std::size_t line, std::string text) {
    add({severity::error, std::move(file), line, std::move(text)});
}

void diagnostics::add(diagnostic entry) {
    failed_ = failed_ || entry.level == severity::error;
    entries_.push_back(std::move(entry));
}

const diagnostic* diagnostics::first_error() const noexcept {
    const auto found = std::ranges::find(entries_, severity::error, &diagnostic::level);
    return found == entries_.end() ? nullptr : &*found;
}

} // namespace fwknop
