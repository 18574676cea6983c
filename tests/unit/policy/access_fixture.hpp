// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/access_config.hpp"
#include "memory_reader.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace fwknop {

/// Parses texts as /a/access.conf and keeps what came of it.
struct access_fixture {
    server_config server;
    memory_reader files;
    diagnostics report;
    std::vector<stanza> stanzas;

    access_fixture() {
        diagnostics nothing;
        finish_server_config(server, nothing);
    }

    void parse(const std::string& text) {
        files["/a/access.conf"].text = text;
        report = {};
        stanzas = parse_access_config("/a/access.conf", files, server, midnight, report);
    }

    /// Five hours west of Greenwich.
    static unix_time midnight(int year, int month, int day) {
        const std::chrono::year_month_day date{std::chrono::year{year},
                                               std::chrono::month{static_cast<unsigned>(month)},
                                               std::chrono::day{static_cast<unsigned>(day)}};
        return std::chrono::sys_days{date} + std::chrono::hours{5};
    }

    /// A stanza with a key and these lines besides.
    void parse_lines(const std::string& lines) { parse("SOURCE ANY\nKEY abcdefgh\n" + lines); }

    [[nodiscard]] std::string error() const {
        return report.failed() ? report.first_error()->to_string() : "";
    }

    /// Whether a warning has `text` in it.
    [[nodiscard]] bool warned(const std::string& text) const {
        for (const auto& entry : report.all()) {
            if (entry.level == severity::warning &&
                entry.to_string().find(text) != std::string::npos) {
                return true;
            }
        }
        return false;
    }
};

} // namespace fwknop
