// SPDX-License-Identifier: Apache-2.0
#include "core/policy/file_reader.hpp"

namespace fwknop {

void check_permissions(const std::string& path, const file_text& file, diagnostics& report) {
    if (!file.mode_is_0600) {
        report.warn(path, 0,
                    "[-] file: " + path +
                        " permissions should only be user read/write (0600, -rw-------)");
    }
    if (!file.owned_by_us) {
        report.warn(path, 0,
                    "[-] file: " + path + " should be owned by the user that fwknopd runs as");
    }
}

} // namespace fwknop
