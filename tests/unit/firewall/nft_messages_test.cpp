// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_messages.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

nft_step step_for(const grant_key& key, bool known, std::chrono::milliseconds timeout) {
    const auto element = *element_of(key.nat ? rule_role::dnat : rule_role::input, key);
    return {element, timeout, element.value, known};
}

grant_key translated() {
    grant_key key = tcp("192.0.2.7", 8022);
    key.nat.emplace();
    key.nat->inside = {address("10.0.0.5"), 22};
    return key;
}

// "begin new del new+ end", `+`: is acknowledged.
std::string shown(std::span<const std::uint8_t> bytes) {
    std::string text;
    std::size_t at = 0;
    while (at + sizeof(nlmsghdr) <= bytes.size()) {
        nlmsghdr header{};
        std::memcpy(&header, bytes.data() + at, sizeof header);
        if (!text.empty()) text += " ";
        const int type = header.nlmsg_type & 0xff;
        if (header.nlmsg_type == NFNL_MSG_BATCH_BEGIN)
            text += "begin";
        else if (header.nlmsg_type == NFNL_MSG_BATCH_END)
            text += "end";
        else
            text += type == NFT_MSG_NEWSETELEM ? "new" : type == NFT_MSG_DELSETELEM ? "del" : "?";
        text += std::to_string(header.nlmsg_seq);
        if ((header.nlmsg_flags & NLM_F_ACK) != 0) text += "+";
        REQUIRE(header.nlmsg_len >= sizeof header);
        at += header.nlmsg_len;
    }
    CHECK(at == bytes.size());
    return text;
}

void append(std::vector<std::uint8_t>& bytes, const void* from, std::size_t size) {
    const auto* const begin = static_cast<const std::uint8_t*>(from);
    bytes.insert(bytes.end(), begin, begin + size);
    while (bytes.size() % 4 != 0) bytes.push_back(0);
}

std::vector<std::uint8_t> attribute(std::uint16_t type, std::string_view text) {
    std::vector<std::uint8_t> bytes;
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + text.size() + 1), type};
    append(bytes, &head, sizeof head);
    append(bytes, std::string{text}.c_str(), text.size() + 1);
    return bytes;
}

// As the kernel writes it with NETLINK_CAP_ACK and NETLINK_EXT_ACK.
std::vector<std::uint8_t> answer(std::uint32_t sequence, int error, std::string_view words = {}) {
    nlmsghdr header{};
    header.nlmsg_type = NLMSG_ERROR;
    header.nlmsg_seq = sequence;
    header.nlmsg_flags = NLM_F_CAPPED;
    nlmsgerr what{};
    what.error = -error;
    std::vector<std::uint8_t> bytes(sizeof header);
    append(bytes, &what, sizeof what);
    if (!words.empty()) {
        header.nlmsg_flags |= NLM_F_ACK_TLVS;
        const auto more = attribute(NLMSGERR_ATTR_MSG, words);
        append(bytes, more.data(), more.size());
    }
    header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

std::vector<std::uint8_t> announcement(std::uint16_t type, std::string_view table) {
    nlmsghdr header{};
    header.nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type);
    std::vector<std::uint8_t> bytes(sizeof header);
    const nfgenmsg family{1, 0, 0};
    append(bytes, &family, sizeof family);
    const auto more = attribute(1, table);
    append(bytes, more.data(), more.size());
    header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

std::vector<std::uint8_t> attribute(std::uint16_t type, std::span<const std::uint8_t> content) {
    std::vector<std::uint8_t> bytes;
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + content.size()), type};
    append(bytes, &head, sizeof head);
    append(bytes, content.data(), content.size());
    return bytes;
}

// As the network orders it.
std::vector<std::uint8_t> number(std::uint64_t value, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<std::uint8_t>(value);
    return bytes;
}

