// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/rc_file.hpp"
#include "client/rc_location.hpp"

#include <fwknop/secret.hpp>

#include <iosfwd>
#include <vector>

namespace fwknop::client {

/// The rc files' texts in secret memory, and views of them.
struct rc_files {
    std::vector<secret_bytes> memory;
    std::vector<rc_text> texts;
};

/// Reads the rc file, made with examples if there is none, and the files of its folder. Warnings
/// and the news of a new file go to `err` and `out`. Problem: one that is there cannot be read.
[[nodiscard]] checked<rc_files> read_rc_files(const user_files& files, std::ostream& out,
                                              std::ostream& err);

/// --stanza-list.
void list_stanzas(const rc_files& rc, std::ostream& out);

} // namespace fwknop::client
