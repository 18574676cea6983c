// SPDX-License-Identifier: Apache-2.0
#include "core/policy/stanza.hpp"

namespace fwknop {

std::vector<std::string> unsupported_features(const stanza& entry) {
    // A feature that is built loses its line here.
    struct feature {
        std::string_view name;
        bool in_force;
    };
    const feature features[] = {
        // Beside a symmetric key too: the GPG clients of such a stanza would be refused in silence.
        {"GPG_DECRYPT_ID", entry.gpg.usable()},
    };
    std::vector<std::string> names;
    for (const auto& [name, in_force] : features) {
        if (in_force) names.emplace_back(name);
    }
    return names;
}

} // namespace fwknop
