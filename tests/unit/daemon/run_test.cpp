// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/forked.hpp"
#include "daemon/run.hpp"
#include "daemon/run_lock.hpp"

#include <fwknop/error.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace fwknop::daemon;
using fwknop::client::test::temporary_folder;
using fwknop::daemon::test::forked;

namespace {

/// What a stream gets goes here as long as it lives.
class redirected {
  public:
    explicit redirected(std::ostream& stream)
        : stream_{stream}, before_{stream.rdbuf(text_.rdbuf())} {}
    redirected(const redirected&) = delete;
    redirected& operator=(const redirected&) = delete;
    ~redirected() { stream_.rdbuf(before_); }
    [[nodiscard]] std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
    std::ostream& stream_;
    std::streambuf* before_;
};

struct outcome {
    int status = 0;
    std::string out;
    std::string error; ///< standard error, or the text of what was thrown
};

/// A folder with a configuration, and fwknopd called with it.
struct installation : temporary_folder {
    installation() {
        server("");
        write("access.conf", "SOURCE ANY\nKEY opensesame\nREQUIRE_SOURCE_ADDRESS Y\n");
        std::filesystem::create_directory(file("run"));
    }
    void server(const std::string& lines) {
        write("fwknopd.conf", "ACCESS_FILE " + file("access.conf") + ";\n" + "FWKNOP_RUN_DIR " +
                                  file("run") + ";\n" + lines);
    }
    [[nodiscard]] std::string pid_file() const { return file("run/fwknopd.pid"); }

    [[nodiscard]] outcome call(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"-c", file("fwknopd.conf")});
        const redirected out{std::cout};
        const redirected error{std::cerr};
        try {
            const int status = run(arguments);
            return {status, out.text(), error.text()};
        } catch (const std::runtime_error& thrown) {
            return {1, out.text(), error.text() + thrown.what()};
        }
    }

    /// A process that holds the lock as a daemon does; on `number` it does as it is told.
    [[nodiscard]] auto daemon(int number) const {
        return [this, number](const forked::teller& tell) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, number);
            sigprocmask(SIG_BLOCK, &set, nullptr);
            const auto lock = run_lock::acquire(pid_file());
            tell();
            int got = 0;
            sigwait(&set, &got);
            tell();
            return 0;
        };
    }
};

} // namespace

TEST_CASE_METHOD(installation, "the configuration test says yes") {
    const auto told = call({"--exit-parse-config"});
    CHECK(told.status == 0);
    CHECK(told.out == "Configs parsed, exiting.\n");
    CHECK(told.error.empty());
}

TEST_CASE_METHOD(installation, "the configuration test says no, with file, line and reason") {
    server("MAX_SPA_PACKET_AGE 0;\n");
    const auto told = call({"--exit-parse-config"});
    CHECK(told.status == 1);
    CHECK(told.out.empty());
    CHECK(told.error == "[*] var MAX_SPA_PACKET_AGE value '0' not in the range 1-100000 (" +
                            file("fwknopd.conf") + ":3)\n");
}

TEST_CASE_METHOD(installation, "warnings are printed and are no failure") {
    server("NONSENSE yes;\n");
    const auto told = call({"--exit-parse-config"});
    CHECK(told.status == 0);
    CHECK_THAT(told.error, Catch::StartsWith("[*] Ignoring unknown configuration parameter: "
                                             "'NONSENSE' in " +
                                             file("fwknopd.conf")));
}

TEST_CASE_METHOD(installation, "a wrong command line ends with 1 and one line") {
    const auto told = call({"--nonsense"});
    CHECK(told.status == 1);
    CHECK(told.out.empty());
    CHECK_THAT(told.error, Catch::StartsWith("fwknopd: ") && Catch::EndsWith("\n"));
}

TEST_CASE_METHOD(installation, "help and version need no configuration") {
    std::filesystem::remove(file("fwknopd.conf"));
    CHECK(call({"--help"}).status == 0);
    CHECK_THAT(call({"--help"}).out, Catch::Contains("--access-file"));
    CHECK_THAT(call({"-V"}).out, Catch::StartsWith("fwknopd server "));
    CHECK(call({"--exit-parse-config"}).status == 1);
}

TEST_CASE_METHOD(installation, "new keys are printed, or written to a private file") {
    const auto told = call({"--key-gen", "--key-len", "3", "--hmac-key-len", "6"});
    CHECK(told.status == 0);
    CHECK_THAT(told.out, Catch::Matches("KEY_BASE64: [A-Za-z0-9+/]{4}\nHMAC_KEY_BASE64: "
                                        "[A-Za-z0-9+/]{8}\n"));
    CHECK(call({"-k"}).out != call({"-k"}).out);
    CHECK_THAT(call({"-k", "--hmac-digest-type", "md5"}).out,
               Catch::Matches("KEY_BASE64: .{44}\nHMAC_KEY_BASE64: .{24}\n"));

    write("keys", "an older, longer text that others may read, gone afterwards");
    std::filesystem::permissions(file("keys"), std::filesystem::perms{0644});
    const auto written = call({"--key-gen-file", file("keys"), "--key-len=3"});
    CHECK(written.out == "[+] Wrote Rijndael and HMAC keys to: " + file("keys") + "\n");
    CHECK_THAT(read("keys"), Catch::Matches("KEY_BASE64: .{4}\nHMAC_KEY_BASE64: .{88}\n"));
    CHECK(std::filesystem::status(file("keys")).permissions() == std::filesystem::perms{0600});
}

