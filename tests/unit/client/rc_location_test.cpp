// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/rc_file.hpp"
#include "client/rc_location.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <set>

using namespace fwknop::client;

namespace {

checked<user_files> locate(const settings& options,
                           const std::map<std::string, std::string>& environment,
                           const std::set<std::filesystem::path>& present = {}) {
    return locate_files(
        options,
        [&](std::string_view name) -> std::optional<std::string> {
            const auto found = environment.find(std::string{name});
            return found == environment.end() ? std::nullopt : std::optional{found->second};
        },
        [&](const std::filesystem::path& path) { return present.count(path) != 0; });
}

} // namespace

TEST_CASE("files live in the home directory") {
    const auto files = locate({}, {{"HOME", "/h"}});
    REQUIRE(files);
    CHECK(files->rc == "/h/.fwknoprc");
    CHECK(files->rc_folder == "/h/.fwknoprc.d");
    CHECK(files->last_command == "/h/.fwknop.run");
}

TEST_CASE("the XDG folder is used when the home directory has no rc file") {
    const std::map<std::string, std::string> both{{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}};
    CHECK(locate({}, both, {"/x/fwknop/fwknoprc"})->rc == "/x/fwknop/fwknoprc");
    CHECK(locate({}, both, {"/x/fwknop/fwknoprc", "/h/.fwknoprc"})->rc == "/h/.fwknoprc");
    CHECK(locate({}, both)->rc == "/h/.fwknoprc");
    CHECK(locate({}, {{"HOME", "/h"}, {"XDG_CONFIG_HOME", "x"}}, {"x/fwknop/fwknoprc"})->rc ==
          "/h/.fwknoprc");
}

TEST_CASE("options say where the files are") {
    settings options;
    options.rc_file = "r";
    options.args_file = "a";
    const auto files = locate(options, {});
    REQUIRE(files);
    CHECK(files->rc == "r");
    CHECK(files->rc_folder.empty());
    CHECK(files->last_command == "a");
    options.no_rc_file = true;
    CHECK(locate(options, {})->rc.empty());
}

TEST_CASE("without a home directory everything must be said") {
    settings options;
    CHECK(
        locate(options, {}).error().text.rfind("Warning: Unable to determine HOME directory.", 0) ==
        0);
    options.no_rc_file = true;
    CHECK(locate(options, {}).error().text.rfind("Unable to determine args save file", 0) == 0);
    options.no_save_args = true;
    CHECK(locate(options, {}));
    options = {};
    options.no_home_dir = true;
    CHECK(locate(options, {{"HOME", "/h"}}).error().text ==
          "Warning: in --no-home-dir mode, must set --rc-file path.");
    options.rc_file = "r";
    CHECK(locate(options, {{"HOME", "/h"}}).error().text ==
          "In --no-home-dir mode must set the args save file path with -E");
    options.args_file = "a";
    CHECK(locate(options, {{"HOME", "/h"}}));
}

TEST_CASE("the folder's .conf files, sorted") {
    const test::temporary_folder folder;
    folder.write("b.conf", "");
    folder.write("a.conf", "");
    folder.write("c.bak", "");
    const auto found = folder_files(folder.path());
    REQUIRE(found.size() == 2);
    CHECK(found[0].filename() == "a.conf");
    CHECK(folder_files(folder.path() / "none").empty());
}

TEST_CASE("the initial rc file is valid and changes nothing") {
    settings to;
    const std::array texts{rc_text{"rc", initial_rc}};
    CHECK(apply_rc(to, texts, ""));
    CHECK(to.port == settings{}.port);
    CHECK(stanza_names(initial_rc).empty());
}

TEST_CASE("every example in the initial rc file is valid once it is uncommented") {
    std::string text{initial_rc};
    std::string lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        auto line = text.substr(begin, end - begin);
        if (line.size() > 1 && line[0] == '#' && line[1] != ' ' &&
            line.find('<') == std::string::npos)
            line.erase(0, 1);
        lines += line + '\n';
        begin = end + 1;
    }
    settings to;
    const std::array texts{rc_text{"rc", lines}};
    CHECK(apply_rc(to, texts, "mynat"));
    CHECK(to.nat_access == "10.0.0.5,80");
    CHECK(stanza_names(lines) == std::vector<std::string>{"myssh", "mynat"});
}
