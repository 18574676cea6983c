// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_descriptor.hpp"
#include "daemon/run.hpp"

#include <boost/system/system_error.hpp>

#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <vector>

int main(int count, char** arguments) {
    if (!fwknop::daemon::hold_standard_descriptors()) return 1;
    try {
        return fwknop::daemon::run(std::vector<std::string>(arguments + 1, arguments + count));
    } catch (const boost::system::system_error& error) { // without the place in a library's source
        std::cerr << "[*] fwknopd cannot run: the system refuses what it needs: "
                  << error.code().message() << "\n";
    } catch (const std::bad_alloc&) {
        std::cerr << "[*] fwknopd cannot run: out of memory\n";
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
    } catch (...) {
        std::cerr << "fwknopd: unknown failure\n";
    }
    return 1;
}
