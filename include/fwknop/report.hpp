// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/packet.hpp>

#include <optional>
#include <string>

namespace fwknop {

/// The list of a packet's fields that both programs print at `--verbose`: a heading, one line a
/// field with labels right-aligned, in the order that users of fwknop know. `hmac` is the HMAC's
/// type if there is one; `payload` what is shown as the final data. Holds no key.
[[nodiscard]] std::string describe_packet(const opened_packet& packet, encryption_mode mode,
                                          std::optional<digest_type> hmac,
                                          std::string_view payload);

} // namespace fwknop
