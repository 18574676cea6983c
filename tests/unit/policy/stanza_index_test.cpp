// SPDX-License-Identifier: Apache-2.0
#include "access_fixture.hpp"
#include "core/policy/stanza_index.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace fwknop;

namespace {

struct indexed : access_fixture {
    void sources_are(const std::vector<std::string>& sources) {
        std::string text;
        for (const auto& source : sources) text += "SOURCE " + source + "\nKEY abcdefgh\n";
        parse(text);
        INFO(error());
        REQUIRE(stanzas.size() == sources.size());
    }
    /// The numbers of all stanzas for `source`.
    [[nodiscard]] std::vector<std::size_t> all(const std::string& source) const {
        const stanza_index index{stanzas};
        const auto address = *ip_address::parse(source);
        std::vector<std::size_t> found;
        for (auto at = index.next(address, 0); at < stanzas.size();
             at = index.next(address, at + 1))
            found.push_back(stanzas[at].number);
        return found;
    }
};

using numbers = std::vector<std::size_t>;

} // namespace

TEST_CASE_METHOD(indexed, "stanzas are found by source, in file order") {
    sources_are({"10.0.0.0/8", "ANY", "10.1.0.0/16, 10.1.2.3", "2001:db8::/32", "10.1.2.3",
                 "192.0.2.0/24,10.0.0.0/8"});
    CHECK(all("10.1.2.3") == numbers{1, 2, 3, 5, 6});
    CHECK(all("10.2.0.1") == numbers{1, 2, 6});
    CHECK(all("::ffff:10.1.2.3") == numbers{1, 2, 3, 5, 6});
    CHECK(all("2001:db8::7") == numbers{2, 4});
    CHECK(all("2001:db9::7") == numbers{2});
    CHECK(all("203.0.113.9") == numbers{2});
}

TEST_CASE_METHOD(indexed, "nobody is expected where no source is everywhere") {
    sources_are({"10.0.0.0/8", "::ffff:192.0.2.0/120"});
    CHECK(all("203.0.113.9").empty());
    CHECK(all("2001:db8::7").empty());
    CHECK(all("192.0.2.7") == numbers{2});
    CHECK(stanza_index{stanzas}.next(*ip_address::parse("10.0.0.1"), 2) == 2);
    CHECK(stanza_index{stanzas}.next(*ip_address::parse("10.0.0.1"), 99) == 2);
}

TEST_CASE_METHOD(indexed, "the index finds what looking at every stanza finds") {
    std::mt19937 random{7}; // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    const auto number = [&random](int below) {
        return std::to_string(random() % static_cast<unsigned>(below));
    };
    std::vector<std::string> sources;
    for (int i = 0; i < 200; ++i) {
        const std::string length = std::to_string(1 + random() % 32);
        sources.push_back(i % 40 == 7 ? "ANY"
                                      : "10." + number(4) + '.' + number(3) + '.' + number(9) +
                                            '/' + length + ", 2001:db8::" + number(5) + "/" +
                                            std::to_string(96 + random() % 32));
    }
    sources_are(sources);
    for (int i = 0; i < 200; ++i) {
        const std::string source = i % 2 == 0
                                       ? "10." + number(4) + '.' + number(3) + '.' + number(9)
                                       : "2001:db8::" + number(5);
        CAPTURE(source);
        numbers expected;
        for (const auto& each : stanzas)
            if (each.source.contains(*ip_address::parse(source))) expected.push_back(each.number);
        CHECK(all(source) == expected);
    }
}
