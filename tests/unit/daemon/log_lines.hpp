// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/log.hpp"

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace fwknop::daemon::test {

/// As long as it lives, the log is kept here instead of being written to standard error.
class log_lines {
  public:
    explicit log_lines(int verbose = 0) : before_{std::clog.rdbuf(text_.rdbuf())} {
        log::open({.verbose = verbose});
    }
    log_lines(const log_lines&) = delete;
    log_lines& operator=(const log_lines&) = delete;
    ~log_lines() { std::clog.rdbuf(before_); }

    [[nodiscard]] std::string text() const { return text_.str(); }

    /// All lines so far, and forgets them.
    [[nodiscard]] std::vector<std::string> take() {
        std::vector<std::string> lines;
        std::istringstream in{text_.str()};
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        text_.str("");
        return lines;
    }

  private:
    std::ostringstream text_;
    std::streambuf* before_;
};

using lines = std::vector<std::string>;

} // namespace fwknop::daemon::test
