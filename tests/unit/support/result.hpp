// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace fwknop::test {

/// The reason inside `value`, or success as `errc{}`.
template <class T>
[[nodiscard]] errc error_of(const result<T>& value) {
    return value ? errc{} : errc_of(value.error());
}

} // namespace fwknop::test

/// Values of a result need no stream operator for a failing check to be readable.
template <class T>
struct Catch::StringMaker<fwknop::result<T>> {
    static std::string convert(const fwknop::result<T>& value) {
        return value ? "a value" : value.error().message();
    }
};

template <>
struct Catch::StringMaker<fwknop::errc> {
    static std::string convert(fwknop::errc error) {
        return error == fwknop::errc{} ? "success" : fwknop::message_of(error);
    }
};
