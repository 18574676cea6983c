// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/address_query.hpp"
#include "client/door.hpp"
#include "client/key_source.hpp"
#include "client/transport.hpp"
#include "client/user_name.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop::client {

/// Everything that the client takes from the outside world but its files: replaced in tests.
struct surroundings {
    variable_reader variable;
    std::function<std::int64_t()> now; ///< Unix seconds
    std::optional<std::string> account;
    key_readers readers;
    std::function<checked<std::size_t>(const route&, std::string_view)> send;
    std::function<checked<std::vector<ip_address>>(const std::string&, family_choice)> resolve;
    std::function<checked<ip_address>(const address_query&)> find_address;
    std::function<checked<std::optional<std::chrono::milliseconds>>(const door&,
                                                                    std::chrono::milliseconds)>
        wait_for_door;
    std::function<bool(std::string_view question)> confirm; ///< no unless a person says yes
    bool terminal = false;                                  ///< a person is watching
    std::ostream& out;
    std::ostream& err;
};

/// The process's own.
[[nodiscard]] surroundings real_surroundings();

} // namespace fwknop::client
