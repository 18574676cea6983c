// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// What to do about trouble that a program tells of.
struct program_advice {
    std::string_view words;  ///< in what the program writes to its standard error
    std::string_view advice; ///< a clause for the log
};

/// What one run of a packet filter's program came to.
struct program_step {
    std::string error; ///< empty: done. Else the program's own words, and advice
    std::string output;
    bool uncertain = false; ///< it was killed: whether it changed anything is unknown
    bool final = false;     ///< to try again at once cannot help

    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};

/// The one program of a packet filter, such as pfctl.
class filter_program {
  public:
    /// `path` is absolute; `advice` lives as long as this object. A run that takes longer than
    /// `time_limit` is killed.
    filter_program(std::string path, std::chrono::milliseconds time_limit,
                   std::span<const program_advice> advice);

    /// Runs it with `arguments`, and `input` on its standard input. No more than 32 MiB of output
    /// are taken: more is an error.
    [[nodiscard]] boost::asio::awaitable<program_step> run(std::vector<std::string> arguments,
                                                           std::string input = {}) const;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
    std::chrono::milliseconds time_limit_;
    std::span<const program_advice> advice_;
};

} // namespace fwknop
