// SPDX-License-Identifier: Apache-2.0
#include "client/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::client {
namespace {

/// Far beyond any rc or key file that people write, and what a mistaken name may cost.
constexpr std::size_t max_file_size = 32 << 20;
constexpr std::size_t first_read_size = 64 << 10;
constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

class open_file {
  public:
    open_file(const std::filesystem::path& path, int flags) noexcept
        : fd_{::open(path.c_str(), flags | O_CLOEXEC, owner_only)} {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

problem file_problem(const std::filesystem::path& path, int error) {
    return failure(path.string() + ": " + std::generic_category().message(error));
}

checked<void> write_all(const std::filesystem::path& path, int flags, std::string_view text,
                        bool durable) {
    const open_file file{path, flags};
    if (file.get() < 0) return file_problem(path, errno);
    while (!text.empty()) {
        const auto written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return file_problem(path, errno);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (durable && ::fsync(file.get()) != 0) return file_problem(path, errno);
    return {};
}

checked<void> replace_file(const std::filesystem::path& path, std::string_view text) {
    // Devices and pipes cannot be replaced: they are written to.
    std::error_code ignored;
    const auto status = std::filesystem::status(path, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return write_all(path, O_WRONLY, text, false);
    // Behind a symbolic link, the file that it leads to is replaced, and the link stays.
    const auto target =
        std::filesystem::exists(status) ? std::filesystem::canonical(path, ignored) : path;
    auto fresh = target;
    fresh += ".new-" + std::to_string(::getpid());
    auto done = write_all(fresh, O_WRONLY | O_CREAT | O_EXCL, text, true);
    if (!done) {
        // The name that the user gave says more than ours.
        auto why = done.error();
        why.text.replace(0, fresh.string().size(), path.string());
        ::unlink(fresh.c_str());
        return why;
    }
    if (::rename(fresh.c_str(), target.c_str()) != 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        return file_problem(path, error);
    }
    // The new name must survive a power cut, too; a file system that cannot promise it has done
    // what it can.
    const open_file folder{target.has_parent_path() ? target.parent_path() : ".",
                           O_RDONLY | O_DIRECTORY};
    if (folder.get() >= 0) static_cast<void>(::fsync(folder.get()));
    return {};
}

} // namespace

std::optional<secret_bytes> read_secret_file(const std::filesystem::path& path) {
    const open_file file{path, O_RDONLY};
    if (file.get() < 0) return {};
    secret_bytes content{first_read_size};
    std::size_t size = 0;
    for (;;) {
        if (size == content.size()) {
            if (size == max_file_size) break;
            secret_bytes larger{2 * size};
            std::copy_n(content.bytes().data(), size, larger.bytes().data());
            content = std::move(larger);
        }
        const auto got = ::read(file.get(), content.bytes().data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {};
        if (got == 0) {
            content.truncate(size);
            return content;
        }
        size += static_cast<std::size_t>(got);
    }
    errno = EFBIG;
    return {};
}

checked<void> write_private_file(const std::filesystem::path& path, std::string_view text,
                                 write_mode mode) {
    if (mode == write_mode::replace) return replace_file(path, text);
    const int how = mode == write_mode::append ? O_APPEND : O_EXCL;
    return write_all(path, O_WRONLY | O_CREAT | how, text, false);
}

std::string permission_warning(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    std::string warning;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        warning = "[-] file: " + path.string() +
                  " permissions should only be user read/write (0600, -rw-------)";
    if (status.st_uid != ::geteuid())
        warning += (warning.empty() ? "" : "\n") + ("[-] file: " + path.string()) +
                   " is not owned by current effective user id";
    return warning;
}

} // namespace fwknop::client
