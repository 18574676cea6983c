// SPDX-License-Identifier: Apache-2.0
#include "firewall/netlink_walk.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <vector>

using namespace fwknop;

namespace {

// Empty messages that claim the lengths given, in as many bytes as they take filled up.
std::vector<std::uint8_t> messages(const std::vector<std::uint32_t>& lengths) {
    std::vector<std::uint8_t> bytes;
    for (const std::uint32_t length : lengths) {
        nlmsghdr header{};
        header.nlmsg_len = length;
        header.nlmsg_type = static_cast<std::uint16_t>(bytes.size());
        const std::size_t at = bytes.size();
        bytes.resize(at + (length > 1000 ? sizeof header : (length + 3) / 4 * 4));
        std::memcpy(bytes.data() + at, &header, std::min(sizeof header, bytes.size() - at));
    }
    return bytes;
}

struct walked {
    std::string where;
    bool whole = false;
};

walked walk(std::span<const std::uint8_t> bytes) {
    walked out;
    out.whole = for_each_netlink_message(bytes, [&out](const nlmsghdr& message) {
        out.where += std::to_string(message.nlmsg_type) + " ";
        return true;
    });
    return out;
}

} // namespace

TEST_CASE("each netlink message is met once, filled up or not") {
    for (const std::uint32_t length : {16U, 17U, 19U, 20U}) {
        const auto bytes = messages({20, length, 16});
        const auto met = walk(bytes);
        CHECK(met.where == "0 20 " + std::to_string(20 + (length + 3) / 4 * 4) + " ");
        CHECK(met.whole);
    }
    CHECK(walk({}).whole);
    auto last = messages({16, 18});
    last.resize(16 + 18); // the last one need not be
    CHECK(walk(last).where == "0 16 ");
    CHECK(walk(last).whole);
}

TEST_CASE("a netlink length that cannot be ends the walk") {
    // As signed numbers the large ones are negative: back to the message before, or nowhere.
    for (const std::uint32_t length :
         {0U, 15U, 0x7fffffffU, 0x80000000U, 0xfffffff0U, 0xffffffffU}) {
        auto bytes = messages({16, length});
        bytes.resize(16 + sizeof(nlmsghdr));
        std::memcpy(bytes.data() + 16, &length, sizeof length);
        const auto met = walk(bytes);
        CHECK(met.where == "0 ");
        CHECK_FALSE(met.whole);
    }
}

TEST_CASE("who has seen enough ends the walk") {
    int met = 0;
    CHECK(for_each_netlink_message(messages({16, 16}), [&met](const nlmsghdr&) {
        ++met;
        return false;
    }));
    CHECK(met == 1);
}
