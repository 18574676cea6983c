// SPDX-License-Identifier: Apache-2.0
#include "daemon/posix_files.hpp"

#include "daemon/file_descriptor.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

namespace fwknop::daemon {

namespace {

/// Far above any real configuration; a limit because the text is held in locked memory.
constexpr off_t max_file_size = off_t{64} << 20U;

constexpr mode_t permission_bits = 07777;

boost::system::error_code last_error() {
    return {errno, boost::system::system_category()};
}

} // namespace

result<file_text> posix_files::read(const std::string& path) {
    // Non-blocking, so that opening a pipe without a writer returns.
    const file_descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return last_error();
    if (S_ISDIR(status.st_mode)) {
        return boost::system::error_code{EISDIR, boost::system::system_category()};
    }
    if (!S_ISREG(status.st_mode)) {
        return boost::system::error_code{EINVAL, boost::system::system_category()};
    }
    if (status.st_size > max_file_size) {
        return boost::system::error_code{EFBIG, boost::system::system_category()};
    }

    secret_bytes text{static_cast<std::size_t>(status.st_size)};
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.bytes().data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return last_error();
        if (got == 0) break; // it shrank meanwhile
        size += static_cast<std::size_t>(got);
    }
    text.truncate(size);
    return file_text{.text = std::move(text),
                     .mode_is_0600 = (status.st_mode & permission_bits) == (S_IRUSR | S_IWUSR),
                     .owned_by_us = status.st_uid == ::geteuid() || status.st_uid == owner_};
}

result<std::vector<std::string>> posix_files::list_folder(const std::string& path) {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry{path, error}, end; !error && entry != end;
         entry.increment(error)) {
        names.push_back(entry->path().filename());
    }
    if (error) return boost::system::error_code{error.value(), boost::system::system_category()};
    return names;
}

} // namespace fwknop::daemon
