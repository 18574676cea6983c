// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace Catch {

/// Boost's own output operator would want one of every value, keys included.
template <class T>
struct StringMaker<boost::system::result<T, fwknop::client::problem>> {
    static std::string convert(const boost::system::result<T, fwknop::client::problem>& checked) {
        return checked ? "a value" : "problem: " + checked.error().text;
    }
};

} // namespace Catch
