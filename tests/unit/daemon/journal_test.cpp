// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/journal.hpp"
#include "daemon/listening_socket.hpp"
#include "daemon/log.hpp"

#include <catch2/catch.hpp>

#include <string>

#include <sys/stat.h>
#include <syslog.h>

using namespace fwknop;
using namespace fwknop::daemon;
using fwknop::client::test::temporary_folder;
using fwknop::daemon::test::fields_in;
using fwknop::daemon::test::listening_socket;
using entry = std::map<std::string, std::string>;

TEST_CASE("an event has the fields that are set, and its kind") {
    log::event what{.kind = log::event_kind::expire};
    REQUIRE(log::fields_of(what).size() == 1);
    CHECK(log::fields_of(what).front().name == "SPA_EVENT");
    CHECK(log::fields_of(what).front().value == "expire");
    what = {.kind = log::event_kind::grant,
            .source = "203.0.113.9",
            .stanza = 3,
            .name = "web",
            .user = "alice",
            .access = "tcp/22,udp/53",
            .reason = "why"};
    entry found;
    for (const auto& each : log::fields_of(what)) found[std::string{each.name}] = each.value;
    CHECK(found == entry{{"SPA_EVENT", "grant"},
                         {"SPA_SOURCE", "203.0.113.9"},
                         {"SPA_STANZA", "3"},
                         {"SPA_NAME", "web"},
                         {"SPA_USER", "alice"},
                         {"SPA_ACCESS", "tcp/22,udp/53"},
                         {"SPA_REASON", "why"}});
}

TEST_CASE("every kind of event has its word") {
    using enum log::event_kind;
    CHECK(name_of(grant) == "grant");
    CHECK(name_of(expire) == "expire");
    CHECK(name_of(refuse) == "refuse");
    CHECK(name_of(replay) == "replay");
    CHECK(name_of(command) == "command");
    CHECK(name_of(error) == "error");
}

TEST_CASE("doors are told as in a request") {
    const service both[] = {{protocol::tcp, 22}, {protocol::udp, 53}};
    CHECK(log::access_of(both) == "tcp/22,udp/53");
    CHECK(log::access_of({}).empty());
}

TEST_CASE("an entry is lines, and values with a line's end have their size in front") {
    const log::field plain[] = {{"MESSAGE", "a=b"}, {"PRIORITY", "6"}};
    CHECK(log::journal_entry(plain) == "MESSAGE=a=b\nPRIORITY=6\n");
    const log::field lines[] = {{"MESSAGE", "a\nPRIORITY=0"}};
    CHECK(log::journal_entry(lines) ==
          std::string{"MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n", 8 + 8 + 12 + 1});
    CHECK(fields_in(log::journal_entry(lines)) == entry{{"MESSAGE", "a\nPRIORITY=0"}});
    const log::field large[] = {{"SPA_REASON", std::string(258, 'x').replace(0, 1, "\n")}};
    CHECK(log::journal_entry(large).substr(11, 8) == std::string{"\x02\x01\0\0\0\0\0\0", 8});
}

TEST_CASE("what is too long is cut, and says so") {
    CHECK(log::cut_to("12345", 5) == "12345");
    CHECK(log::cut_to("123456", 5) == "12345… [1 bytes cut]");
    // Not within a character,
    CHECK(log::cut_to("12ü45", 3) == "12… [4 bytes cut]");
    CHECK(log::cut_to("1€345", 3) == "1… [6 bytes cut]");
    CHECK(log::cut_to("1€345", 4) == "1€… [3 bytes cut]");
    // but not for ever back where there are no characters.
    CHECK(log::cut_to(std::string(8, '\x80'), 6) == std::string(6, '\x80') + "… [2 bytes cut]");
    CHECK(log::cut_to("\x80\x80", 0) == "… [2 bytes cut]");
    const log::field fields[] = {{"MESSAGE", std::string(log::max_journal_message + 1, 'm')},
                                 {"SPA_REASON", std::string(log::max_journal_field + 9, 'r')}};
    const auto found = fields_in(log::journal_entry(fields));
    CHECK_THAT(found.at("MESSAGE"), Catch::EndsWith("m… [1 bytes cut]"));
    CHECK_THAT(found.at("SPA_REASON"), Catch::EndsWith("r… [9 bytes cut]"));
}

