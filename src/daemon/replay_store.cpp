// SPDX-License-Identifier: Apache-2.0
#include "daemon/replay_store.hpp"

#include "core/crypto/random.hpp"
#include "core/replay/replay_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

constexpr std::size_t max_named_lines = 10;

/// A compaction holds this much text at a time: the file may be far larger than the table.
constexpr std::size_t piece_size = std::size_t{1} << 20U;

boost::system::error_code last_error() {
    return {errno, boost::system::system_category()};
}

std::runtime_error failure(const std::string& what, const std::string& path) {
    return std::runtime_error{"[*] " + what + " the replay file '" + path +
                              "': " + std::generic_category().message(errno)};
}

std::uint64_t random_seed() {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    crypto::fill_random(bytes);
    std::uint64_t seed = 0;
    std::memcpy(&seed, bytes.data(), sizeof seed);
    return seed;
}

bool read_all(int fd, std::string& text) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return false;
    }
    text.resize(static_cast<std::size_t>(status.st_size));
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got =
            ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return true;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

bool sync_folder_of(const std::string& path) {
    auto folder = std::filesystem::path{path}.parent_path();
    if (folder.empty()) folder = ".";
    const file_descriptor fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return fd && ::fsync(fd.get()) == 0;
}

} // namespace

replay_store::replay_store(std::string path, bool persistent)
    : path_{std::move(path)}, persistent_{persistent}, table_{random_seed()} {}

replay_store replay_store::open(const std::string& path, unix_time forget_before, bool persistent) {
    replay_store out{path, persistent};
    // Non-blocking, so that opening a pipe without a writer returns.
    const int mode = persistent ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY;
    out.file_ =
        file_descriptor{::open(path.c_str(), mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    if (!out.file_) {
        if (!persistent && errno == ENOENT) return out;
        throw failure("Cannot open", path);
    }
    out.load(forget_before);
    return out;
}

void replay_store::load(unix_time forget_before) {
    std::string text;
    if (!read_all(file_.get(), text)) throw failure("Cannot read", path_);
    const replay_load loaded = load_replay_text(text, table_, forget_before);

    for (std::size_t i = 0; i < loaded.invalid_lines.size() && i < max_named_lines; ++i) {
        warnings_.push_back("*Skipping invalid digest file entry in " + path_ + " at line " +
                            std::to_string(loaded.invalid_lines[i]) + ".");
    }
    if (loaded.invalid_lines.size() > max_named_lines) {
        warnings_.push_back("*Skipping " +
                            std::to_string(loaded.invalid_lines.size() - max_named_lines) +
                            " more invalid digest file entries in " + path_ + ".");
    }
    if (!persistent_) return;

    std::string head;
    if (loaded.torn) {
        warnings_.push_back("The last line of " + path_ + " was cut short by a crash; removed.");
        if (::ftruncate(file_.get(), static_cast<off_t>(loaded.intact_size)) != 0) {
            throw failure("Cannot repair", path_);
        }
        // What is whole but for its end stays valid: it is written again, properly.
        const std::string_view last = std::string_view{text}.substr(loaded.intact_size);
        if (const auto entry = parse_replay_line(last); entry && table_.find(entry->id)) {
            head = format_replay_line(entry->id, entry->origin) + '\n';
        }
    }
    if (text.empty()) head = std::string{replay_file_header} + '\n';
    if (!write_all(file_.get(), head)) throw failure("Cannot write", path_);
    // A new file's name is not on disk before its folder is.
    if (text.empty() && !sync_folder_of(path_)) {
        warnings_.push_back("Cannot make sure that a crash leaves " + path_ +
                            " in its folder: " + last_error().message());
    }
    if (loaded.outdated > 0) {
        if (const auto compacted = compact(forget_before); !compacted) {
            warnings_.push_back("Cannot drop the outdated entries of " + path_ + ": " +
                                compacted.error().message());
        }
    }
}

result<void> replay_store::remember(const packet_id& id, const packet_origin& origin) try {
    // Memory first, and it stays there when the disk fails: whoever saw the packet refused must not
    // be able to send it once there is space again.
    if (table_.insert(id, origin) && persistent_)
        uncommitted_ += format_replay_line(id, origin) + '\n';
    return {};
} catch (const std::bad_alloc&) {
    return make_error_code(boost::system::errc::not_enough_memory);
}

result<void> replay_store::commit() {
    if (uncommitted_.empty()) return {};
    return append(std::exchange(uncommitted_, {}));
}

result<void> replay_store::append(std::string lines) {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) return last_error();
    // Somebody removed the file: what is written into it now is gone with this process.
    if (status.st_nlink == 0) return compact(unix_time::min());

    if (half_a_line_) lines.insert(0, 1, '\n');
    if (write_all(file_.get(), lines) && ::fdatasync(file_.get()) == 0) {
        half_a_line_ = false;
        return {};
    }
    const auto error = last_error();
    // Half a line would spoil the next one.
    if (::ftruncate(file_.get(), status.st_size) != 0) half_a_line_ = true;
    return error;
}

result<void> replay_store::compact(unix_time forget_before) {
    table_.forget_before(forget_before);
    if (!persistent_) return {};

    const std::string beside = path_ + ".new";
    ::unlink(beside.c_str()); // one that a crash left may be somebody else's
    file_descriptor fresh{::open(
        beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fresh) return last_error();
    std::string text = std::string{replay_file_header} + '\n';
    bool written = true;
    table_.for_each([&](const packet_id& id, const packet_origin& origin) {
        if (!written) return;
        text += format_replay_line(id, origin) + '\n';
        if (text.size() < piece_size) return;
        written = write_all(fresh.get(), text);
        text.clear();
    });
    if (!written || !write_all(fresh.get(), text) || ::fsync(fresh.get()) != 0 ||
        ::rename(beside.c_str(), path_.c_str()) != 0) {
        const auto error = last_error();
        ::unlink(beside.c_str());
        return error;
    }
    file_ = std::move(fresh);
    half_a_line_ = false;
    uncommitted_.clear(); // written with the rest of the table
    if (!sync_folder_of(path_)) return last_error();
    return {};
}

void rotate_replay_file(const std::string& path) {
    const auto old = path + "-old";
    if (::rename(path.c_str(), old.c_str()) != 0 && errno != ENOENT)
        throw failure("Cannot rotate", path);
}

} // namespace fwknop::daemon
