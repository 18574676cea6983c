// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <linux/netlink.h>

namespace fwknop {

/// Hands each netlink message in `bytes`, aligned as a receive buffer is, to `each`, which says
/// whether to go on. A length beyond the end, or below a header's, ends the walk. libmnl compares
/// lengths as signed numbers: one of 2 GiB and more would lead it backwards, out of the buffer or
/// round for ever.
///
/// True: the walk came to the end of the bytes, or `each` ended it.
template <class Each>
bool for_each_netlink_message(std::span<const std::uint8_t> bytes, Each each) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        const auto& message = *reinterpret_cast<const nlmsghdr*>(bytes.data());
        if (message.nlmsg_len < sizeof(nlmsghdr) || message.nlmsg_len > bytes.size()) return false;
        if (!each(message)) return true;
        // The last one need not be filled up.
        const std::size_t filled = NLMSG_ALIGN(std::size_t{message.nlmsg_len});
        bytes = bytes.subspan(filled < bytes.size() ? filled : bytes.size());
    }
    return bytes.empty();
}

/// The kernel fills messages with attributes up to whole words, and libmnl reads them as if they
/// were: up to three bytes beyond the end of one that is not.
[[nodiscard]] inline bool is_filled_up(const nlmsghdr& message) noexcept {
    return message.nlmsg_len % NLMSG_ALIGNTO == 0;
}

} // namespace fwknop