TEST_CASE("the largest entry fits one datagram") {
    const temporary_folder folder;
    const listening_socket listener{folder.file("socket")};
    log::journal journal{folder.file("socket"), "fwknopd", LOG_DAEMON};
    const std::string much(100'000, '\n');
    const log::event what{.kind = log::event_kind::error,
                          .source = much,
                          .stanza = 1,
                          .name = much,
                          .user = much,
                          .access = much,
                          .reason = much};
    journal.write(LOG_ERR, much, &what);
    CHECK(journal.dropped() == 0);
    CHECK(fields_in(listener.next().value()).size() == 11);
}

TEST_CASE("an entry has the line, who says it, and how bad it is") {
    const temporary_folder folder;
    const listening_socket listener{folder.file("socket")};
    log::journal journal{folder.file("socket"), "knockd", LOG_LOCAL3};
    journal.write(LOG_WARNING, "a line", nullptr);
    CHECK(fields_in(listener.next().value()) == entry{{"MESSAGE", "a line"},
                                                      {"PRIORITY", "4"},
                                                      {"SYSLOG_IDENTIFIER", "knockd"},
                                                      {"SYSLOG_FACILITY", "19"}});
    const log::event what{.kind = log::event_kind::replay, .source = "192.0.2.7"};
    journal.write(LOG_INFO, "another", &what);
    const auto found = fields_in(listener.next().value());
    CHECK(found.at("SPA_EVENT") == "replay");
    CHECK(found.at("SPA_SOURCE") == "192.0.2.7");
    CHECK(found.at("PRIORITY") == "6");
}

TEST_CASE("a journal that does not read costs lines, counted, and no time") {
    const temporary_folder folder;
    const listening_socket listener{folder.file("socket")};
    log::journal journal{folder.file("socket"), "fwknopd", LOG_DAEMON};
    constexpr std::size_t many = 5000; // more than any queue or buffer takes
    for (std::size_t i = 0; i < many; ++i) journal.write(LOG_INFO, std::string(1000, 'x'), nullptr);
    const auto taken = listener.all().size();
    REQUIRE(taken < many);
    CHECK(journal.dropped() == many - taken);
    journal.write(LOG_INFO, "here again", nullptr);
    const auto after = listener.all();
    REQUIRE(after.size() == 2);
    CHECK(fields_in(after[0]).at("MESSAGE") ==
          std::to_string(many - taken) +
              " lines of the log were lost: the journal did not take them");
    CHECK(fields_in(after[0]).at("PRIORITY") == "4");
    CHECK(fields_in(after[1]).at("MESSAGE") == "here again");
    CHECK(journal.dropped() == 0);
}

TEST_CASE("a journal that goes and comes back is found again") {
    const temporary_folder folder;
    log::journal journal{folder.file("socket"), "fwknopd", LOG_DAEMON};
    journal.write(LOG_INFO, "one", nullptr);
    CHECK(journal.dropped() == 1);
    const listening_socket listener{folder.file("socket")};
    journal.write(LOG_INFO, "two", nullptr);
    const auto entries = listener.all();
    REQUIRE(entries.size() == 2);
    CHECK(fields_in(entries[1]).at("MESSAGE") == "two");
}

TEST_CASE("standard error is the journal when device and inode say so") {
    const temporary_folder folder;
    folder.write("file", "");
    struct stat found {};
    REQUIRE(::stat(folder.file("file").c_str(), &found) == 0);
    const file_descriptor file{::open(folder.file("file").c_str(), O_RDONLY | O_CLOEXEC)};
    const auto name = [](auto device, auto inode) {
        return std::to_string(device) + ":" + std::to_string(inode);
    };
    CHECK(log::is_journal_stream(file.get(), name(found.st_dev, found.st_ino).c_str()));
    CHECK_FALSE(log::is_journal_stream(file.get(), name(found.st_dev, found.st_ino + 1).c_str()));
    CHECK_FALSE(log::is_journal_stream(file.get(), name(found.st_dev + 1, found.st_ino).c_str()));
    CHECK_FALSE(log::is_journal_stream(-1, name(found.st_dev, found.st_ino).c_str()));
    CHECK_FALSE(log::is_journal_stream(file.get(), nullptr));
    for (const char* bad : {"", ":", "1", "1:", ":1", "a:b", "1:2:3"}) {
        CHECK_FALSE(log::is_journal_stream(file.get(), bad));
    }
}

TEST_CASE("the log hands lines, levels and events to the journal") {
    const temporary_folder folder;
    const listening_socket listener{folder.file("socket")};
    log::open({.standard_error = false, .journal = folder.file("socket"), .verbose = 1});
    log::debug("d");
    log::info("i");
    log::warning("w", {.kind = log::event_kind::refuse, .source = "192.0.2.7"});
    log::error("e");
    log::error("f", {.kind = log::event_kind::error, .reason = "disk"});
    log::open({});
    const auto entries = listener.all();
    REQUIRE(entries.size() == 5);
    const char* const priorities[] = {"7", "6", "4", "3", "3"};
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(fields_in(entries[i]).at("PRIORITY") == priorities[i]);
    CHECK_FALSE(fields_in(entries[1]).contains("SPA_EVENT"));
    CHECK(fields_in(entries[2]).at("SPA_SOURCE") == "192.0.2.7");
    // An error is an event without anybody's doing.
    CHECK(fields_in(entries[3]).at("SPA_EVENT") == "error");
    CHECK(fields_in(entries[4]).at("SPA_REASON") == "disk");
}
