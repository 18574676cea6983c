// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/posix_files.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace fwknop;
using namespace fwknop::daemon;
using client::test::temporary_folder;

namespace errors = boost::system::errc;
namespace fs = std::filesystem;

TEST_CASE("a file is read whole") {
    const temporary_folder folder;
    const std::string large(3'000'000, 'x');
    for (const std::string& text : {std::string{}, std::string{"one\ntwo\0three", 13}, large}) {
        folder.write("file", text);
        const auto file = posix_files{}.read(folder.file("file"));
        REQUIRE(file.has_value());
        CHECK(file->text.text() == text);
        CHECK(file->mode_is_0600);
        CHECK(file->owned_by_us);
    }
}

TEST_CASE("modes other than 0600 are told") {
    const temporary_folder folder;
    folder.write("file", "text");
    struct row {
        mode_t mode;
        bool is_0600;
    };
    for (const auto [mode, is_0600] : {row{0600, true}, row{0640, false}, row{0604, false},
                                       row{0700, false}, row{0400, false}, row{04600, false}}) {
        CAPTURE(mode);
        REQUIRE(::chmod(folder.file("file").c_str(), mode) == 0);
        const auto file = posix_files{}.read(folder.file("file"));
        REQUIRE(file.has_value());
        CHECK(file->mode_is_0600 == is_0600);
    }
}

TEST_CASE("the owner is told") {
    // Files of the system belong to root; those that we make belong to us.
    const auto file = posix_files{}.read("/etc/passwd");
    REQUIRE(file.has_value());
    CHECK(file->owned_by_us == (::geteuid() == 0));
    if (::geteuid() == 0) {
        const temporary_folder folder;
        folder.write("file", "text");
        REQUIRE(::chown(folder.file("file").c_str(), 65534, 65534) == 0);
        const auto foreign = posix_files{}.read(folder.file("file"));
        REQUIRE(foreign.has_value());
        CHECK_FALSE(foreign->owned_by_us);
    }
}

TEST_CASE("what cannot be a configuration file is refused, and nothing hangs") {
    const temporary_folder folder;
    const std::string path = folder.file("file");
    const auto error = [&] {
        const auto file = posix_files{}.read(path);
        REQUIRE(file.has_error());
        return file.error();
    };
    SECTION("missing") {
        CHECK(error() == errors::no_such_file_or_directory);
    }
    SECTION("a folder") {
        fs::create_directory(path);
        CHECK(error() == errors::is_a_directory);
    }
    SECTION("a pipe without a writer") {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK(error() == errors::invalid_argument);
    }
    SECTION("a device") {
        fs::create_symlink("/dev/zero", path);
        CHECK(error() == errors::invalid_argument);
    }
    SECTION("a dangling link") {
        fs::create_symlink("nowhere", path);
        CHECK(error() == errors::no_such_file_or_directory);
    }
    SECTION("below a file") {
        folder.write("file", "text");
        const auto file = posix_files{}.read(path + "/below");
        REQUIRE(file.has_error());
        CHECK(file.error() == errors::not_a_directory);
    }
}

TEST_CASE("a file over 64 MiB is refused before it is read") {
    const temporary_folder folder;
    folder.write("file", "");
    // Sparse: it takes no space.
    fs::resize_file(folder.file("file"), (std::uintmax_t{64} << 20U) + 1);
    const auto file = posix_files{}.read(folder.file("file"));
    REQUIRE(file.has_error());
    CHECK(file.error() == errors::file_too_large);
}

TEST_CASE("a folder lists names, not paths") {
    const temporary_folder folder;
    CHECK(posix_files{}.list_folder(folder.path())->empty());
    folder.write("b.conf", "");
    folder.write("a.conf", "");
    folder.write(".hidden", "");
    fs::create_directory(folder.file("inner"));
    auto names = posix_files{}.list_folder(folder.path());
    REQUIRE(names.has_value());
    std::ranges::sort(*names);
    CHECK(*names == std::vector<std::string>{".hidden", "a.conf", "b.conf", "inner"});
}

TEST_CASE("a folder that cannot be listed is an error") {
    const temporary_folder folder;
    const auto missing = posix_files{}.list_folder(folder.file("nowhere"));
    REQUIRE(missing.has_error());
    CHECK(missing.error() == errors::no_such_file_or_directory);
    folder.write("file", "");
    const auto file = posix_files{}.list_folder(folder.file("file"));
    REQUIRE(file.has_error());
    CHECK(file.error() == errors::not_a_directory);
}
