// SPDX-License-Identifier: Apache-2.0
#include "core/policy/stanza_index.hpp"

#include "core/policy/network.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace fwknop {

std::size_t stanza_index::address_hash::operator()(const ip_address& address) const noexcept {
    const auto bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

stanza_index::stanza_index(const std::vector<stanza>& stanzas) : stanzas_{stanzas} {
    for (std::uint32_t at = 0; at < stanzas.size(); ++at) {
        const network_set& source = stanzas[at].source;
        if (source.contains_everything()) {
            everywhere_.push_back(at);
            continue;
        }
        for (const network& each : source.networks()) {
            auto& found = networks_[{each.family(), each.prefix_length()}][each.address()];
            if (found.empty() || found.back() != at) found.push_back(at); // one that is named twice
        }
    }
}

std::size_t stanza_index::next(const ip_address& source, std::size_t from) const noexcept {
    std::size_t best = stanzas_.size();
    // Often the next one is just it, and there is nothing to search for.
    if (from >= best || stanzas_[from].source.contains(source)) return std::min(from, best);

    const auto consider = [&best, from](const positions& found) {
        const auto at = std::ranges::lower_bound(found, from);
        if (at != found.end()) best = std::min<std::size_t>(best, *at);
    };
    consider(everywhere_);
    const ip_address plain = source.unmapped();
    for (const auto& [length, addresses] : networks_) {
        if (length.first != plain.family()) continue;
        const auto found = addresses.find(network{plain, length.second}.address());
        if (found != addresses.end()) consider(found->second);
    }
    return best;
}

} // namespace fwknop
