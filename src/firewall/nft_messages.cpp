// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace fwknop {

namespace {

// Names, key, value and timeout of one element need less than 400 bytes.
constexpr std::size_t max_message = 1024;

struct set_free {
    void operator()(nftnl_set* set) const noexcept { nftnl_set_free(set); }
};
struct chain_free {
    void operator()(nftnl_chain* chain) const noexcept { nftnl_chain_free(chain); }
};
struct rule_free {
    void operator()(nftnl_rule* rule) const noexcept { nftnl_rule_free(rule); }
};
struct iter_free {
    void operator()(nftnl_set_elems_iter* iter) const noexcept {
        nftnl_set_elems_iter_destroy(iter);
    }
};
using set_ptr = std::unique_ptr<nftnl_set, set_free>;
using chain_ptr = std::unique_ptr<nftnl_chain, chain_free>;
using rule_ptr = std::unique_ptr<nftnl_rule, rule_free>;

template <class Pointer>
Pointer checked_alloc(Pointer pointer) {
    if (!pointer) throw std::bad_alloc{};
    return pointer;
}

std::uint16_t number_of(nft_family family) {
    switch (family) {
    case nft_family::inet:
        break;
    case nft_family::ip:
        return NFPROTO_IPV4;
    case nft_family::ip6:
        return NFPROTO_IPV6;
    }
    return NFPROTO_INET;
}

set_ptr named_set(const std::string& table, const std::string& set) {
    auto made = checked_alloc(set_ptr{nftnl_set_alloc()});
    if (nftnl_set_set_str(made.get(), NFTNL_SET_TABLE, table.c_str()) < 0 ||
        nftnl_set_set_str(made.get(), NFTNL_SET_NAME, set.c_str()) < 0)
        throw std::bad_alloc{};
    return made;
}

struct message_buffer {
    alignas(nlmsghdr) std::array<char, max_message> bytes{};

    nlmsghdr* header(std::uint16_t type, nft_family family, std::uint16_t flags,
                     std::uint32_t sequence) {
        return nftnl_nlmsg_build_hdr(bytes.data(), type, number_of(family), flags, sequence);
    }
};

std::vector<std::uint8_t> bytes_of(const nlmsghdr* header) {
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(header);
    return {begin, begin + header->nlmsg_len};
}

// The kernel fills messages with attributes up to whole words, and libmnl reads them as if they
// were: up to three bytes beyond the end of one that is not.
bool is_filled_up(const nlmsghdr& message) {
    return message.nlmsg_len % MNL_ALIGNTO == 0;
}

// The type within its subsystem, or nothing if the message is of another.
std::optional<std::uint16_t> nft_type(const nlmsghdr& message) {
    if (NFNL_SUBSYS_ID(message.nlmsg_type) != NFNL_SUBSYS_NFTABLES || !is_filled_up(message) ||
        mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg))
        return std::nullopt;
    return static_cast<std::uint16_t>(NFNL_MSG_TYPE(message.nlmsg_type));
}

// What `nft` writes behind a rule as its comment.
std::string comment_of(const nftnl_rule* rule) {
    std::uint32_t size = 0;
    const auto* const data =
        static_cast<const std::uint8_t*>(nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size));
    if (data == nullptr) return {};
    std::span<const std::uint8_t> rest{data, size};
    while (rest.size() >= 2 && rest.size() - 2 >= rest[1]) { // type, length, value
        const auto value = rest.subspan(2, rest[1]);
        if (rest[0] == NFTNL_UDATA_RULE_COMMENT && !value.empty())
            return {value.begin(), value.end() - 1}; // a zero ends it
        rest = rest.subspan(2 + value.size());
    }
    return {};
}

std::string text_or_empty(const char* text) {
    return text != nullptr ? std::string{text} : std::string{};
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
    std::string text;
    const auto read = [](const nlattr* attribute, void* into) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
            *static_cast<std::string*>(into) = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
    };
    mnl_attr_parse(&message, static_cast<unsigned>(offset), read, &text);
    return text;
}

} // namespace

nft_transaction::nft_transaction(nft_home home, std::uint32_t sequence)
    : home_{std::move(home)}, first_{sequence} {
    message_buffer buffer;
    bytes_ = bytes_of(nftnl_batch_begin(buffer.bytes.data(), first_));
}

