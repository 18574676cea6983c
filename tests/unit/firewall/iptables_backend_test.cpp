// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_keeper.hpp"
#include "firewall/iptables_backend.hpp"
#include "sample.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace asio = boost::asio;

namespace {

struct errors_only final : keeper_observer {
    std::vector<std::string> errors;
    void added(const opened_event&) override {}
    void extended(const opened_event&) override {}
    void removed(const removed_event&) override {}
    void open_failed(const open_request&, const std::string& error) override {
        errors.push_back(error);
    }
    void close_failed(std::size_t, const std::string& error, std::chrono::milliseconds) override {
        errors.push_back(error);
    }
    void inspect_failed(const std::string& error, std::chrono::milliseconds) override {
        errors.push_back(error);
    }
    void jump_added(const added_jump&) override {}
    void repaired(const std::string&) override {}
};

// Programs that misbehave as the test says, in place of iptables.
class stand_ins {
  public:
    stand_ins() {
        std::string name = (std::filesystem::temp_directory_path() / "fwknop-ipt-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        directory_ = name;
        options.layout = layout();
        options.programs.v4 = {name + "/iptables", name + "/iptables-restore",
                               name + "/iptables-save"};
        options.programs.notice = "IPv6 is not handled";
        write("iptables-restore", "exit 0");
        write("iptables-save", "exit 0");
    }
    stand_ins(const stand_ins&) = delete;
    stand_ins& operator=(const stand_ins&) = delete;
    ~stand_ins() { std::filesystem::remove_all(directory_); }

    void write(const std::string& name, const std::string& body) const {
        const auto path = directory_ / name;
        std::ofstream{path} << "#!/bin/sh\n" << body << "\n";
        ::chmod(path.c_str(), 0700);
    }
    [[nodiscard]] std::string directory() const { return directory_.string(); }

    iptables_options options;

  private:
    std::filesystem::path directory_;
};

template <class T>
T wait_for(asio::io_context& context, asio::awaitable<T> operation) {
    std::optional<T> result;
    asio::co_spawn(context, std::move(operation), [&](std::exception_ptr error, T value) {
        REQUIRE_FALSE(error);
        result = std::move(value);
    });
    context.restart();
    while (!result) context.run_one();
    return *result;
}

} // namespace

TEST_CASE("start says what is missing or not allowed, with the remedy") {
    stand_ins host;
    asio::io_context context;

    SECTION("not root") {
        host.write("iptables-save",
                   "echo 'iptables v1.8.9: Permission denied (you must be root)' >&2; exit 4");
        iptables_backend filter{host.options};
        CHECK(wait_for(context, filter.start(at(0))).error ==
              host.directory() +
                  "/iptables-save: exit status 4: iptables v1.8.9: Permission denied (you must be "
                  "root): start the daemon as root or give it CAP_NET_ADMIN and CAP_NET_RAW");
    }
    SECTION("no comment match") {
        host.write("iptables-restore", "grep -q _exp_1 && { echo 'no such match' >&2; exit 2; }\n"
                                       "exit 0");
        iptables_backend checked{host.options};
        CHECK(wait_for(context, checked.start(at(0))).error.find("ENABLE_IPT_COMMENT_CHECK") !=
              std::string::npos);
        host.options.comment_check = false;
        iptables_backend unchecked{host.options};
        CHECK(wait_for(context, unchecked.start(at(0))).ok());
    }
    SECTION("no program") {
        host.options.programs.error = "iptables is not installed";
        iptables_backend filter{host.options};
        CHECK(wait_for(context, filter.start(at(0))).error == "iptables is not installed");
    }
}

TEST_CASE("IPv6 that does not work is a notice at start and an error for who asks") {
    stand_ins host;
    asio::io_context context;
    host.write("six-save", "echo 'no ip6' >&2; exit 3");
    host.options.programs.v6 = {host.directory() + "/six", host.directory() + "/six-restore",
                                host.directory() + "/six-save"};
    host.options.programs.notice.clear();
    iptables_backend filter{host.options};
    const auto started = wait_for(context, filter.start(at(0)));
    CHECK(started.ok());
    CHECK(started.notices == std::vector<std::string>{"IPv6 is not handled: " + host.directory() +
                                                      "/six-save: exit status 3: no ip6"});

    grant_table wanted;
    wanted.open(tcp("2001:db8::7", 22), 30s, at(0));
    wanted.open(tcp("192.0.2.7", 22), 30s, at(0));
    const change_batch batch{{{change_kind::add, tcp("192.0.2.7", 22), at(30).wall, {}},
                              {change_kind::add, tcp("2001:db8::7", 22), at(30).wall, {}}},
                             {}};
    const auto outcome = wait_for(context, filter.apply(batch, wanted, at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].changes == std::vector<std::size_t>{1});
    CHECK_FALSE(outcome.failures[0].uncertain);
}

TEST_CASE("IPv6 whose rules can be listed but not changed ends the start") {
    stand_ins host;
    asio::io_context context;
    host.write("six-save", "echo '*filter'; echo COMMIT");
    host.write("six-restore", "cat >/dev/null; echo 'lock is held' >&2; exit 4");
    host.options.programs.v6 = {host.directory() + "/six", host.directory() + "/six-restore",
                                host.directory() + "/six-save"};
    host.options.programs.notice.clear();
    iptables_backend filter{host.options};
    const auto started = wait_for(context, filter.start(at(0)));
    CHECK_FALSE(started.ok());
    CHECK(started.error.find("lock is held") != std::string::npos);
}

TEST_CASE("a kernel without NAT of IPv6 does the rest") {
    stand_ins host;
    asio::io_context context;
    auto& chains = host.options.layout;
    chains.forward = {"ACCEPT", "filter", "FORWARD", 1, "FWKNOP_FORWARD", 1};
    chains.dnat = {"DNAT", "nat", "PREROUTING", 1, "FWKNOP_PREROUTING", 1};
    const std::string seen = host.directory() + "/seen";
    host.write("six-restore", "cat >> " + seen);
    const bool lists = GENERATE(true, false); // the nft variant lists a table that it cannot make
    host.write("six-save", lists ? "exit 0" : "[ $2 = filter ] || { echo no nat >&2; exit 3; }");
    if (lists)
        host.write("six-restore", "script=$(cat); case $script in *nat*) echo no nat >&2; exit 3;; "
                                  "esac; echo \"$script\" >> " +
                                      seen);
    host.options.programs.v6 = {host.directory() + "/six", host.directory() + "/six-restore",
                                host.directory() + "/six-save"};
    host.options.programs.notice.clear();
    iptables_backend filter{host.options};
    const auto started = wait_for(context, filter.start(at(0)));
    CHECK(started.error.empty());
    REQUIRE(started.notices.size() == 1);
    CHECK(started.notices[0].starts_with("NAT of IPv6 is not handled: "));
    CHECK(started.notices[0].ends_with("no nat"));

    nat_route route;
    route.inside = {address("fd00::5"), 22};
    const auto key = make_grant_key(address("2001:db8::7"), {}, {protocol::tcp, 8022}, route);
    grant_table wanted;
    wanted.open(tcp("2001:db8::7", 22), 30s, at(0));
    const change_batch batch{{{change_kind::add, key, at(30).wall, {}},
                              {change_kind::add, tcp("2001:db8::7", 22), at(30).wall, {}}},
                             {}};
    const auto outcome = wait_for(context, filter.apply(batch, wanted, at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].changes == std::vector<std::size_t>{0});
    CHECK(outcome.failures[0].error.find("NAT of IPv6 is not handled") == 0);
    std::ifstream file{seen};
    const std::string done{std::istreambuf_iterator<char>{file}, {}};
    CHECK(done.find("-A FWKNOP_INPUT -p 6 -s 2001:db8::7 --dport 22") != std::string::npos);
    CHECK(done.find("-A FWKNOP_FORWARD") == std::string::npos); // no half of a grant
    CHECK(wait_for(context, filter.stop()).error.empty());
}

TEST_CASE("but not where an earlier run left something") {
    stand_ins host;
    asio::io_context context;
    host.options.layout.dnat = {"DNAT", "nat", "PREROUTING", 1, "FWKNOP_PREROUTING", 1};
    host.write("six-save", "[ $2 = filter ] || echo '*nat\n:FWKNOP_PREROUTING - [0:0]\nCOMMIT'");
    host.write("six-restore", "case $(cat) in *nat*) echo no nat >&2; exit 3;; esac");
    host.options.programs.v6 = {host.directory() + "/six", host.directory() + "/six-restore",
                                host.directory() + "/six-save"};
    iptables_backend filter{host.options};
    CHECK(wait_for(context, filter.start(at(0))).error.ends_with("no nat"));
}

TEST_CASE("after a script that was killed the table is looked at first") {
    stand_ins host;
    asio::io_context context;
    host.options.time_limit = 200ms;
    host.options.comment_check = false;
    iptables_backend filter{host.options};
    REQUIRE(wait_for(context, filter.start(at(0))).ok());

    const change_batch batch{{{change_kind::add, tcp("192.0.2.7", 22), at(30).wall, {}}}, {}};
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 30s, at(0));
    host.write("iptables-restore", "exec sleep 100");
    const auto outcome = wait_for(context, filter.apply(batch, wanted, at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].uncertain);
    CHECK(outcome.failures[0].error.find("did not finish within 0.2 s") != std::string::npos);

