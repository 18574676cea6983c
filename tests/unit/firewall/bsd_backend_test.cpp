// SPDX-License-Identifier: Apache-2.0
// pf and ipfw with programs that misbehave; tests/e2e has strict ones.
#include "firewall/ipfw_backend.hpp"
#include "firewall/pf_backend.hpp"
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

class stand_in {
  public:
    stand_in() {
        std::string name = (std::filesystem::temp_directory_path() / "fwknop-bsd-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        directory_ = name;
        write("exit 0");
    }
    stand_in(const stand_in&) = delete;
    stand_in& operator=(const stand_in&) = delete;
    ~stand_in() { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::string path() const { return directory_ / "program"; }
    [[nodiscard]] std::string seen() const {
        std::ifstream file{directory_ / "seen"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    /// `note` in `body` writes the arguments and the input down.
    void write(const std::string& body) const {
        std::ofstream{directory_ / "program"} << "#!/bin/sh\nnote() { echo \"$@\" >> '"
                                              << (directory_ / "seen").string() << "'; cat >> '"
                                              << (directory_ / "seen").string() << "'; }\n"
                                              << body << "\n";
        ::chmod(path().c_str(), 0700);
    }

  private:
    std::filesystem::path directory_;
};

template <class T>
T wait_for(asio::awaitable<T> operation) {
    asio::io_context context;
    std::optional<T> result;
    asio::co_spawn(context, std::move(operation), [&](std::exception_ptr error, T value) {
        REQUIRE_FALSE(error);
        result = std::move(value);
    });
    while (!result) context.run_one();
    return *result;
}

pf_options pf_with(const stand_in& host) {
    pf_options options;
    options.program = host.path();
    options.time_limit = 2s;
    return options;
}

ipfw_options ipfw_with(const stand_in& host) {
    ipfw_options options;
    options.program = host.path();
    options.time_limit = 2s;
    return options;
}

const change_batch opens_ssh{{{change_kind::add, tcp("192.0.2.7", 22), at(30).wall, {}}}, {}};

grant_table wants_ssh() {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 30s, at(0));
    return wanted;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("pf: the start says what is missing, with the remedy") {
    const stand_in host;
    const auto error = [&](const std::string& body, bool nat = false) {
        host.write(body);
        pf_options options = pf_with(host);
        options.translates = options.translates_sources = nat;
        pf_backend filter{options};
        return wait_for(filter.start(at(0))).error;
    };
    CHECK(has(error("echo '  ftp-proxy'"), "add the line 'anchor \"fwknop\"' to /etc/pf.conf"));
    CHECK(has(error("echo 'pfctl: /dev/pf: Permission denied' >&2; exit 1"),
              "Permission denied: start the daemon as root"));
    CHECK(has(error("echo 'pfctl: /dev/pf: No such file or directory' >&2; exit 1"), "kldload pf"));
    CHECK(has(error("case $* in *Anchors) echo ' fwknop';; esac", true),
              "no rdr-anchor 'fwknop', which NAT needs"));
    CHECK(
        has(error("case $* in *Anchors) echo ' fwknop';; *nat) echo 'rdr-anchor \"fwknop\" all';; "
                  "esac",
                  true),
            "no nat-anchor 'fwknop'"));
    CHECK(error("case $* in *Anchors) echo ' fwknop';; esac").empty());
    CHECK(has(error("case $* in *Anchors) echo ' fwknop';; *) echo 'no flush' >&2; exit 1;; esac"),
              "no flush"));

    pf_options gone = pf_with(host);
    gone.program += "-nowhere";
    pf_backend filter{gone};
    CHECK(has(wait_for(filter.start(at(0))).error, "cannot be started"));
}

TEST_CASE("pf: an anchor inside another one is looked for there") {
    const stand_in host;
    host.write("note \"$@\"; case $* in '-a my/own -s Anchors') echo '  my/own/fwknop';; esac");
    pf_options options = pf_with(host);
    options.anchor = "my/own/fwknop";
    pf_backend filter{options};
    CHECK(wait_for(filter.start(at(0))).ok());
    CHECK(host.seen() == "-a my/own -s Anchors\n-a my/own/fwknop -F all\n");
}

TEST_CASE("pf: a change is one text for the whole anchor, and a failure tells how sure it is") {
    const stand_in host;
    pf_options options = pf_with(host);
    options.time_limit = 200ms;
    pf_backend filter{options};
    host.write("note \"$@\"");
    CHECK(wait_for(filter.apply(opens_ssh, wants_ssh(), at(0))).failures.empty());
    CHECK(host.seen() == "-a fwknop -f -\npass in quick proto 6 from 192.0.2.7 to any port 22 keep "
                         "state label \"_exp_1000030\"\n");

    host.write("echo 'stdin:1: syntax error' >&2; exit 1");
    auto outcome = wait_for(filter.apply(opens_ssh, wants_ssh(), at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(has(outcome.failures[0].error, "stdin:1: syntax error"));
    CHECK_FALSE(outcome.failures[0].uncertain);

    host.write("exec sleep 100");
    outcome = wait_for(filter.apply(opens_ssh, wants_ssh(), at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(has(outcome.failures[0].error, "did not finish within 0.2 s"));
    CHECK(outcome.failures[0].uncertain);
}

TEST_CASE("pf: what it cannot do is refused alone") {
    const stand_in host;
    host.write("note \"$@\"");
    pf_backend filter{pf_with(host)};
    nat_route route;
    route.inside = {address("10.0.0.5"), 22};
    route.translate_source = source_translation::masquerade;
    const auto key = make_grant_key(address("192.0.2.7"), {}, {protocol::tcp, 8022}, route);
    grant_table wanted = wants_ssh();
    wanted.open(key, 30s, at(0));
    change_batch both = opens_ssh;
    both.changes.push_back({change_kind::add, key, at(30).wall, {}});
    const auto outcome = wait_for(filter.apply(both, wanted, at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].changes == std::vector<std::size_t>{1});
    CHECK(has(outcome.failures[0].error, "cannot masquerade"));
    CHECK(has(host.seen(), "port 22 keep state"));
    CHECK_FALSE(has(host.seen(), "8022"));
}

TEST_CASE("pf: a log line per grant, in pf's words") {
    const pf_wording words;
    open_request asked{.source = address("192.0.2.7"),
                       .destination = {},
                       .services = {{protocol::tcp, 22}, {protocol::udp, 53}},
                       .timeout = 30s};
    const opened_event access{{rule_role::input, "fwknop"}, asked, asked.services, from_seconds(5)};
    REQUIRE(words.added(access).size() == 1);
    CHECK(words.added(access)[0].text == "Added Rule for 192.0.2.7, tcp/22,udp/53 expires at 5");
    CHECK(words.extended(access)[0].text ==
          "Extended Rule for 192.0.2.7, tcp/22,udp/53 expires at 5");
    CHECK(words.added({{rule_role::dnat, "fwknop"}, asked, asked.services, {}}).empty());
    CHECK(words.removed({"fwknop", 1, from_seconds(5), {}})[0].text ==
          "Deleting rule with expire time of 5.");
    CHECK(words.removed({"fwknop", 1, from_seconds(5), {}, rule_role::dnat}).empty());
    asked.nat.emplace();
    asked.nat->all_ports = true;
    CHECK(words.added({{rule_role::forward, "fwknop"}, asked, asked.services, from_seconds(5)})[0]
              .text == "Added Rule for 192.0.2.7, */* expires at 5");
}

TEST_CASE("ipfw: the start says what is wrong, with the remedy") {
    const stand_in host;
    const auto error = [&](const std::string& body) {
        host.write(body);
        ipfw_backend filter{ipfw_with(host)};
        return wait_for(filter.start(at(0))).error;
    };
    CHECK(has(error("echo 'ipfw: socket: Operation not permitted' >&2; exit 71"),
              "not permitted: start the daemon as root"));
    CHECK(has(error("echo 'ipfw: getsockopt(IP_FW_XGET): Protocol not available' >&2; exit 71"),
              "kldload ipfw"));
    CHECK(has(error("case $* in *list) ;; *) echo 'Line 1: no sets' >&2; exit 64;; esac"),
              "Line 1: no sets"));
    CHECK(has(error("head -c 40000000 /dev/zero | tr '\\0' x; exit 0"), "more than 32 MiB"));
    CHECK(error("exit 0").empty());
}

TEST_CASE("ipfw: a script that fails is planned anew from what is there") {
    const stand_in host;
    ipfw_backend filter{ipfw_with(host)};
    // The first attempt adds the rule and fails all the same.
    host.write(
        "D=${0%/*}; case $* in *list) cat $D/rules 2>/dev/null; exit 0;; esac; note \"$@\"; [ "
        "-e $D/rules ] && exit 0; echo '10000 set 1 allow tcp from 192.0.2.7 to me dst-port "
        "22 setup keep-state :default // _exp_1000030' > $D/rules; echo 'Line 2: busy' >&2; "
        "exit 71");
    CHECK(wait_for(filter.apply(opens_ssh, wants_ssh(), at(0))).failures.empty());
    CHECK(host.seen() == "-q /dev/stdin\nadd 10000 set 1 pass tcp from 192.0.2.7 to me dst-port 22 "
                         "setup keep-state // _exp_1000030\n");

    const open_request asked{.source = address("192.0.2.7"),
                             .destination = {},
                             .services = {{protocol::tcp, 22}},
                             .timeout = 30s};
    const auto told =
        filter.wording().added({{rule_role::input, "set 1"}, asked, asked.services, at(30).wall});
    REQUIRE(told.size() == 1);
    CHECK(told[0].text == "Added Rule 10000 for 192.0.2.7, tcp/22 expires at 1000030");
}

TEST_CASE("ipfw: after failure upon failure nothing is sure") {
    const stand_in host;
    ipfw_options options = ipfw_with(host);
    options.time_limit = 200ms;
    ipfw_backend filter{options};
    host.write("case $* in *list) exit 0;; esac; note \"$@\"; echo 'Line 1: busy' >&2; exit 71");
    auto outcome = wait_for(filter.apply(opens_ssh, wants_ssh(), at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].changes == std::vector<std::size_t>{0});
    CHECK(outcome.failures[0].uncertain);
    CHECK(has(outcome.failures[0].error, "Line 1: busy"));

    host.write("case $* in *list) exec sleep 100;; esac");
    outcome = wait_for(filter.apply(opens_ssh, wants_ssh(), at(0)));
    REQUIRE(outcome.failures.size() == 1);
    CHECK_FALSE(outcome.failures[0].uncertain); // only the look failed
}

TEST_CASE("ipfw: late work is due while the expire set has rules, and never else") {
    const stand_in host;
    ipfw_backend filter{ipfw_with(host)};
    REQUIRE(wait_for(filter.start(at(0))).ok());
    CHECK_FALSE(filter.late_work_due());

    const std::string rule = "10000 set 1 allow tcp from 192.0.2.7 to me dst-port 22 setup "
                             "keep-state :default // _exp_1000030";
    host.write("case $* in *list) echo '" + rule + "';; esac");
    const change_batch closes{{{change_kind::remove, tcp("192.0.2.7", 22), at(30).wall, {}}}, {}};
    CHECK(wait_for(filter.apply(closes, grant_table{}, at(30))).failures.empty());
    CHECK(filter.late_work_due() == at(60).steady);
    CHECK(filter.wording().removed({"set 1", 1, at(30).wall, tcp("192.0.2.7", 22)})[0].text ==
          "Moved rule 10000 with expire time of 1000030 to set 2.");

    const std::string moved = "# DISABLED 10000 set 2 allow tcp from 192.0.2.7 to me dst-port 22 "
                              "setup keep-state :default // _exp_1000030";
    host.write("case $* in *list) echo '" + moved +
               "'; echo '## Dynamic rules (1 128):'; echo '10000 1 1 (2s) STATE tcp x';; esac");
    auto done = wait_for(filter.late_work(at(60)));
    CHECK(done.ok());
    CHECK(done.done.empty());
    CHECK(filter.late_work_due() == at(90).steady);

    host.write("case $* in *list) exit 1;; esac");
    CHECK_FALSE(wait_for(filter.late_work(at(90))).ok());
    CHECK(filter.late_work_due() == at(120).steady);

    host.write("case $* in *list) echo '" + moved + "'; exit 0;; esac; note \"$@\"");
    done = wait_for(filter.late_work(at(120)));
    CHECK(done.done == std::vector<std::string>{"Purged rule 10000 from set 2"});
    CHECK(host.seen() == "-q /dev/stdin\ndelete 10000\n");
    CHECK_FALSE(filter.late_work_due());
}
