// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_lock.hpp"

#include "core/spa/text.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace fwknop::daemon {

namespace {

std::runtime_error failure(const std::string& what, const std::string& path) {
    return std::runtime_error{"[*] " + what + " '" + path +
                              "': " + std::generic_category().message(errno)};
}

std::optional<pid_t> read_pid(int fd) {
    std::array<char, 32> buffer{};
    const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) return std::nullopt;
    std::string_view text{buffer.data(), static_cast<std::size_t>(size)};
    text = text.substr(0, text.find_first_not_of("0123456789"));
    return parse_digits<pid_t>(text);
}

// A lock of the open file: the child that a fork makes has it, too, and it can be asked about
// without being taken.
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

bool try_lock(int fd) {
    struct flock lock = whole_file();
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool is_locked(int fd) {
    struct flock lock = whole_file();
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// We may be root, and the folder somebody else's (FWKNOP_USER), who can put another name of any
// file there. One without a name has just been removed by its holder.
bool is_plain(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink <= 1;
}

bool is_still_named(int fd, const std::string& path) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

} // namespace

run_lock::run_lock(file_descriptor file, std::string path) noexcept
    : file_{std::move(file)}, path_{std::move(path)} {}

run_lock run_lock::acquire(const std::string& pid_file) {
    file_descriptor file;
    do {
        file = file_descriptor{
            ::open(pid_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
        if (!file) throw failure("Cannot open the pid file", pid_file);
        if (!is_plain(file.get()))
            throw std::runtime_error{"[*] The pid file '" + pid_file +
                                     "' is another file, too, or none that can be written "
                                     "over: remove it"};
        // Tried once for each file: its holder may end, and remove it, right after a refusal.
        if (!try_lock(file.get())) {
            const auto pid = read_pid(file.get());
            throw std::runtime_error{"[*] An instance of fwknopd is already running: (PID=" +
                                     (pid ? std::to_string(*pid) : std::string{"unknown"}) + ")."};
        }
        // A daemon that ends meanwhile removes the file: a lock on what has no name keeps nobody
        // out, so the new file is taken instead.
    } while (!is_still_named(file.get(), pid_file));
    run_lock lock{std::move(file), pid_file};
    lock.write_pid();
    return lock;
}

std::optional<pid_t> run_lock::holder(const std::string& pid_file) {
    const file_descriptor file{
        ::open(pid_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!file) {
        if (errno == ENOENT) return std::nullopt;
        throw failure("Cannot open the pid file", pid_file);
    }
    if (!is_locked(file.get())) return std::nullopt;
    return read_pid(file.get());
}

run_lock::~run_lock() {
    if (!file_) return;
    // While the lock is held the name is ours to remove; `acquire` copes with who opened it before.
    ::unlink(path_.c_str());
}

void run_lock::write_pid() {
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file_.get(), 0) != 0 ||
        ::pwrite(file_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw failure("Cannot write the pid file", path_);
    }
}

void make_run_directory(const std::string& path) {
    if (!path.starts_with('/')) {
        throw std::runtime_error{"Path '" + path + "' is not absolute."};
    }
    std::error_code error;
    const std::filesystem::path folder{path};
    if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
    if (::mkdir(path.c_str(), S_IRWXU) == 0) return;
    if (errno != EEXIST) throw failure("Cannot create the run directory", path);
    if (!std::filesystem::is_directory(folder, error)) {
        errno = ENOTDIR;
        throw failure("Cannot use the run directory", path);
    }
}

} // namespace fwknop::daemon
