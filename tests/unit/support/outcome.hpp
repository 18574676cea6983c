// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpg/outcome.hpp"

#include <catch2/catch.hpp>

#include <string>

/// Values of an outcome need no stream operator for a failing check to be readable.
template <class T>
struct Catch::StringMaker<fwknop::gpg::outcome<T>> {
    static std::string convert(const fwknop::gpg::outcome<T>& outcome) {
        return outcome ? "a value" : outcome.error().text;
    }
};