std::vector<std::uint8_t> joined(const std::vector<std::vector<std::uint8_t>>& parts) {
    std::vector<std::uint8_t> bytes;
    for (const auto& each : parts) append(bytes, each.data(), each.size());
    return bytes;
}

// A message of our family about our table (attribute 1 in all of them), and what else it says.
std::vector<std::uint8_t> about(std::uint16_t type,
                                const std::vector<std::vector<std::uint8_t>>& more) {
    auto bytes = announcement(type, "fwknop");
    const auto rest = joined(more);
    append(bytes, rest.data(), rest.size());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes;
}

std::optional<nft_object> object_in(const std::vector<std::uint8_t>& bytes,
                                    const nft_home& home = {}) {
    return read_object(*reinterpret_cast<const nlmsghdr*>(bytes.data()), home);
}

std::vector<nft_listed_element> elements_in(const std::vector<std::uint8_t>& bytes) {
    return read_elements(*reinterpret_cast<const nlmsghdr*>(bytes.data()));
}

} // namespace

TEST_CASE("a transaction names each step once, and asks for one acknowledgement") {
    nft_transaction batch{nft_home{}, 100};
    batch.step(step_for(tcp("192.0.2.7", 22), true, 5s), 7);    // extended
    batch.step(step_for(tcp("2001:db8::7", 22), true, 0ms), 8); // over
    batch.step(step_for(translated(), false, 5s), 9);           // a map's value is not guessed
    batch.step(step_for(translated(), false, 0ms), 10);
    CHECK(batch.last_sequence() == 106);
    CHECK(shown(batch.finish()) == "begin100 new101 del102 new103 new104 del105 new106+ end107");
    CHECK(batch.next_sequence() == 108);
    CHECK(batch.messages() == 6);
    CHECK(batch.tag_of(101) == 7U);
    CHECK(batch.tag_of(103) == 7U);
    CHECK(batch.tag_of(105) == 8U);
    CHECK(batch.tag_of(106) == 9U);
    CHECK_FALSE(batch.tag_of(100));
    CHECK_FALSE(batch.tag_of(107));
    CHECK_FALSE(batch.tag_of(0));
}

TEST_CASE("sequence numbers may wrap") {
    nft_transaction batch{nft_home{}, 0xffffffff};
    batch.flush("grant4", 3);
    CHECK(batch.tag_of(0) == 3U);
    CHECK(batch.last_sequence() == 0);
    CHECK_FALSE(batch.tag_of(0xffffffff));
}

TEST_CASE("answers are told apart, with the kernel's words") {
    nft_replies replies;
    auto bytes = answer(103, ENOENT, "no such set");
    const auto last = answer(106, 0);
    bytes.insert(bytes.end(), last.begin(), last.end());
    CHECK(replies.read(answer(101, ENFILE), 106));
    CHECK_FALSE(replies.last_seen);
    CHECK(replies.read(bytes, 106));
    CHECK(replies.last_seen);
    REQUIRE(replies.errors.size() == 2);
    CHECK(replies.errors[0].number == ENFILE);
    CHECK(replies.errors[0].text.empty());
    CHECK(replies.errors[1].sequence == 103);
    CHECK(replies.errors[1].number == ENOENT);
    CHECK(replies.errors[1].text == "no such set");
}

TEST_CASE("an answer cut short anywhere is refused, or says less, and nothing is read beyond") {
    const auto whole = answer(103, ENOENT, "no such set");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const auto part = std::make_unique<std::uint8_t[]>(size);
        std::memcpy(part.get(), whole.data(), size);
        nft_replies replies;
        CHECK_FALSE(replies.read({part.get(), size}, 103));
        // And with a header that promises no more than there is.
        if (size < sizeof(nlmsghdr)) continue;
        const auto promised = static_cast<std::uint32_t>(size);
        std::memcpy(part.get(), &promised, sizeof promised);
        nft_replies shorter;
        (void)shorter.read({part.get(), size}, 103);
        CHECK(shorter.errors.size() <= 1);
    }
}