    const std::string seen = host.directory() + "/seen";
    host.write("iptables-save", "echo save >> " + seen);
    host.write("iptables-restore", "echo restore >> " + seen);
    for (int i = 0; i < 2; ++i)
        CHECK(wait_for(context, filter.apply(batch, wanted, at(0))).failures.empty());
    std::ifstream file{seen};
    std::string calls;
    for (std::string line; file >> line;) calls += line + " ";
    CHECK(calls == "save restore restore "); // sure again: the fast path
}

TEST_CASE("where nobody tells of changes the tables are looked at, if that is asked for") {
    stand_ins host;
    asio::io_context context;
    host.options.comment_check = false;
    host.options.poll_others = true;
    host.write("iptables", "echo 'iptables v1.8.9 (legacy)'");
    iptables_backend filter{host.options};
    REQUIRE(wait_for(context, filter.start(at(0))).ok());
    int changes = 0;
    filter.watch([&] { ++changes; });
    context.restart();
    while (changes == 0) context.run_one();

    const grant_table wanted;
    const std::string rule = "-i lo -m comment --comment _exp_1000009 -j RETURN";
    host.write("iptables-save", "echo 'no' >&2; exit 1");
    CHECK(wait_for(context, filter.inspect(wanted, at(0))).error.ends_with("no"));
    host.write("iptables-save", "printf '*filter\\n-A FWKNOP_INPUT " + rule + "\\nCOMMIT\\n'");
    const auto found = wait_for(context, filter.inspect(wanted, at(0))); // still to be done
    CHECK(found.ok());
    CHECK(found.tagged == std::vector<tagged_rule>{{ip_family::v4, "filter", "FWKNOP_INPUT", 1,
                                                    rule, from_seconds(1'000'009)}});
    CHECK(wait_for(context, filter.inspect(wanted, at(0))).tagged.empty()); // nothing new

    CHECK(wait_for(context, filter.stop()).ok());
    context.restart();
    context.run_for(100ms);
    CHECK(context.stopped());
}

