// SPDX-License-Identifier: Apache-2.0
#include <fwknop/ip_address.hpp>

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace fwknop {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

} // namespace

ip_address ip_address::v4(std::span<const std::uint8_t, 4> bytes) noexcept {
    ip_address out;
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    return out;
}

ip_address ip_address::v6(std::span<const std::uint8_t, 16> bytes) noexcept {
    ip_address out;
    out.family_ = ip_family::v6;
    std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
    return out;
}

result<ip_address> ip_address::parse(std::string_view text) {
    // inet_pton refuses what others read as octal, blanks, zones and short forms.
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
        return errc::ip_address_malformed;
    }
    std::copy(text.begin(), text.end(), terminated.begin());

    ip_address out;
    if (inet_pton(AF_INET, terminated.data(), out.bytes_.data()) == 1) return out;
    if (inet_pton(AF_INET6, terminated.data(), out.bytes_.data()) == 1) {
        out.family_ = ip_family::v6;
        return out;
    }
    return errc::ip_address_malformed;
}

bool ip_address::is_unspecified() const noexcept {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

ip_address ip_address::unmapped() const noexcept {
    if (is_v4() || !std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin())) {
        return *this;
    }
    return v4(std::span<const std::uint8_t, 4>{bytes_.data() + mapped_prefix.size(), 4});
}

std::string ip_address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

} // namespace fwknop
