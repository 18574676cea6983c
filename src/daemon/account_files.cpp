// SPDX-License-Identifier: Apache-2.0
#include "daemon/account_files.hpp"

#include "daemon/file_descriptor.hpp"
#include "gpg/engine.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error{"[*] " + what + ": " + std::generic_category().message(errno)};
}

std::vector<std::string> configuration_files(const server_config& server,
                                             const std::vector<stanza>& stanzas) {
    std::vector<std::string> files{server.config_file};
    std::istringstream overrides{server.override_config};
    for (std::string path; std::getline(overrides, path, ',');)
        if (!path.empty()) files.push_back(path);
    files.push_back(server.access_folder.empty() ? server.access_file : server.access_folder);
    for (const stanza& entry : stanzas) files.push_back(entry.file);
    std::ranges::sort(files);
    files.erase(std::unique(files.begin(), files.end()), files.end());
    return files;
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

bool is_others(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_uid != 0;
}

const std::string legacy_lock = "/run/xtables.lock";

// The variant of before nftables waits for its turn by this file. Its names are links to one
// program.
bool is_legacy_iptables(const listed_program& program) {
    std::error_code error;
    const auto target = std::filesystem::canonical(program.path, error);
    return !error && target.filename() == "xtables-legacy-multi";
}

// It is made where it is missing.
bool can_open_legacy_lock() {
    if (::faccessat(AT_FDCWD, legacy_lock.c_str(), R_OK, AT_EACCESS) == 0) return true;
    return errno == ENOENT &&
           ::faccessat(AT_FDCWD, folder_of(legacy_lock).c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

void give(const std::string& path, const account& who) {
    const file_descriptor file{
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!file && errno == ENOENT) return;
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) fail("Cannot open '" + path + "'");
    // The folder is the account's, which could put other names of root's files there.
    const bool only_name = S_ISREG(status.st_mode) && status.st_nlink == 1;
    if (status.st_uid != 0 || !only_name) return;
    if (::fchown(file.get(), who.user, who.group) != 0)
        fail("Cannot make '" + path + "' the property of FWKNOP_USER " + who.user_name);
}

} // namespace

bool uses_files_of_others(const configuration& config) {
    std::vector<std::string> files = configuration_files(config.server, config.stanzas);
    for (const std::string& path :
         {config.server.run_dir, config.server.pcap_file, config.server.pid_file,
          config.server.digest_file, folder_of(config.server.digest_file),
          folder_of(config.server.pid_file)})
        files.push_back(path);
    for (const stanza& entry : config.stanzas)
        if (entry.gpg.usable()) files.push_back(entry.gpg.home_dir);
    return std::ranges::any_of(files, is_others);
}

void give_files(const server_config& server, const account& who) {
    struct stat status {};
    constexpr mode_t for_others = 077;
    if (::lstat(server.run_dir.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
        status.st_uid == 0 && (status.st_mode & for_others) == 0 &&
        ::lchown(server.run_dir.c_str(), who.user, who.group) != 0)
        fail("Cannot make '" + server.run_dir + "' the property of FWKNOP_USER " + who.user_name);
    for (const std::string& path :
         {server.run_dir + "/fwknopd.lock", server.pid_file, server.digest_file})
        give(path, who);
}

std::vector<std::string> unreadable_files(const server_config& server,
                                          const std::vector<stanza>& stanzas, const account& who) {
    std::vector<std::string> lines;
    for (const std::string& path : configuration_files(server, stanzas))
        if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0)
            lines.push_back("[-] " + who.user_name + ", who fwknopd runs as, cannot read '" + path +
                            "' (" + std::generic_category().message(errno) +
                            "): a reload (SIGHUP) would be refused, make it " + who.user_name +
                            "'s, or restart fwknopd");
    return lines;
}

std::optional<std::string> start_problem(const configuration& config, const account& who,
                                         std::span<const listed_program> programs) {
    const server_config& server = config.server;
    for (const std::string& path : {server.run_dir, folder_of(server.digest_file)})
        if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
            return "[*] FWKNOP_USER " + who.user_name + " cannot write to '" + path + "' (" +
                   std::generic_category().message(errno) + "): make it " + who.user_name +
                   "'s, with mode 0700, or set FWKNOP_RUN_DIR and DIGEST_FILE to a folder that is";
    if (std::ranges::any_of(programs, is_legacy_iptables) && !can_open_legacy_lock())
        return "[*] FWKNOP_USER " + who.user_name + " cannot open '" + legacy_lock + "' (" +
               std::generic_category().message(errno) +
               "), which iptables-legacy needs: make the file, and let " + who.user_name +
               " read it, e.g. by a line 'f " + legacy_lock + " 0660 root " + who.group_name +
               "' in tmpfiles.d(5)";
    for (const stanza& entry : config.stanzas) {
        if (!entry.gpg.usable()) continue;
        if (const auto checked = gpg::check_engine({entry.gpg.program, entry.gpg.home_dir});
            !checked)
            return entry.file + ":" + std::to_string(entry.line) + ": [*] FWKNOP_USER " +
                   who.user_name + ": " + checked.error().text;
    }
    return std::nullopt;
}

} // namespace fwknop::daemon
