// SPDX-License-Identifier: Apache-2.0
#include "core/policy/reload.hpp"
#include "core/policy/server_config.hpp"
#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    server_config config;
    diagnostics report;
    const bool read =
        parse_server_config("fwknopd.conf", fuzz::text_of(data, size), config, report) &&
        finish_server_config(config, report);
    fuzz::promise(read == !report.failed(), "a configuration, or an error");
    for (const auto& each : report.all())
        fuzz::promise(!each.to_string().empty(), "errors say why");
    if (!read) return 0;
    fuzz::promise(!dump(config).empty(), "a configuration can be listed");
    fuzz::promise(compare(config, config).on_restart.empty(), "nothing differs from itself");
    return 0;
}