TEST_CASE_METHOD(installation, "keys that cannot be made are refused with the range") {
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
        {{"-k", "--key-len", "33"}, "--key-len must be within [1-32], not '33'"},
        {{"-k", "--key-len", "0"}, "--key-len must be within [1-32], not '0'"},
        {{"-k", "--hmac-key-len", "129"}, "--hmac-key-len must be within [1-128], not '129'"},
        {{"-k", "--hmac-key-len", "x"}, "--hmac-key-len must be within [1-128], not 'x'"},
        {{"-k", "--hmac-digest-type", "crc"}, "--hmac-digest-type 'crc': use {md5,"},
        {{"--key-gen-file", file("no/keys")}, "cannot write the keys to '" + file("no/keys")},
    };
    for (const auto& [arguments, complaint] : rows) {
        const auto told = call(arguments);
        INFO(complaint);
        CHECK(told.status == 1);
        CHECK(told.out.empty());
        CHECK_THAT(told.error, Catch::StartsWith("fwknopd: " + complaint));
    }
}

TEST_CASE_METHOD(installation, "every reason to refuse a packet can be listed") {
    const auto told = call({"--dump-serv-err-codes"});
    CHECK(told.status == 0);
    CHECK(std::count(told.out.begin(), told.out.end(), '\n') ==
          static_cast<std::ptrdiff_t>(fwknop::errc_count));
    CHECK_THAT(told.out, Catch::Contains("err string: 'HMAC does not match'\n"));
}

TEST_CASE_METHOD(installation, "the replay file is tested, and rotated on demand") {
    write("run/digest.cache", "nonsense\n");
    const auto told = call({"--exit-parse-digest-cache"});
    CHECK(told.status == 0);
    CHECK(told.out == "Digest cache parsed, exiting.\n");
    CHECK_THAT(told.error, Catch::Contains("*Skipping invalid digest file entry in " +
                                           file("run/digest.cache") + " at line 1.\n"));
    CHECK(read("run/digest.cache") == "nonsense\n");

    const auto rotated = call({"--exit-parse-digest-cache", "--rotate-digest-cache"});
    CHECK(rotated.status == 0);
    CHECK(read("run/digest.cache-old") == "nonsense\n");
    CHECK_FALSE(std::filesystem::exists(file("run/digest.cache")));
}

TEST_CASE_METHOD(installation, "the replay file of a running daemon is not taken away from it") {
    write("run/digest.cache", "");
    forked other{daemon(SIGTERM)};
    REQUIRE(other.hear());
    const auto told = call({"--exit-parse-digest-cache", "--rotate-digest-cache"});
    CHECK(told.status == 1);
    CHECK_THAT(told.error, Catch::Contains("already running"));
    CHECK(std::filesystem::exists(file("run/digest.cache")));
    REQUIRE(call({"-K"}).status == 0);
    CHECK(other.wait() == 0);
}

TEST_CASE_METHOD(installation, "an unknown locale is a warning") {
    const auto told = call({"--exit-parse-config", "--locale", "xx_YY"});
    CHECK(told.status == 0);
    CHECK_THAT(told.error, Catch::StartsWith("WARNING: Unable to set locale to 'xx_YY'.\n"));
}

TEST_CASE_METHOD(installation, "the dump has both lists and no key") {
    const auto told = call({"-D"});
    CHECK(told.status == 0);
    CHECK_THAT(told.out,
               Catch::StartsWith("Current fwknopd config settings:\n") &&
                   Catch::Contains("ACCESS_FILE                  =  '" + file("access.conf") +
                                   "'  (" + file("fwknopd.conf") + ":1)\n") &&
                   Catch::Contains("MAX_SNIFF_BYTES              =  '1500'  (default)") &&
                   Catch::Contains("\nCurrent fwknopd access settings:\n") &&
                   Catch::Contains("SOURCE (1):  ANY\n"));
    CHECK_THAT(told.out, !Catch::Contains("opensesame"));
}

TEST_CASE_METHOD(installation, "without a daemon there is nothing to tell, stop or restart") {
    const auto status = call({"-S"});
    CHECK(status.status == 1);
    CHECK(status.out == "No running fwknopd detected.\n");
    for (const std::string option : {"-K", "-R"}) {
        const auto told = call({option});
        CHECK(told.status == 1);
        CHECK(told.error == "No running fwknopd detected.\n");
    }
}

TEST_CASE_METHOD(installation, "the file of a daemon that is gone fools nobody") {
    write("run/fwknopd.pid", std::to_string(::getpid()) + "\n");
    CHECK(call({"-S"}).status == 1);
    CHECK(call({"-K"}).status == 1); // or this process would not be here any more
}

TEST_CASE_METHOD(installation, "a running daemon is told about and stopped") {
    forked other{daemon(SIGTERM)};
    REQUIRE(other.hear());
    const std::string number = "(pid=" + std::to_string(other.pid()) + ")";
    const auto status = call({"-S"});
    CHECK(status.status == 0);
    CHECK(status.out == "Detected fwknopd is running " + number + ".\n");

    const auto killed = call({"-K"});
    REQUIRE(killed.status == 0); // or it would be waited for in vain
    CHECK(killed.out == "Killed fwknopd " + number + " via SIGTERM\n");
    CHECK(other.wait() == 0);
    CHECK(call({"-S"}).status == 1);
}

TEST_CASE_METHOD(installation, "a running daemon is told to read its files again") {
    forked other{daemon(SIGHUP)};
    REQUIRE(other.hear());
    const auto told = call({"-R"});
    REQUIRE(told.status == 0);
    CHECK(told.out == "Sent restart signal to fwknopd (pid=" + std::to_string(other.pid()) + ")\n");
    CHECK(other.hear());
    CHECK(other.wait() == 0);
}

TEST_CASE_METHOD(installation, "keys are asked of access.conf only by what needs them") {
    write("access.conf", "SOURCE ANY\n");
    CHECK(call({"-S"}).out == "No running fwknopd detected.\n");
    CHECK(call({"-D"}).status == 1);
}
