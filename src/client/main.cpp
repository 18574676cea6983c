// SPDX-License-Identifier: Apache-2.0
#include "client/run.hpp"

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <span>

int main(int argc, char** argv) {
    try {
        auto world = fwknop::client::real_surroundings();
        return fwknop::client::run(std::span{argv, static_cast<std::size_t>(argc)}, world);
    } catch (const std::exception& error) {
        std::cerr << "fwknop: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
