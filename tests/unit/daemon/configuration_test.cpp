// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/configuration.hpp"

#include <catch2/catch.hpp>

#include <ctime>
#include <filesystem>
#include <string>

using namespace fwknop;
using namespace fwknop::daemon;
using client::test::temporary_folder;

namespace fs = std::filesystem;

namespace {

/// A folder with fwknopd.conf and access.conf, and what comes of loading them.
struct files : temporary_folder {
    options given;
    configuration config;
    diagnostics report;

    files() {
        given.config_file = file("fwknopd.conf");
        server("");
        write("access.conf", "SOURCE ANY\nKEY opensesame\nREQUIRE_SOURCE_ADDRESS Y\n");
    }
    /// Sets fwknopd.conf to its least and these lines.
    void server(const std::string& lines) {
        write("fwknopd.conf", "ACCESS_FILE " + file("access.conf") + ";\n" + "FWKNOP_RUN_DIR " +
                                  file("run") + ";\n" + lines);
    }
    bool load() {
        config = {};
        report = {};
        return load_configuration(given, config, report);
    }
    bool load_server() {
        config = {};
        report = {};
        return load_server_config(given, config.server, report);
    }
    /// The first error, and that loading says so.
    std::string error() {
        CHECK_FALSE(load());
        REQUIRE(report.failed());
        return report.first_error()->to_string();
    }
};

/// As it is found in a file that has it in line `line`.
std::string in(const std::string& text, const std::string& path, int line) {
    return text + " (" + path + ":" + std::to_string(line) + ")";
}

} // namespace

TEST_CASE_METHOD(files, "both files together make a configuration") {
    REQUIRE(load());
    CHECK(report.all().empty());
    CHECK(config.stanzas.size() == 1);
    CHECK(config.server.config_file == file("fwknopd.conf"));
    CHECK(config.server.pid_file == file("run") + "/fwknopd.pid");
    CHECK(config.server.digest_file == file("run") + "/digest.cache");
}

TEST_CASE_METHOD(files, "each option wins over its directive") {
    struct row {
        std::optional<std::string> options::*option;
        const char* directive;
        std::string server_config::*member;
    };
    const row rows[] = {
        {&options::access_folder, "ACCESS_FOLDER", &server_config::access_folder},
        {&options::access_file, "ACCESS_FILE", &server_config::access_file},
        {&options::digest_file, "DIGEST_FILE", &server_config::digest_file},
        {&options::pid_file, "FWKNOP_PID_FILE", &server_config::pid_file},
        {&options::run_dir, "FWKNOP_RUN_DIR", &server_config::run_dir},
        {&options::pcap_file, "PCAP_FILE", &server_config::pcap_file},
        {&options::gpg_home_dir, "GPG_HOME_DIR", &server_config::gpg_home_dir},
        {&options::gpg_exe, "GPG_EXE", &server_config::gpg_exe},
        {&options::sudo_exe, "SUDO_EXE", &server_config::sudo_exe},
        {&options::locale, "LOCALE", &server_config::locale},
        {&options::pcap_filter, "PCAP_FILTER", &server_config::pcap_filter},
    };
    for (const row& each : rows) {
        CAPTURE(each.directive);
        server(std::string{each.directive} + " /from/file;\n");
        REQUIRE(load_server());
        CHECK(config.server.*each.member == "/from/file");
        given.*each.option = "/from/option";
        REQUIRE(load_server());
        CHECK(config.server.*each.member == "/from/option");
        (given.*each.option).reset();
    }
}

TEST_CASE_METHOD(files, "options that are no plain texts win, too") {
    server("PCAP_INTF eth7;\nENABLE_PCAP_ANY_DIRECTION N;\nENABLE_UDP_SERVER N;\nVERBOSE 1;\n");
    REQUIRE(load_server());
    CHECK(config.server.pcap_interfaces == std::vector<std::string>{"eth7"});
    CHECK_FALSE(config.server.pcap_any_direction);
    CHECK_FALSE(config.server.udp_server);
    CHECK(config.server.verbose == 1);

    given.interface = "eth1,eth2";
    given.pcap_any_direction = true;
    given.udp_server = true;
    given.verbose = 3;
    REQUIRE(load_server());
    CHECK(config.server.pcap_interfaces == std::vector<std::string>{"eth1", "eth2"});
    CHECK(config.server.pcap_any_direction);
    CHECK(config.server.udp_server);
    CHECK(config.server.verbose == 3);
}

TEST_CASE_METHOD(files, "what is not given leaves the file's word") {
    server("ENABLE_PCAP_ANY_DIRECTION Y;\nENABLE_UDP_SERVER Y;\n");
    REQUIRE(load_server());
    CHECK(config.server.pcap_any_direction);
    CHECK(config.server.udp_server);
}

TEST_CASE_METHOD(files,
                 "a value of an option is checked like one of a file, and names the option") {
    given.interface = "eth0,,eth1";
    CHECK(error() == "--interface: PCAP_INTF value 'eth0,,eth1' has an empty item: remove the "
                     "extra comma");
    given.interface.reset();
    given.run_dir = "run";
    CHECK_THAT(error(),
               Catch::Contains("Path 'run' is not absolute.") && Catch::StartsWith("--run-dir: "));
}