void nft_transaction::put(std::uint16_t type, std::uint16_t flags, const std::string& set,
                          const nft_element* element, const nft_bytes* value,
                          std::chrono::milliseconds timeout, std::size_t tag) {
    message_buffer buffer;
    const auto sequence = static_cast<std::uint32_t>(first_ + 1 + tags_.size());
    nlmsghdr* const header = buffer.header(type, home_.family, flags, sequence);
    const auto into = named_set(home_.table, set);
    if (element != nullptr) {
        nftnl_set_elem* const item = nftnl_set_elem_alloc();
        if (item == nullptr) throw std::bad_alloc{};
        nftnl_set_elem_add(into.get(), item); // which owns it from here on
        nftnl_set_elem_set(item, NFTNL_SET_ELEM_KEY, element->key.data(),
                           static_cast<std::uint32_t>(element->key.size()));
        if (value != nullptr && !value->empty())
            nftnl_set_elem_set(item, NFTNL_SET_ELEM_DATA, value->data(),
                               static_cast<std::uint32_t>(value->size()));
        if (timeout.count() > 0)
            nftnl_set_elem_set_u64(item, NFTNL_SET_ELEM_TIMEOUT,
                                   static_cast<std::uint64_t>(timeout.count()));
        nftnl_set_elems_nlmsg_build_payload(header, into.get());
    } else {
        nftnl_set_nlmsg_build_payload(header, into.get());
    }
    last_at_ = bytes_.size();
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(header);
    bytes_.insert(bytes_.end(), begin, begin + header->nlmsg_len);
    tags_.push_back(tag);
}

void nft_transaction::step(const nft_step& step, std::size_t tag) {
    const std::string set = home_.set_name(step.element.shape);
    const bool goes = step.timeout.count() == 0;
    // Of a map the value must be the one that is there, so nothing is added to what is unknown.
    if (step.known || !is_map(step.element.shape)) {
        const auto soon = goes ? std::chrono::milliseconds{nft_reserve} : step.timeout;
        put(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, &step.element, &step.previous, soon, tag);
        put(NFT_MSG_DELSETELEM, 0, set, &step.element, nullptr, {}, tag);
    }
    if (!goes) add(step, tag);
}

void nft_transaction::add(const nft_step& step, std::size_t tag) {
    put(NFT_MSG_NEWSETELEM, NLM_F_CREATE, home_.set_name(step.element.shape), &step.element,
        &step.element.value, step.timeout, tag);
}

void nft_transaction::flush(const std::string& set, std::size_t tag) {
    put(NFT_MSG_DELSETELEM, 0, set, nullptr, nullptr, {}, tag);
}

std::span<const std::uint8_t> nft_transaction::finish() {
    if (!tags_.empty()) {
        nlmsghdr header{};
        std::memcpy(&header, bytes_.data() + last_at_, sizeof header);
        header.nlmsg_flags |= NLM_F_ACK;
        std::memcpy(bytes_.data() + last_at_, &header, sizeof header);
    }
    message_buffer buffer;
    const auto end = bytes_of(nftnl_batch_end(buffer.bytes.data(), next_sequence() - 1));
    bytes_.insert(bytes_.end(), end.begin(), end.end());
    return bytes_;
}

std::uint32_t nft_transaction::next_sequence() const noexcept {
    return static_cast<std::uint32_t>(first_ + tags_.size() + 2);
}

std::uint32_t nft_transaction::last_sequence() const noexcept {
    return static_cast<std::uint32_t>(first_ + tags_.size());
}

std::optional<std::size_t> nft_transaction::tag_of(std::uint32_t sequence) const noexcept {
    const std::size_t index = sequence - first_ - 1; // wraps for the batch's own messages
    if (index >= tags_.size()) return std::nullopt;
    return tags_[index];
}

bool nft_replies::read(std::span<const std::uint8_t> messages, std::uint32_t last) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(messages.data());
    int left = static_cast<int>(messages.size());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_type != NLMSG_ERROR) continue;
        if (mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr)) return false;
        const auto& error = *static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
        if (message->nlmsg_seq == last) last_seen = true;
        if (error.error < 0)
            errors.push_back({message->nlmsg_seq, -error.error, explanation(*message, error)});
    }
    return left == 0;
}

std::vector<std::uint8_t> list_request(nft_object::kind what, const nft_home& home,
                                       std::uint32_t sequence) {
    message_buffer buffer;
    const auto header = [&](std::uint16_t type) {
        return buffer.header(type, home.family, NLM_F_DUMP, sequence);
    };
    switch (what) {
    case nft_object::kind::chain:
        return bytes_of(header(NFT_MSG_GETCHAIN));
    case nft_object::kind::rule: {
        auto* const made = header(NFT_MSG_GETRULE);
        mnl_attr_put_strz(made, NFTA_RULE_TABLE, home.table.c_str());
        return bytes_of(made);
    }
    case nft_object::kind::set:
        break;
    }
    auto* const made = header(NFT_MSG_GETSET);
    mnl_attr_put_strz(made, NFTA_SET_TABLE, home.table.c_str());
    return bytes_of(made);
}

std::vector<std::uint8_t> elements_request(const nft_home& home, const std::string& set,
                                           std::uint32_t sequence) {
    message_buffer buffer;
    nlmsghdr* const header = buffer.header(NFT_MSG_GETSETELEM, home.family, NLM_F_DUMP, sequence);
    const auto which = named_set(home.table, set);
    nftnl_set_elems_nlmsg_build_payload(header, which.get());
    return bytes_of(header);
}

