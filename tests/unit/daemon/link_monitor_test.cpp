// SPDX-License-Identifier: Apache-2.0
#include "daemon/link_monitor.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

using namespace fwknop::daemon;

namespace {

using octets = std::vector<std::uint8_t>;

/// One message about an interface, as the kernel lays it out.
octets message(std::uint16_t type, const std::string& name, unsigned flags) {
    const std::size_t attribute = RTA_LENGTH(name.size() + 1);
    octets out(NLMSG_SPACE(sizeof(ifinfomsg)) + RTA_ALIGN(attribute), 0);
    const nlmsghdr header{static_cast<std::uint32_t>(out.size()), type, 0, 0, 0};
    std::memcpy(out.data(), &header, sizeof header);
    ifinfomsg info{};
    info.ifi_flags = flags;
    std::memcpy(out.data() + NLMSG_HDRLEN, &info, sizeof info);
    const rtattr head{static_cast<unsigned short>(attribute), IFLA_IFNAME};
    auto* const at = out.data() + NLMSG_SPACE(sizeof(ifinfomsg));
    std::memcpy(at, &head, sizeof head);
    std::memcpy(at + RTA_LENGTH(0), name.c_str(), name.size() + 1);
    return out;
}

using events = std::vector<std::pair<std::string, bool>>;

/// From a buffer of exactly that size, so that a sanitizer sees every byte too many.
events read(const octets& bytes, std::size_t size) {
    const auto exact = std::make_unique<std::uint8_t[]>(size);
    std::memcpy(exact.get(), bytes.data(), size);
    events got;
    read_link_events({exact.get(), size},
                     [&](const link_event& each) { got.emplace_back(each.name, each.up); });
    return got;
}

events read(const octets& bytes) {
    return read(bytes, bytes.size());
}

} // namespace

TEST_CASE("up, down and gone are told apart") {
    CHECK(read(message(RTM_NEWLINK, "eth0", IFF_UP)) == events{{"eth0", true}});
    CHECK(read(message(RTM_NEWLINK, "eth0", IFF_RUNNING)) == events{{"eth0", false}});
    CHECK(read(message(RTM_DELLINK, "eth0", IFF_UP)) == events{{"eth0", false}});
    CHECK(read(message(RTM_NEWADDR, "eth0", IFF_UP)).empty());
}

TEST_CASE("several messages come together") {
    auto both = message(RTM_NEWLINK, "eth0", 0);
    const auto second = message(RTM_NEWLINK, "wan1", IFF_UP);
    both.insert(both.end(), second.begin(), second.end());
    CHECK(read(both) == events{{"eth0", false}, {"wan1", true}});
}

TEST_CASE("a message cut short says nothing and reads nothing beyond its end") {
    const auto whole = message(RTM_NEWLINK, "eth0", IFF_UP);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK(read(whole, size).empty());
    }
}

TEST_CASE("the monitor has nothing to say when nothing happens") {
    link_monitor monitor;
    CHECK(monitor.descriptor() >= 0);
    int heard = 0;
    CHECK(monitor.receive([&](const link_event&) { ++heard; }));
    CHECK(heard == 0);
}

TEST_CASE("an interface's state can be asked for") {
    CHECK(is_link_up("any"));
    CHECK_FALSE(is_link_up("no-such-link"));
    CHECK_FALSE(is_link_up("a-name-that-is-longer-than-the-kernel-allows"));
}