TEST_CASE("an errno that no kernel has is no answer of a kernel") {
    for (const int error : {std::numeric_limits<int>::min(), 4096, -1}) {
        nft_replies replies;
        auto bytes = answer(103, 0);
        const int negative = error == std::numeric_limits<int>::min() ? error : -error;
        std::memcpy(bytes.data() + sizeof(nlmsghdr), &negative, sizeof negative);
        CHECK_FALSE(replies.read(bytes, 103));
        CHECK(replies.errors.empty());
    }
    nft_replies replies;
    CHECK(replies.read(answer(103, 4095), 103));
    CHECK(replies.errors.size() == 1);
}

TEST_CASE("only changes of the structure of our table count") {
    const auto touches = [](std::uint16_t type, std::string_view table) {
        return touches_table(announcement(type, table), nft_home{});
    };
    for (const auto type : {NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_NEWRULE, NFT_MSG_DELRULE,
                            NFT_MSG_DELSET, NFT_MSG_NEWCHAIN}) {
        CHECK(touches(static_cast<std::uint16_t>(type), "fwknop"));
        CHECK_FALSE(touches(static_cast<std::uint16_t>(type), "fwknop2"));
        CHECK_FALSE(touches(static_cast<std::uint16_t>(type), "fwkno"));
    }
    for (const auto type : {NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM, NFT_MSG_NEWGEN})
        CHECK_FALSE(touches(static_cast<std::uint16_t>(type), "fwknop"));
    nft_home other;
    other.family = nft_family::ip;
    CHECK_FALSE(touches_table(announcement(NFT_MSG_DELTABLE, "fwknop"), other));
    auto foreign = announcement(NFT_MSG_DELTABLE, "fwknop");
    foreign[5] = NFNL_SUBSYS_CTNETLINK;
    CHECK_FALSE(touches_table(foreign, nft_home{}));
    const auto whole = announcement(NFT_MSG_DELTABLE, "fwknop");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto part = std::make_unique<std::uint8_t[]>(size);
        std::memcpy(part.get(), whole.data(), size);
        CHECK_FALSE(touches_table({part.get(), size}, nft_home{}));
    }
}

TEST_CASE("chains, rules and sets of our table are read") {
    const auto hook = attribute(NFTA_HOOK_HOOKNUM, number(1, 4));
    const auto chain =
        object_in(about(NFT_MSG_NEWCHAIN, {attribute(NFTA_CHAIN_HANDLE, number(7, 8)),
                                           attribute(NFTA_CHAIN_NAME, "input"),
                                           attribute(NFTA_CHAIN_HOOK | NLA_F_NESTED, hook)}));
    CHECK(chain == nft_object{nft_object::kind::chain, "input", 7, "", 1});

    // A text of another kind, then the comment with the zero at its end.
    const std::vector<std::uint8_t> behind{9, 1, 'x', 0, 4, 'm', 'i', 'n', 0};
    const auto rule = object_in(about(NFT_MSG_NEWRULE, {attribute(NFTA_RULE_CHAIN, "input"),
                                                        attribute(NFTA_RULE_HANDLE, number(9, 8)),
                                                        attribute(NFTA_RULE_USERDATA, behind)}));
    CHECK(rule == nft_object{nft_object::kind::rule, "input", 9, "min"});

    const auto flags = [](std::uint32_t value) {
        return attribute(NFTA_SET_FLAGS, number(value, 4));
    };
    const auto name = attribute(NFTA_SET_NAME, "grant4");
    CHECK(object_in(about(NFT_MSG_NEWSET, {name, flags(NFT_SET_TIMEOUT)})) ==
          nft_object{nft_object::kind::set, "grant4"});
    CHECK_FALSE(object_in(about(NFT_MSG_NEWSET, {name, flags(NFT_SET_ANONYMOUS)})));

    nft_home other;
    other.table = "filter";
    CHECK_FALSE(object_in(about(NFT_MSG_NEWSET, {name}), other));
    other = {};
    other.family = nft_family::ip;
    CHECK_FALSE(object_in(about(NFT_MSG_NEWSET, {name}), other));
    CHECK_FALSE(object_in(about(NFT_MSG_NEWTABLE, {name})));
    CHECK_FALSE(object_in(about(NFT_MSG_NEWCHAIN, {})));
}

