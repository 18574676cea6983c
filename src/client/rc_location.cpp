// SPDX-License-Identifier: Apache-2.0
#include "client/rc_location.hpp"

#include <algorithm>
#include <system_error>

namespace fwknop::client {
namespace fs = std::filesystem;

checked<user_files> locate_files(const settings& options, const variable_reader& variable,
                                 const std::function<bool(const fs::path&)>& exists) {
    user_files files;
    const bool rc_given = !options.rc_file.empty();
    const bool rc_needed = !options.no_rc_file && !rc_given;
    const bool args_needed = !options.no_save_args && options.args_file.empty();
    fs::path home;
    if (options.no_home_dir) {
        if (rc_needed) return failure("Warning: in --no-home-dir mode, must set --rc-file path.");
        if (args_needed)
            return failure("In --no-home-dir mode must set the args save file path with -E");
    } else {
        home = variable("HOME").value_or("");
        if (home.empty() && rc_needed)
            return failure("Warning: Unable to determine HOME directory.\n"
                           " No .fwknoprc file processed. Set HOME, or use --no-rc-file.");
        if (home.empty() && args_needed)
            return failure("Unable to determine args save file: set HOME, or use -E or "
                           "--no-save-args.");
    }

    if (rc_given && !options.no_rc_file) files.rc = options.rc_file;
    if (rc_needed) {
        files.rc = home / ".fwknoprc";
        files.rc_folder = home / ".fwknoprc.d";
        const auto xdg = variable("XDG_CONFIG_HOME");
        // The specification of the XDG folders says to ignore relative ones.
        if (!exists(files.rc) && xdg && fs::path{*xdg}.is_absolute() &&
            exists(fs::path{*xdg} / "fwknop/fwknoprc"))
            files.rc = fs::path{*xdg} / "fwknop/fwknoprc";
    }
    if (!options.args_file.empty())
        files.last_command = options.args_file;
    else if (!home.empty())
        files.last_command = home / ".fwknop.run";
    return files;
}

std::vector<fs::path> folder_files(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator each{folder, error}, end; !error && each != end;
         each.increment(error))
        if (each->path().extension() == ".conf") found.push_back(each->path());
    std::sort(found.begin(), found.end());
    return found;
}

const std::string_view initial_rc =
    R"(# ~/.fwknoprc: settings of the fwknop client, see fwknoprc(5).
#
# Stanzas begin with a name in brackets. [default] applies to every run; another one is chosen with
# "fwknop -n NAME" and overrides it; options of the command line override both.
#
# Keep this file readable by you alone (mode 0600): it holds keys.

[default]
#DIGEST_TYPE         sha256
#FW_TIMEOUT          30
#SPA_SERVER_PORT     62201
#SPA_SERVER_PROTO    udp
#ALLOW_IP            <address>
#SPOOF_USER          <user name>
#TIME_OFFSET         0
#NO_SAVE_ARGS        N

# A server of yours. "fwknop --key-gen" makes the two keys; the server's access.conf has the same.
#
#[myssh]
#SPA_SERVER          192.0.2.20
#ACCESS              tcp/22
#ALLOW_IP            198.51.100.7
#KEY_BASE64          <key>
#HMAC_KEY_BASE64     <key>
#
# Access to port 8088 of the server, forwarded to port 80 of a machine behind it, for a minute.
#
#[mynat]
#SPA_SERVER          192.0.2.20
#ACCESS              tcp/8088
#ALLOW_IP            198.51.100.7
#NAT_ACCESS          10.0.0.5,80
#FW_TIMEOUT          60
)";

} // namespace fwknop::client
