// SPDX-License-Identifier: Apache-2.0
// What authenticated goes on record first, and what cannot be recorded opens nothing.
#include "daemon/pipeline_stage.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using daemon::test::ours;
using daemon::test::stage;

TEST_CASE_METHOD(stage, "a packet is on disk before its grant is asked for") {
    build(ours);
    std::string on_disk;
    on_open = [&] { on_disk = file(); };
    receive(seal());
    REQUIRE(opened.size() == 1);
    CHECK_THAT(on_disk, Catch::EndsWith(" 192.0.2.7 40000 198.51.100.9 62201 1700000000\n"));
}

TEST_CASE_METHOD(stage, "a packet that cannot be recorded is not granted, not even later") {
    build(ours);
    const std::string payload = seal();
    std::filesystem::remove_all(folder.path());
    receive(payload);
    CHECK(counted() == "received 1, not_recorded 1");
    CHECK(opened.empty());
    CHECK(log.take() == std::vector<std::string>{
                            "[192.0.2.7] (stanza #1) SPA packet refused because it could not "
                            "be recorded in the replay file: No such file or directory"});
    std::filesystem::create_directory(folder.path());
    receive(payload);
    CHECK(counted() == "received 2, replayed 1, not_recorded 1");
    receive(seal());
    CHECK(counted() == "received 3, replayed 1, not_recorded 1, granted 1");
}

TEST_CASE_METHOD(stage, "packets of one turn go on record together, and open only then") {
    commits_later = true;
    build(ours);
    const std::string before = file();
    const std::string first = seal();
    receive(first);
    receive(seal());
    receive(first);
    CHECK(commits_asked == 1);
    CHECK(file() == before);
    CHECK(opened.empty());
    CHECK(line->waiting() == 2);
    CHECK(counted() == "received 3, replayed 1");

    rules = std::make_shared<rulebook>(configuration{server, {}}); // they may change in between
    line->use(rules);
    std::string on_disk;
    on_open = [&] { on_disk = on_disk.empty() ? file() : on_disk; };
    line->commit();
    CHECK(opened.size() == 2);
    CHECK(std::count(on_disk.begin(), on_disk.end(), '\n') ==
          std::count(before.begin(), before.end(), '\n') + 2);
    CHECK(line->waiting() == 0);
    CHECK(counted() == "received 3, replayed 1, granted 2");
    line->commit();
    CHECK(opened.size() == 2);
}

TEST_CASE_METHOD(stage, "none of the packets that cannot be recorded together is granted") {
    commits_later = true;
    build(ours);
    receive(seal());
    receive(seal());
    std::filesystem::remove_all(folder.path());
    line->commit();
    CHECK(counted() == "received 2, not_recorded 2");
    CHECK(opened.empty());
    std::filesystem::create_directory(folder.path());
    receive(seal());
    CHECK(commits_asked == 2);
    line->commit();
    CHECK(counted() == "received 3, not_recorded 2, granted 1");
}

TEST_CASE_METHOD(stage, "what waits for the record at the end opens nothing") {
    commits_later = true;
    build(ours);
    receive(seal());
    line->close();
    CHECK(line->waiting() == 0);
    line->commit();
    CHECK(opened.empty());
}