TEST_CASE_METHOD(files, "override files are read later and win, the last one most") {
    server("PCAP_FILTER one;\nSUDO_EXE one;\nGPG_EXE one;\nLOCALE one;\n");
    write("two.conf", "SUDO_EXE two;\nGPG_EXE two;\nLOCALE two;\n");
    write("three.conf", "GPG_EXE three;\nLOCALE three;\n");
    given.override_config = file("two.conf") + "," + file("three.conf");
    given.locale = "four";
    REQUIRE(load_server());
    CHECK(config.server.pcap_filter == "one");
    CHECK(config.server.sudo_exe == "two");
    CHECK(config.server.gpg_exe == "three");
    CHECK(config.server.locale == "four");
    CHECK(config.server.config_file == file("fwknopd.conf"));

    given.override_config = "," + file("three.conf") + ",";
    REQUIRE(load_server());
    CHECK(config.server.sudo_exe == "one");
    CHECK(config.server.gpg_exe == "three");
}

TEST_CASE_METHOD(files, "a file that is missing is named with the reason") {
    const auto missing = [](const std::string& path) {
        return "[*] Could not open config file: " + path + ": No such file or directory";
    };
    given.override_config = file("nowhere.conf");
    CHECK(error() == missing(file("nowhere.conf")));
    given.override_config.reset();

    fs::remove(file("access.conf"));
    CHECK_THAT(error(), Catch::Contains(file("access.conf")));

    fs::remove(file("fwknopd.conf"));
    CHECK(error() == missing(file("fwknopd.conf")));
}

TEST_CASE_METHOD(files, "a broken line ends the load with its place") {
    server("MAX_SPA_PACKET_AGE 0;\n");
    CHECK(error() == in("[*] var MAX_SPA_PACKET_AGE value '0' not in the range 1-100000",
                        file("fwknopd.conf"), 3));
    write("more.conf", "\nMAX_SPA_PACKET_AGE 100001;\n");
    server("");
    given.override_config = file("more.conf");
    CHECK(error() == in("[*] var MAX_SPA_PACKET_AGE value '100001' not in the range 1-100000",
                        file("more.conf"), 2));
    given.override_config.reset();
    write("access.conf", "SOURCE ANY\n");
    CHECK_THAT(error(), Catch::Contains("[*] No keys found for access stanza source: 'ANY'") &&
                            Catch::Contains(file("access.conf")));
    CHECK(config.stanzas.empty());
    // What only needs fwknopd.conf does not look at access.conf.
    CHECK(load_server());
}

TEST_CASE_METHOD(files, "permissions that are too wide are a warning") {
    const auto wide = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
    for (const std::string name : {"fwknopd.conf", "access.conf"}) {
        fs::permissions(file(name), wide);
        REQUIRE(load());
        REQUIRE(report.all().size() == 1);
        CHECK_THAT(report.all().front().to_string(),
                   Catch::Contains("[-] file: " + file(name) +
                                   " permissions should only be user read/write"));
        fs::permissions(file(name), fs::perms::owner_read | fs::perms::owner_write);
    }
}

TEST_CASE_METHOD(files, "the account to become is looked up, and told with its place") {
    const std::string refusal =
        "[*] FWKNOP_USER 'nobody-of-that-name': no such user on this system";
    SECTION("in fwknopd.conf") {
        server("\nFWKNOP_USER nobody-of-that-name;\n");
        CHECK(error() == in(refusal, file("fwknopd.conf"), 4));
        CHECK_FALSE(load_server());
        server("FWKNOP_USER root;\n");
        CHECK(load());
    }
    SECTION("in an override file") {
        write("more.conf", "FWKNOP_USER nobody-of-that-name;\n");
        given.override_config = file("more.conf");
        CHECK(error() == in(refusal, file("more.conf"), 1));
    }
}

TEST_CASE_METHOD(files, "accounts that are not there are told with their place") {
    struct row {
        const char* directive;
        const char* kind;
    };
    for (const row& each :
         {row{"CMD_EXEC_USER", "user"}, row{"CMD_EXEC_GROUP", "group"},
          row{"CMD_SUDO_EXEC_USER", "user"}, row{"CMD_SUDO_EXEC_GROUP", "group"}}) {
        const std::string directive = each.directive;
        const auto with = [&](const std::string& name) {
            write("access.conf", "SOURCE ANY\nKEY opensesame\nREQUIRE_SOURCE_ADDRESS Y\n" +
                                     directive + " " + name + "\n");
        };
        with("no-such-account");
        CHECK(error() == in("[*] " + directive + " 'no-such-account': no such " + each.kind +
                                " on this system",
                            file("access.conf"), 4));
        with("root");
        CHECK(load());
    }
}

TEST_CASE_METHOD(files, "a folder of access files takes the file's place") {
    fs::create_directory(file("access"));
    write("access/b.conf", "SOURCE 10.0.0.0/8\nKEY second\n");
    write("access/a.conf", "SOURCE ANY\nKEY first\n");
    write("access/notes.txt", "nonsense\n");
    given.access_folder = file("access");
    REQUIRE(load());
    REQUIRE(config.stanzas.size() == 2);
    CHECK(config.stanzas[0].source_text == "ANY");
    CHECK(config.stanzas[1].file == file("access/b.conf"));
}

TEST_CASE_METHOD(files, "an expiry date is local midnight") {
    write("access.conf", "SOURCE ANY\nKEY opensesame\nACCESS_EXPIRE 07/04/2026\n");
    REQUIRE(load());
    REQUIRE(config.stanzas.front().expiry.has_value());
    const std::time_t seconds = to_seconds(*config.stanzas.front().expiry);
    std::tm local{};
    REQUIRE(::localtime_r(&seconds, &local) != nullptr);
    CHECK(local.tm_year == 126);
    CHECK(local.tm_mon == 6);
    CHECK(local.tm_mday == 4);
    CHECK(local.tm_hour == 0);
    CHECK(local.tm_min == 0);
}
