// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_lookup.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include <unistd.h>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace std::chrono_literals;

namespace asio = boost::asio;

namespace {

// A program in place of getent.
struct stand_in {
    std::filesystem::path path;
    lookup_settings settings;
    asio::io_context context;
    std::map<std::string, lookup_result> results;

    explicit stand_in(const std::string& body) {
        path = std::filesystem::temp_directory_path() /
               ("fwknop-getent-" + std::to_string(::getpid()));
        std::ofstream{path} << "#!/bin/sh\n" << body << "\n";
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        settings.program = path.string();
    }
    stand_in(const stand_in&) = delete;
    stand_in& operator=(const stand_in&) = delete;
    ~stand_in() { std::filesystem::remove(path); }

    void ask(name_lookup& names, const std::string& host, ip_family family = ip_family::v4) {
        asio::co_spawn(context, names.find(host, family),
                       [this, host](const std::exception_ptr& error, lookup_result result) {
                           REQUIRE_FALSE(error);
                           results[host] = std::move(result);
                       });
    }
    lookup_result once(const std::string& host, ip_family family = ip_family::v4) {
        name_lookup names{settings};
        ask(names, host, family);
        context.restart();
        context.run();
        CHECK(names.running() == 0);
        return results[host];
    }
};

ip_address at(std::string_view text) {
    return *ip_address::parse(text);
}

} // namespace

TEST_CASE("the first address of the family counts") {
    const std::string listing = "::ffff:10.0.0.5 STREAM host\n"
                                "fe80::1%eth0    STREAM \n"
                                "0.0.0.0 DGRAM\n"
                                "10.0.0.6\n"
                                "fd00::5\tSTREAM\n"
                                "fd00::6 DGRAM";
    CHECK(first_address(listing, ip_family::v4) == at("10.0.0.5"));
    CHECK(first_address(listing, ip_family::v6) == at("fd00::5"));
    CHECK_FALSE(first_address("10.0.0.6 STREAM", ip_family::v6));
    CHECK_FALSE(first_address("", ip_family::v4));
    CHECK_FALSE(first_address("\n\nhost 10.0.0.6\n", ip_family::v4));
}

TEST_CASE("the name is one word that is no option, and the family its own question") {
    stand_in host{R"([ "$#" = 3 ] && [ "$2" = -- ] && [ "$3" = "-i x;y" ] || exit 1
case $1 in ahostsv4) echo 10.0.0.5 STREAM ;; ahostsv6) echo fd00::5 STREAM ;; esac)"};
    CHECK(host.once("-i x;y").address == at("10.0.0.5"));
    CHECK(host.once("-i x;y", ip_family::v6).address == at("fd00::5"));
}

TEST_CASE("no address is no grant, with the reason") {
    CHECK(stand_in{"exit 2"}.once("x").error == "no such host");
    CHECK(stand_in{"echo ::ffff:10.0.0.5"}.once("x", ip_family::v6).error ==
          "it has no address of the client's family");
    CHECK(stand_in{"echo why >&2; exit 1"}.once("x").error.find("why") != std::string::npos);
    stand_in gone{"exit 0"};
    gone.settings.program = "/nonexistent/getent";
    CHECK(gone.once("x").error.find("/nonexistent/getent") != std::string::npos);
}

TEST_CASE("a look-up that hangs is ended") {
    stand_in host{"exec sleep 100"};
    host.settings.time_limit = 100ms;
    const auto found = host.once("x");
    CHECK_FALSE(found.address);
    CHECK(found.error.find("0.1 s") != std::string::npos);
}

TEST_CASE("look-ups do not wait for one another, and there is a limit to them") {
    stand_in host{R"(case $3 in slow*) exec sleep 100 ;; esac; echo 10.0.0.5)"};
    host.settings.time_limit = 10s;
    host.settings.most = 3;
    name_lookup names{host.settings};
    const auto end = std::chrono::steady_clock::now() + 5s;
    const auto wait_for = [&](const char* name) {
        while (!host.results.contains(name) && std::chrono::steady_clock::now() < end) {
            host.context.restart();
            host.context.run_for(10ms);
        }
        return host.results[name];
    };
    host.ask(names, "slow1");
    host.ask(names, "quick");
    CHECK(wait_for("quick").address == at("10.0.0.5"));
    CHECK(names.running() == 1);
    for (const auto* const name : {"slow2", "slow3", "late"}) host.ask(names, name);
    CHECK(wait_for("late").error == "3 look-ups are under way already, try again");
    CHECK(names.running() == 3);
    host.context.stop(); // children that are left are ended with it
}
