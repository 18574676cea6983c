// SPDX-License-Identifier: Apache-2.0
//
// Reads with libmnl alone what libnftnl would read as well: that one ends the process when an
// attribute has not the size that it expects ("kernel ABI is broken").
#include "firewall/netlink_walk.hpp"
#include "firewall/nft_messages.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace fwknop {

namespace {

// Behind a rule `nft` writes texts of its own, each with type and length: this is its comment.
// Source: NFTNL_UDATA_RULE_COMMENT of libnftnl/udata.h.
constexpr std::uint8_t rule_comment = 0;

/// The attributes of a message, or inside another, up to the number `Last`. Of two with one number
/// the later counts, as in the kernel.
template <std::size_t Last>
class attributes {
  public:
    attributes(const nlmsghdr& message, std::size_t offset) {
        mnl_attr_parse(&message, static_cast<unsigned>(offset), note, this);
    }
    explicit attributes(const nlattr* nest) {
        if (nest != nullptr) mnl_attr_parse_nested(nest, note, this);
    }
    [[nodiscard]] const nlattr* operator[](std::size_t number) const { return found_.at(number); }

  private:
    static int note(const nlattr* attribute, void* into) {
        const std::size_t number = mnl_attr_get_type(attribute);
        if (number <= Last) static_cast<attributes*>(into)->found_[number] = attribute;
        return MNL_CB_OK;
    }
    std::array<const nlattr*, Last + 1> found_{};
};

std::string text_of(const nlattr* attribute) {
    if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return {};
    return mnl_attr_get_str(attribute);
}

std::span<const std::uint8_t> bytes_of(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)),
            mnl_attr_get_payload_len(attribute)};
}

/// A number in network order; none if it has another size.
template <class Number>
std::optional<Number> number_in(const nlattr* attribute) {
    const auto bytes = bytes_of(attribute);
    if (bytes.size() != sizeof(Number)) return std::nullopt;
    Number value = 0;
    for (const std::uint8_t byte : bytes) value = static_cast<Number>(value << 8U | byte);
    return value;
}

// The type within its subsystem, or nothing if the message is of another.
std::optional<std::uint16_t> nft_type(const nlmsghdr& message) {
    if (NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES || !is_filled_up(message) ||
        mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg))
        return std::nullopt;
    return static_cast<std::uint16_t>(NFNL_MSG_TYPE(message.nlmsg_type));
}

// What `nft` writes behind a rule as its comment.
std::string comment_in(std::span<const std::uint8_t> rest) {
    while (rest.size() >= 2 && rest.size() - 2 >= rest[1]) { // type, length, value
        const auto value = rest.subspan(2, rest[1]);
        if (rest[0] == rule_comment && !value.empty())
            return {value.begin(), value.end() - 1}; // a zero ends it
        rest = rest.subspan(2 + value.size());
    }
    return {};
}

// The kernel's explanation stands behind the error and, unless it was left out, our message.
std::string explanation(const nlmsghdr& message, const nlmsgerr& error) {
    if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || !is_filled_up(message)) return {};
    std::size_t offset = sizeof error;
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) {
        const std::size_t copied = mnl_nlmsg_get_payload_len(&error.msg);
        if (error.msg.nlmsg_len < sizeof(nlmsghdr) || copied > mnl_nlmsg_get_payload_len(&message))
            return {};
        offset += MNL_ALIGN(copied);
    }
    if (offset > mnl_nlmsg_get_payload_len(&message)) return {};
    return text_of(attributes<NLMSGERR_ATTR_MSG>{message, offset}[NLMSGERR_ATTR_MSG]);
}

bool is_structure_of(const nlmsghdr& message, const nft_home& home) {
    const auto type = nft_type(message);
    if (!type) return false;
    const bool structure = *type == NFT_MSG_DELTABLE || *type == NFT_MSG_NEWCHAIN ||
                           *type == NFT_MSG_DELCHAIN || *type == NFT_MSG_NEWRULE ||
                           *type == NFT_MSG_DELRULE || *type == NFT_MSG_NEWTABLE ||
                           *type == NFT_MSG_DELSET;
    if (!structure) return false;
    const auto& which = *static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    if (which.nfgen_family != number_of(home.family)) return false;
    // In all of these the first attribute names the table.
    static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                  NFTA_SET_TABLE == 1);
    return text_of(attributes<NFTA_TABLE_NAME>{message, sizeof(nfgenmsg)}[NFTA_TABLE_NAME]) ==
           home.table;
}

} // namespace

