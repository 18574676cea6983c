// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fwknop {

enum class severity : std::uint8_t {
    warning, ///< the start goes on
    error,   ///< the start (or the reload) fails
};

/// Something to tell the administrator about a configuration file. Never holds a key.
struct diagnostic {
    severity level = severity::error;
    std::string file;     ///< empty: no file, e.g. a command-line option
    std::size_t line = 0; ///< 1-based; 0: the file as a whole
    std::string text;     ///< what is wrong and what to do; begins with the text that filters know

    /// `<text> (<file>:<line>)`, or less of it where there is less to tell.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const diagnostic&, const diagnostic&) = default;
};

/// Collects in the order of reporting. Parsers stop at their first error and go on after warnings.
class diagnostics {
  public:
    void warn(std::string file, std::size_t line, std::string text);
    void fail(std::string file, std::size_t line, std::string text);
    void add(diagnostic entry);

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const std::vector<diagnostic>& all() const noexcept { return entries_; }

    /// Null when there is no error. Valid until the next entry.
    [[nodiscard]] const diagnostic* first_error() const noexcept;

  private:
    std::vector<diagnostic> entries_;
    bool failed_ = false;
};

/// Why one value could not be read, as part of a sentence: the place is added by whoever knows it.
struct complaint {
    std::string text;
};

/// A value read from configuration text, or the reason why it is none.
template <class T>
using parsed = boost::system::result<T, complaint>;

} // namespace fwknop
