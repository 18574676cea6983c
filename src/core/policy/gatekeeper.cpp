// SPDX-License-Identifier: Apache-2.0
#include "core/policy/gatekeeper.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {

gatekeeper::gatekeeper(const std::vector<stanza>& stanzas, const server_config& server,
                       bool check_age)
    : stanzas_{stanzas}, index_{stanzas}, server_{server}, check_age_{check_age} {}

bool gatekeeper::expects(const ip_address& source) const noexcept {
    return index_.next(source, 0) < stanzas_.size();
}

bool gatekeeper::uses_gpg() const noexcept {
    return std::any_of(stanzas_.begin(), stanzas_.end(),
                       [](const stanza& entry) { return entry.gpg.usable(); });
}

judging gatekeeper::begin(const candidate& packet, arrival how) const {
    return judging{stanzas_, index_, server_, check_age_, packet, how};
}

} // namespace fwknop
