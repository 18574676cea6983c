// SPDX-License-Identifier: Apache-2.0
#include "client/rc_reader.hpp"

#include "client/files.hpp"

#include <cerrno>
#include <filesystem>
#include <ostream>
#include <system_error>
#include <utility>

namespace fwknop::client {
namespace {

void create_rc(const std::filesystem::path& path, std::ostream& out, std::ostream& err) {
    out << "[*] Creating initial rc file: " << path.string() << ".\n";
    if (const auto done = write_private_file(path, initial_rc, write_mode::create_new); !done)
        err << "Unable to create initial rc file: " << done.error().text << '\n';
}

} // namespace

checked<rc_files> read_rc_files(const user_files& files, std::ostream& out, std::ostream& err) {
    rc_files read;
    if (files.rc.empty()) return read;
    std::error_code ignored;
    if (!std::filesystem::exists(files.rc, ignored)) create_rc(files.rc, out, err);
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::exists(files.rc, ignored)) paths.push_back(files.rc);
    for (auto& each : folder_files(files.rc_folder)) paths.push_back(std::move(each));
    for (const auto& path : paths) {
        if (const auto warning = permission_warning(path); !warning.empty()) err << warning << '\n';
        auto text = read_secret_file(path);
        if (!text)
            return failure("Unable to open rc file: " + path.string() + ": " +
                           std::generic_category().message(errno));
        read.memory.push_back(std::move(*text));
        read.texts.push_back({path.string(), read.memory.back().text()});
    }
    return read;
}

void list_stanzas(const rc_files& rc, std::ostream& out) {
    for (const auto& each : rc.texts) {
        out << "The following stanzas are configured in " << each.name << " :\n";
        for (const auto& name : stanza_names(each.text)) out << " - " << name << '\n';
    }
}

} // namespace fwknop::client