TEST_CASE("of others' rules every copy goes, after a look") {
    stand_ins host;
    asio::io_context context;
    host.options.comment_check = false;
    iptables_backend filter{host.options};
    REQUIRE(wait_for(context, filter.start(at(0))).ok());
    const tagged_rule rule{ip_family::v4,
                           "filter",
                           "FWKNOP_INPUT",
                           1,
                           "-i lo -m comment --comment _exp_1000005 -j RETURN",
                           at(5).wall};
    const std::string seen = host.directory() + "/seen";
    const std::string line = "-A FWKNOP_INPUT " + rule.text + "\\n";
    host.write("iptables-save",
               "printf '*filter\\n:FWKNOP_INPUT - [0:0]\\n" + line + line + "COMMIT\\n'");
    host.write("iptables-restore", "cat > " + seen);
    const grant_table wanted;
    const change_batch batch{{}, {rule}};
    CHECK(wait_for(context, filter.apply(batch, wanted, at(5))).failures.empty());
    std::ifstream file{seen};
    const std::string script{std::istreambuf_iterator<char>{file}, {}};
    const std::string removal = "-D FWKNOP_INPUT " + rule.text + "\n";
    CHECK(script == "*filter\n" + removal + removal + "COMMIT\n");
}

TEST_CASE("stop comes to an end although iptables hangs") {
    stand_ins host;
    asio::io_context context;
    host.options.comment_check = false;
    iptables_backend filter{host.options};
    errors_only log;
    keeper_options limits;
    limits.finish_limit = 200ms;
    limits.cancel_limit = 200ms;
    limits.teardown_limit = 200ms;
    grant_keeper keeper{context.get_executor(), filter, log, limits};
    REQUIRE(wait_for(context, keeper.start()).ok());

    host.write("iptables-restore", "exec sleep 100");
    host.write("iptables-save", "exec sleep 100");
    keeper.open({address("192.0.2.7"), std::nullopt, {{protocol::tcp, 22}}, 30s, 0});
    context.restart();
    context.run_for(50ms);
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(wait_for(context, keeper.stop()).ok());
    CHECK(std::chrono::steady_clock::now() - begin < 900ms);
    CHECK(log.errors.size() == 1);
    context.restart();
    context.run_for(100ms);
    CHECK(context.stopped()); // nothing is left running
}
