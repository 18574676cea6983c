// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_file.hpp"
#include "daemon/replay_store.hpp"
#include "replay/sample.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <sys/stat.h>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;

namespace fs = std::filesystem;

namespace {

/// A folder of its own with the path of a replay file in it, gone afterwards.
class sandbox {
  public:
    sandbox() {
        auto pattern = (fs::temp_directory_path() / "fwknop-replay-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
        folder_ = pattern;
    }
    sandbox(const sandbox&) = delete;
    sandbox& operator=(const sandbox&) = delete;
    ~sandbox() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    [[nodiscard]] std::string path() const { return (folder_ / "digest.cache").string(); }
    [[nodiscard]] const fs::path& folder() const { return folder_; }

    void write(const std::string& text) const { std::ofstream{path(), std::ios::binary} << text; }
    [[nodiscard]] std::string read() const {
        std::ifstream in{path(), std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    [[nodiscard]] replay_store open(std::int64_t forget_before = 0, bool persistent = true) const {
        return replay_store::open(path(), from_seconds(forget_before), persistent);
    }
    /// The names of the files in the folder, each with a blank.
    [[nodiscard]] std::string names() const {
        std::string out;
        for (const auto& entry : fs::directory_iterator{folder_}) {
            out += entry.path().filename().string() + ' ';
        }
        return out;
    }

  private:
    fs::path folder_;
};

/// As long as it lives, no file can grow past `size` bytes: a disk that is full.
class full_disk {
  public:
    explicit full_disk(std::size_t size) : handler_{std::signal(SIGXFSZ, SIG_IGN)} {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = size;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    full_disk(const full_disk&) = delete;
    full_disk& operator=(const full_disk&) = delete;
    ~full_disk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

  private:
    void (*handler_)(int);
    rlimit before_{};
};

const std::string header = std::string{replay_file_header} + "\n";

std::string line(std::uint32_t number, std::int64_t seen = 1700000000) {
    return format_replay_line(sample_id(number), sample_origin(seen)) + "\n";
}

result<void> remember(replay_store& store, std::uint32_t number, std::int64_t seen = 1700000000) {
    const auto remembered = store.remember(sample_id(number), sample_origin(seen));
    return remembered ? store.commit() : remembered;
}

ino_t inode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_ino;
}

unsigned mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

std::string failure_of(const sandbox& box, bool persistent) {
    try {
        const auto store = box.open(0, persistent);
        return "opened";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("a new replay file is ours alone and says what its columns are") {
    const sandbox box;
    const replay_store store = box.open();
    CHECK(store.size() == 0);
    CHECK(store.warnings().empty());
    CHECK(box.read() == header);
    CHECK(mode_of(box.path()) == 0600);
}

TEST_CASE("what is remembered is in the file and known after a restart") {
    const sandbox box;
    {
        replay_store store = box.open();
        CHECK(store.find(sample_id(1)) == nullptr);
        REQUIRE(remember(store, 1).has_value());
        REQUIRE(store.find(sample_id(1)) != nullptr);
        CHECK(*store.find(sample_id(1)) == sample_origin(1700000000));
        CHECK(box.read() == header + line(1));
        REQUIRE(remember(store, 2).has_value());
    }
    replay_store store = box.open();
    CHECK(store.size() == 2);
    CHECK(store.warnings().empty());
    REQUIRE(store.find(sample_id(2)) != nullptr);
    CHECK(*store.find(sample_id(2)) == sample_origin(1700000000));
    REQUIRE(remember(store, 3).has_value());
    CHECK(box.read() == header + line(1) + line(2) + line(3));
}

TEST_CASE("a packet that is known already is not written again") {
    const sandbox box;
    replay_store store = box.open();
    REQUIRE(remember(store, 1).has_value());
    REQUIRE(remember(store, 1, 1800000000).has_value());
    CHECK(box.read() == header + line(1));
    CHECK(*store.find(sample_id(1)) == sample_origin(1700000000));
}

TEST_CASE("without persistence the file is read, never written") {
    const sandbox box;
    SECTION("there is none") {
        replay_store store = box.open(0, false);
        REQUIRE(remember(store, 1).has_value());
        CHECK(store.find(sample_id(1)) != nullptr);
        CHECK(store.compact(from_seconds(0)).has_value());
        CHECK(box.names().empty());
    }
    SECTION("there is one, with everything that would be repaired") {
        const std::string text = line(1, 100) + "nonsense\n" + line(2) + line(3).substr(0, 20);
        box.write(text);
        replay_store store = box.open(1700000000, false);
        CHECK(store.size() == 1);
        REQUIRE(remember(store, 4).has_value());
        CHECK(store.find(sample_id(4)) != nullptr);
        CHECK(store.compact(from_seconds(0)).has_value());
        CHECK(box.read() == text);
    }
}

TEST_CASE("a last line that a crash cut short is cut off, and the next one begins afresh") {
    const sandbox box;
    const std::string last = line(2);
    // In the digest's first and last character, behind it, in an address, before the time.
    const std::size_t size = GENERATE(1U, 43U, 44U, 52U, 82U);
    CAPTURE(size);
    box.write(header + line(1) + last.substr(0, size));
    replay_store store = box.open();
    CHECK(store.size() == 1);
    CHECK(store.warnings().size() == 1);
    CHECK(box.read() == header + line(1));
    REQUIRE(remember(store, 3).has_value());
    CHECK(box.read() == header + line(1) + line(3));
}

TEST_CASE("an entry that lacks only the line's end is kept") {
    const sandbox box;
    const std::string last = line(2);
    box.write(header + line(1) + last.substr(0, last.size() - 1));
    replay_store store = box.open();
    CHECK(store.size() == 2);
    REQUIRE(remember(store, 3).has_value());
    CHECK(box.read() == header + line(1) + line(2) + line(3));
}

TEST_CASE("old entries go from the file when it is opened") {
    const sandbox box;
    box.write(header + line(1, 1699999999) + line(2, 1700000000));
    replay_store store = box.open(1700000000);
    CHECK(store.size() == 1);
    CHECK(box.read() == header + line(2, 1700000000));
    CHECK(box.names() == "digest.cache ");
}

TEST_CASE("invalid lines are named by number, at most ten of them") {
    const sandbox box;
    SECTION("one") {
        box.write(header + line(1) + "nonsense\n" + line(2));
        const replay_store store = box.open();
        CHECK(store.size() == 2);
        REQUIRE(store.warnings().size() == 1);
        CHECK(store.warnings().front() ==
              "*Skipping invalid digest file entry in " + box.path() + " at line 3.");
        // It is the administrator's: nothing is thrown away without need.
        CHECK(box.read() == header + line(1) + "nonsense\n" + line(2));
    }
    SECTION("ten and eleven") {
        std::string text;
        for (int i = 0; i < 10; ++i) text += "nonsense\n";
        box.write(text);
        CHECK(box.open().warnings().size() == 10);
        box.write(text + "nonsense\n");
        const replay_store store = box.open();
        REQUIRE(store.warnings().size() == 11);
        CHECK(store.warnings().back() ==
              "*Skipping 1 more invalid digest file entries in " + box.path() + ".");
    }
}

TEST_CASE("on a full disk a packet is an error, and the file stays whole") {
    const sandbox box;
    replay_store store = box.open();
    const std::size_t size = line(1).size();
    const std::size_t room =
        GENERATE_COPY(values({std::size_t{0}, std::size_t{1}, size / 2, size - 1, size}));
    CAPTURE(room);
    const bool fits = room == size;
    const auto recorded = [&] {
        const full_disk disk{header.size() + room};
        return remember(store, 1);
    }();
    CHECK(recorded.has_value() == fits);
    if (!fits) CHECK(recorded.error() == boost::system::errc::file_too_large);
    CHECK(box.read() == header + (fits ? line(1) : ""));

    // Refused, but not forgotten: it must not open anything once there is space again.
    CHECK(store.find(sample_id(1)) != nullptr);
    REQUIRE(remember(store, 2).has_value());
    CHECK(box.read() == header + (fits ? line(1) : "") + line(2));
    REQUIRE(store.compact(from_seconds(0)).has_value());
    CHECK(box.open().size() == 2);
}

TEST_CASE("compaction writes the file anew without what is old") {
    const sandbox box;
    box.write("# ours\nnonsense\n" + line(1, 100) + line(2, 200));
    replay_store store = box.open();
    REQUIRE(remember(store, 3, 300).has_value());
    REQUIRE(store.compact(from_seconds(200)).has_value());
    CHECK(store.size() == 2);
    const std::string text = header + line(2, 200) + line(3, 300);
    CHECK(box.read() == text);
    CHECK(mode_of(box.path()) == 0600);
    CHECK(box.names() == "digest.cache ");

    // What comes next goes to the new file.
    const ino_t file = inode_of(box.path());
    REQUIRE(remember(store, 4).has_value());
    CHECK(box.read() == text + line(4));
    CHECK(inode_of(box.path()) == file);
}

TEST_CASE("a file longer than one piece is compacted whole") {
    const sandbox box;
    constexpr std::uint32_t count = 25000; // about 2 MiB
    std::string text = header;
    for (std::uint32_t i = 0; i < count; ++i) text += line(i);
    box.write(text);
    replay_store store = box.open();
    REQUIRE(store.size() == count);
    REQUIRE(store.compact(from_seconds(0)).has_value());
    CHECK(box.read().size() == text.size());
    CHECK(box.open().size() == count);

    // Nor is half of it left when the disk fills in between.
    const auto failed = [&] {
        const full_disk disk{text.size() - 1000};
        return store.compact(from_seconds(0));
    }();
    CHECK(failed.has_error());
    CHECK(box.names() == "digest.cache ");
    CHECK(box.open().size() == count);
}

TEST_CASE("a compaction that fails leaves the old file in use") {
    const sandbox box;
    replay_store store = box.open();
    REQUIRE(remember(store, 1).has_value());
    SECTION("the disk is full") {
        const auto compacted = [&] {
            const full_disk disk{header.size() + 5};
            return store.compact(from_seconds(0));
        }();
        REQUIRE(compacted.has_error());
        CHECK(compacted.error() == boost::system::errc::file_too_large);
        CHECK(box.names() == "digest.cache ");
    }
    SECTION("the new file cannot be opened") {
        fs::create_directory(box.path() + ".new");
        const auto compacted = store.compact(from_seconds(0));
        REQUIRE(compacted.has_error());
        CHECK(compacted.error() == boost::system::errc::file_exists);
    }
    REQUIRE(remember(store, 2).has_value());
    CHECK(box.read() == header + line(1) + line(2));
}

TEST_CASE("what a crash during compaction left behind does no harm") {
    const sandbox box;
    box.write(header + line(1));
    std::ofstream{box.path() + ".new"} << header + line(2) + "half";
    replay_store store = box.open();
    CHECK(store.size() == 1);
    REQUIRE(store.compact(from_seconds(0)).has_value());
    CHECK(box.read() == header + line(1));
    CHECK(box.names() == "digest.cache ");
}

TEST_CASE("a file that somebody removed comes back with everything in it") {
    const sandbox box;
    replay_store store = box.open();
    REQUIRE(remember(store, 1).has_value());
    fs::remove(box.path());
    REQUIRE(remember(store, 2).has_value());
    REQUIRE(remember(store, 3).has_value());
    CHECK(box.open().size() == 3);

    // Where that is impossible the packet is on no record.
    fs::remove_all(box.folder());
    CHECK(remember(store, 4).error() == boost::system::errc::no_such_file_or_directory);
}

TEST_CASE("a store can be moved") {
    const sandbox box;
    replay_store first = box.open();
    REQUIRE(remember(first, 1).has_value());
    replay_store second = std::move(first);
    CHECK(second.find(sample_id(1)) != nullptr);
    REQUIRE(remember(second, 2).has_value());
    CHECK(box.read() == header + line(1) + line(2));
}

TEST_CASE("a file that cannot be used is told with its path") {
    const sandbox box;
    const bool persistent = GENERATE(true, false);
    CAPTURE(persistent);
    std::string why;
    SECTION("a folder") {
        fs::create_directory(box.path());
        why = persistent ? "Is a directory" : "Invalid argument";
    }
    SECTION("a pipe, which must not be waited for") {
        REQUIRE(::mkfifo(box.path().c_str(), 0600) == 0);
        why = "Invalid argument";
    }
    SECTION("a symbolic link, which might lead anywhere") {
        fs::create_symlink("/dev/null", box.path());
        why = "Too many levels of symbolic links";
    }
    const std::string failure = failure_of(box, persistent);
    CHECK_THAT(failure, Catch::Contains("'" + box.path() + "'") && Catch::EndsWith(why));
}

TEST_CASE("a file whose folder is missing is told with its path") {
    const sandbox box;
    fs::remove(box.folder());
    CHECK(failure_of(box, true) ==
          "[*] Cannot open the replay file '" + box.path() + "': No such file or directory");
    CHECK(box.open(0, false).size() == 0);
}