std::optional<nft_object> read_object(const nlmsghdr& message, const nft_home& home) {
    const auto type = nft_type(message);
    if (!type) return std::nullopt;
    const std::uint32_t family = number_of(home.family);
    nft_object found;
    std::string of;
    if (*type == NFT_MSG_NEWCHAIN) {
        const auto chain = checked_alloc(chain_ptr{nftnl_chain_alloc()});
        if (nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return std::nullopt;
        of = text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE));
        found = {nft_object::kind::chain,
                 text_or_empty(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)),
                 nftnl_chain_get_u64(chain.get(), NFTNL_CHAIN_HANDLE)};
        if (nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM))
            found.hook = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM);
        if (nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY) != family) of.clear();
    } else if (*type == NFT_MSG_NEWRULE) {
        const auto rule = checked_alloc(rule_ptr{nftnl_rule_alloc()});
        if (nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return std::nullopt;
        of = text_or_empty(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE));
        found = {nft_object::kind::rule,
                 text_or_empty(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)),
                 nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE), comment_of(rule.get())};
        if (nftnl_rule_get_u32(rule.get(), NFTNL_RULE_FAMILY) != family) of.clear();
    } else if (*type == NFT_MSG_NEWSET) {
        const auto set = checked_alloc(set_ptr{nftnl_set_alloc()});
        if (nftnl_set_nlmsg_parse(&message, set.get()) < 0) return std::nullopt;
        // Of rules that write their sets out the kernel makes some without a name of their own.
        if ((nftnl_set_get_u32(set.get(), NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS) != 0)
            return std::nullopt;
        of = text_or_empty(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE));
        found = {nft_object::kind::set, text_or_empty(nftnl_set_get_str(set.get(), NFTNL_SET_NAME)),
                 nftnl_set_get_u64(set.get(), NFTNL_SET_HANDLE)};
        if (nftnl_set_get_u32(set.get(), NFTNL_SET_FAMILY) != family) of.clear();
    }
    if (of != home.table || found.name.empty()) return std::nullopt;
    return found;
}

std::vector<nft_listed_element> read_elements(const nlmsghdr& message) {
    std::vector<nft_listed_element> listed;
    if (nft_type(message) != NFT_MSG_NEWSETELEM) return listed;
    const auto set = checked_alloc(set_ptr{nftnl_set_alloc()});
    if (nftnl_set_elems_nlmsg_parse(&message, set.get()) < 0) return listed;
    const std::unique_ptr<nftnl_set_elems_iter, iter_free> iter{
        nftnl_set_elems_iter_create(set.get())};
    if (!iter) throw std::bad_alloc{};
    while (nftnl_set_elem* const item = nftnl_set_elems_iter_next(iter.get())) {
        std::uint32_t size = 0;
        const auto* const key =
            static_cast<const std::uint8_t*>(nftnl_set_elem_get(item, NFTNL_SET_ELEM_KEY, &size));
        if (key == nullptr) continue;
        nft_listed_element found{{key, key + size}, std::nullopt};
        if (nftnl_set_elem_is_set(item, NFTNL_SET_ELEM_EXPIRATION))
            found.left = std::chrono::milliseconds{
                static_cast<std::int64_t>(nftnl_set_elem_get_u64(item, NFTNL_SET_ELEM_EXPIRATION))};
        listed.push_back(std::move(found));
    }
    return listed;
}

bool touches_table(std::span<const std::uint8_t> messages, const nft_home& home) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(messages.data());
    int left = static_cast<int>(messages.size());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        const auto type = nft_type(*message);
        if (!type) continue;
        const bool structure = *type == NFT_MSG_DELTABLE || *type == NFT_MSG_NEWCHAIN ||
                               *type == NFT_MSG_DELCHAIN || *type == NFT_MSG_NEWRULE ||
                               *type == NFT_MSG_DELRULE || *type == NFT_MSG_NEWTABLE ||
                               *type == NFT_MSG_DELSET;
        if (!structure) continue;
        const auto& which = *static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
        if (which.nfgen_family != number_of(home.family)) continue;
        // In all of these the first attribute names the table.
        static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                      NFTA_SET_TABLE == 1);
        struct search {
            const std::string& table;
            bool found = false;
        } look{home.table};
        const auto read = [](const nlattr* attribute, void* into) {
            auto& search_ = *static_cast<search*>(into);
            if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME &&
                mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                search_.found = mnl_attr_get_str(attribute) == search_.table;
            return MNL_CB_OK;
        };
        mnl_attr_parse(message, sizeof(nfgenmsg), read, &look);
        if (look.found) return true;
    }
    return false;
}

} // namespace fwknop
