// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/file_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>

namespace fwknop::daemon::test {

/// Somebody who listens at a local datagram socket: a stand-in for the journal, or for a service
/// manager. `name` is a path, or begins with `@`.
class listening_socket {
  public:
    explicit listening_socket(const std::string& name)
        : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(name, std::begin(address.sun_path));
        const bool abstract = name.starts_with('@');
        if (abstract) address.sun_path[0] = '\0';
        const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(size)) != 0) {
            throw std::runtime_error{"bind " + name};
        }
    }

    /// The next datagram that is there already.
    [[nodiscard]] std::optional<std::string> next() const {
        std::vector<char> buffer(std::size_t{1} << 20);
        const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0) return std::nullopt;
        return std::string{buffer.data(), static_cast<std::size_t>(size)};
    }

    [[nodiscard]] std::vector<std::string> all() const {
        std::vector<std::string> found;
        while (auto each = next()) found.push_back(std::move(*each));
        return found;
    }

  private:
    file_descriptor socket_;
};

/// The fields of an entry in the journal's protocol, as the journal reads it.
inline std::map<std::string, std::string> fields_in(std::string_view entry) {
    std::map<std::string, std::string> fields;
    while (!entry.empty()) {
        const auto line = entry.substr(0, entry.find('\n'));
        if (const auto equals = line.find('='); equals != std::string_view::npos) {
            fields[std::string{line.substr(0, equals)}] = line.substr(equals + 1);
            entry.remove_prefix(line.size() + 1);
            continue;
        }
        entry.remove_prefix(line.size() + 1);
        std::size_t size = 0;
        for (std::size_t i = 8; i-- > 0;) {
            size = size << 8 | static_cast<unsigned char>(entry.at(i));
        }
        fields[std::string{line}] = entry.substr(8, size);
        if (entry.at(8 + size) != '\n') throw std::runtime_error{"no end after a value"};
        entry.remove_prefix(8 + size + 1);
    }
    return fields;
}

} // namespace fwknop::daemon::test
