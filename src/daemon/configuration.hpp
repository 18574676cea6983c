// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"
#include "daemon/options.hpp"

#include <vector>

namespace fwknop::daemon {

/// Everything that the daemon is told, after files and command line are joined.
struct configuration {
    server_config server;
    std::vector<stanza> stanzas;
};

/// fwknopd.conf, the override files and the options, without access.conf: what it takes to find
/// the pid file. Returns whether there was no error.
bool load_server_config(const options& given, server_config& config, diagnostics& report);

/// The same and access.conf. Fails on the first error: a firewall that ignores its configuration is
/// worse than none.
bool load_configuration(const options& given, configuration& config, diagnostics& report);

} // namespace fwknop::daemon
