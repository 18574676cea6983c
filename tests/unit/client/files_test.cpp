// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/files.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace fwknop::client;
namespace fs = std::filesystem;

namespace {
constexpr auto owner_only = fs::perms::owner_read | fs::perms::owner_write;
}

TEST_CASE("new files belong to their owner alone") {
    const test::temporary_folder folder;
    for (const auto mode : {write_mode::replace, write_mode::append, write_mode::create_new}) {
        const auto name = "f" + std::to_string(static_cast<int>(mode));
        REQUIRE(write_private_file(folder.file(name), "text", mode));
        CHECK(folder.read(name) == "text");
        CHECK(fs::status(folder.file(name)).permissions() == owner_only);
    }
}

TEST_CASE("replace, append, create_new") {
    const test::temporary_folder folder;
    folder.write("f", "old");
    CHECK(write_private_file(folder.file("f"), "+", write_mode::append));
    CHECK(folder.read("f") == "old+");
    CHECK_FALSE(write_private_file(folder.file("f"), "new", write_mode::create_new));
    CHECK(folder.read("f") == "old+");
    CHECK(write_private_file(folder.file("f"), "new", write_mode::replace));
    CHECK(folder.read("f") == "new");
    CHECK(std::distance(fs::directory_iterator{folder.path()}, {}) == 1);
}

TEST_CASE("a link's target is replaced, the link stays") {
    const test::temporary_folder folder;
    folder.write("target", "old");
    fs::create_symlink("target", folder.file("link"));
    REQUIRE(write_private_file(folder.file("link"), "new", write_mode::replace));
    CHECK(fs::is_symlink(folder.file("link")));
    CHECK(folder.read("target") == "new");
}

TEST_CASE("a file that cannot be written is named as the user named it") {
    const auto done = write_private_file("/nonexistent/f", "x", write_mode::replace);
    REQUIRE_FALSE(done);
    CHECK(done.error().text == "/nonexistent/f: No such file or directory");
}

TEST_CASE("devices are written to, not replaced") {
    CHECK(write_private_file("/dev/null", "x", write_mode::replace));
    CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("reading: whole files, and nothing when there is none") {
    const test::temporary_folder folder;
    folder.write("f", std::string(5000, 'k'));
    CHECK(read_secret_file(folder.file("f"))->size() == 5000);
    CHECK_FALSE(read_secret_file(folder.file("none")));
    CHECK_FALSE(read_secret_file(folder.path()));
}

TEST_CASE("files that others can read draw a warning") {
    const test::temporary_folder folder;
    folder.write("f", "");
    CHECK(permission_warning(folder.file("f")).empty());
    fs::permissions(folder.file("f"), fs::perms::group_read, fs::perm_options::add);
    CHECK(permission_warning(folder.file("f")) ==
          "[-] file: " + folder.file("f") +
              " permissions should only be user read/write (0600, -rw-------)");
    CHECK(permission_warning(folder.file("none")).empty());
}
