// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_descriptor.hpp"
#include "daemon/run.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int count, char** arguments) {
    if (!fwknop::daemon::hold_standard_descriptors()) return 1;
    try {
        return fwknop::daemon::run(std::vector<std::string>(arguments + 1, arguments + count));
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
    } catch (...) {
        std::cerr << "fwknopd: unknown failure\n";
    }
    return 1;
}
