// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.hpp"
#include "daemon/log_lines.hpp"

#include <catch2/catch.hpp>

#include <iostream>
#include <streambuf>
#include <string>

namespace fwknop::daemon::test {
namespace {

/// What std::clog hands down, a piece for each call.
class pieces : public std::streambuf {
  public:
    pieces() : before_{std::clog.rdbuf(this)} { log::open({}); }
    pieces(const pieces&) = delete;
    pieces& operator=(const pieces&) = delete;
    ~pieces() override { std::clog.rdbuf(before_); }

    lines seen;

  protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override {
        seen.emplace_back(text, static_cast<std::size_t>(size));
        return size;
    }
    int_type overflow(int_type value) override {
        seen.emplace_back(1, traits_type::to_char_type(value));
        return value;
    }

  private:
    std::streambuf* before_;
};

TEST_CASE("the log goes on when its stream takes lines again") {
    log_lines log;
    std::clog.setstate(std::ios::badbit); // as a full disk leaves it
    log::info("first");
    log::info("second");
    CHECK(log.take() == lines{"first", "second"});
}

// Else another process's line may come between a line and its end, and each costs a call more.
TEST_CASE("a line of the log is written with its end in one piece") {
    pieces written;
    log::info("first");
    log::warning("ends by itself\n");
    log::info("");
    CHECK(written.seen == lines{"first\n", "ends by itself\n", "\n"});
}

} // namespace
} // namespace fwknop::daemon::test