TEST_CASE("an attribute of another size than expected is as if it were not there") {
    // libnftnl ends the process for any of these.
    for (const std::size_t size : {0U, 1U, 3U, 5U, 7U, 9U}) {
        const auto odd = number(7, size);
        const auto chain = object_in(
            about(NFT_MSG_NEWCHAIN,
                  {attribute(NFTA_CHAIN_HANDLE, odd), attribute(NFTA_CHAIN_NAME, "input"),
                   attribute(NFTA_CHAIN_HOOK | NLA_F_NESTED, attribute(NFTA_HOOK_HOOKNUM, odd))}));
        CHECK(chain == nft_object{nft_object::kind::chain, "input"});
        CHECK(object_in(about(NFT_MSG_NEWSET, {attribute(NFTA_SET_NAME, "grant4"),
                                               attribute(NFTA_SET_FLAGS, odd)})) ==
              nft_object{nft_object::kind::set, "grant4"});
    }
    const std::vector<std::uint8_t> unended{'i', 'n'};
    CHECK_FALSE(object_in(about(NFT_MSG_NEWCHAIN, {attribute(NFTA_CHAIN_NAME, unended)})));
    const std::vector<std::uint8_t> beyond{0, 200, 'x'};
    CHECK(object_in(about(NFT_MSG_NEWRULE, {attribute(NFTA_RULE_CHAIN, "input"),
                                            attribute(NFTA_RULE_USERDATA, beyond)})) ==
          nft_object{nft_object::kind::rule, "input"});
}

TEST_CASE("the elements of a set are read, with the time that is left to them") {
    const auto element = [](std::vector<std::uint8_t> key, std::uint64_t left, std::size_t size) {
        const auto value = attribute(NFTA_DATA_VALUE, key);
        return attribute(NFTA_LIST_ELEM | NLA_F_NESTED,
                         joined({attribute(NFTA_SET_ELEM_KEY | NLA_F_NESTED, value),
                                 attribute(NFTA_SET_ELEM_EXPIRATION, number(left, size))}));
    };
    const auto elements = joined({element({1, 2, 3, 4}, 1500, 8), element({5}, 7, 4),
                                  attribute(NFTA_LIST_ELEM | NLA_F_NESTED, number(0, 0))});
    const auto message = about(NFT_MSG_NEWSETELEM,
                               {attribute(NFTA_SET_ELEM_LIST_SET, "grant4"),
                                attribute(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, elements)});
    const auto listed = elements_in(message);
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].key == std::vector<std::uint8_t>{1, 2, 3, 4});
    CHECK(listed[0].left == 1500ms);
    CHECK(listed[1].key == std::vector<std::uint8_t>{5});
    CHECK_FALSE(listed[1].left);
    CHECK(elements_in(about(NFT_MSG_NEWSETELEM, {})).empty());
    CHECK(elements_in(about(NFT_MSG_NEWSET, {})).empty());

    // Cut short anywhere, from a buffer of exactly that size.
    for (std::size_t size = sizeof(nlmsghdr); size < message.size(); ++size) {
        std::vector<std::uint8_t> part{message.begin(),
                                       message.begin() + static_cast<std::ptrdiff_t>(size)};
        const auto promised = static_cast<std::uint32_t>(size);
        std::memcpy(part.data(), &promised, sizeof promised);
        CHECK(elements_in(part).size() <= 2);
    }
}
