// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
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
using set_ptr = std::unique_ptr<nftnl_set, set_free>;

template <class Pointer>
Pointer checked_alloc(Pointer pointer) {
    if (!pointer) throw std::bad_alloc{};
    return pointer;
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

} // namespace

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

} // namespace fwknop