bool nft_replies::read(std::span<const std::uint8_t> messages, std::uint32_t last) {
    bool sound = true;
    const bool whole = for_each_netlink_message(messages, [&](const nlmsghdr& message) {
        if (message.nlmsg_type != NLMSG_ERROR) return true;
        sound = mnl_nlmsg_get_payload_len(&message) >= sizeof(nlmsgerr);
        if (!sound) return false;
        const auto& error = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
        if (message.nlmsg_seq == last) last_seen = true;
        constexpr int most = 4095; // what the kernel takes for an errno; linux/err.h
        sound = error.error <= 0 && error.error >= -most;
        if (!sound) return false;
        if (error.error != 0)
            errors.push_back({message.nlmsg_seq, -error.error, explanation(message, error)});
        return true;
    });
    return sound && whole;
}

std::optional<nft_object> read_object(const nlmsghdr& message, const nft_home& home) {
    const auto type = nft_type(message);
    if (!type) return std::nullopt;
    const auto& head = *static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    if (head.nfgen_family != number_of(home.family)) return std::nullopt;
    constexpr std::size_t at = sizeof(nfgenmsg);
    nft_object found;
    std::string of;
    std::optional<std::uint64_t> handle;
    if (*type == NFT_MSG_NEWCHAIN) {
        const attributes<NFTA_CHAIN_MAX> chain{message, at};
        of = text_of(chain[NFTA_CHAIN_TABLE]);
        found = {.what = nft_object::kind::chain, .name = text_of(chain[NFTA_CHAIN_NAME])};
        handle = number_in<std::uint64_t>(chain[NFTA_CHAIN_HANDLE]);
        found.hook = number_in<std::uint32_t>(
            attributes<NFTA_HOOK_MAX>{chain[NFTA_CHAIN_HOOK]}[NFTA_HOOK_HOOKNUM]);
    } else if (*type == NFT_MSG_NEWRULE) {
        const attributes<NFTA_RULE_MAX> rule{message, at};
        of = text_of(rule[NFTA_RULE_TABLE]);
        found = {.what = nft_object::kind::rule,
                 .name = text_of(rule[NFTA_RULE_CHAIN]),
                 .comment = comment_in(bytes_of(rule[NFTA_RULE_USERDATA]))};
        handle = number_in<std::uint64_t>(rule[NFTA_RULE_HANDLE]);
    } else if (*type == NFT_MSG_NEWSET) {
        const attributes<NFTA_SET_MAX> set{message, at};
        // Of rules that write their sets out the kernel makes some without a name of their own.
        const auto flags = number_in<std::uint32_t>(set[NFTA_SET_FLAGS]);
        if ((flags.value_or(0) & NFT_SET_ANONYMOUS) != 0) return std::nullopt;
        of = text_of(set[NFTA_SET_TABLE]);
        found = {.what = nft_object::kind::set, .name = text_of(set[NFTA_SET_NAME])};
        handle = number_in<std::uint64_t>(set[NFTA_SET_HANDLE]);
    }
    if (of != home.table || found.name.empty()) return std::nullopt;
    found.handle = handle.value_or(0);
    return found;
}

std::vector<nft_listed_element> read_elements(const nlmsghdr& message) {
    std::vector<nft_listed_element> listed;
    if (nft_type(message) != NFT_MSG_NEWSETELEM) return listed;
    const attributes<NFTA_SET_ELEM_LIST_MAX> list{message, sizeof(nfgenmsg)};
    const nlattr* const elements = list[NFTA_SET_ELEM_LIST_ELEMENTS];
    if (elements == nullptr) return listed;
    const auto take = [](const nlattr* attribute, void* into) {
        const attributes<NFTA_SET_ELEM_MAX> element{attribute};
        const auto key =
            bytes_of(attributes<NFTA_DATA_MAX>{element[NFTA_SET_ELEM_KEY]}[NFTA_DATA_VALUE]);
        if (key.empty()) return MNL_CB_OK;
        nft_listed_element found{{key.begin(), key.end()}, std::nullopt};
        if (const auto left = number_in<std::uint64_t>(element[NFTA_SET_ELEM_EXPIRATION]))
            found.left = std::chrono::milliseconds{static_cast<std::int64_t>(*left)};
        static_cast<std::vector<nft_listed_element>*>(into)->push_back(std::move(found));
        return MNL_CB_OK;
    };
    mnl_attr_parse_nested(elements, take, &listed);
    return listed;
}

bool touches_table(std::span<const std::uint8_t> messages, const nft_home& home) {
    bool found = false;
    static_cast<void>(for_each_netlink_message(messages, [&](const nlmsghdr& message) {
        found = is_structure_of(message, home);
        return !found;
    }));
    return found;
}

} // namespace fwknop
