// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.hpp"

#include "core/spa/text.hpp"

// Boost.Log hides the native syslog from its headers unless told that the library was built with
// it.
#define BOOST_LOG_USE_NATIVE_SYSLOG

#include <boost/core/null_deleter.hpp>
#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/syslog_backend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>

#include <array>
#include <iostream>

namespace fwknop::daemon::log {

namespace {

namespace logging = boost::log;
namespace sinks = boost::log::sinks;

using console_sink = sinks::synchronous_sink<sinks::text_ostream_backend>;
using syslog_sink = sinks::synchronous_sink<sinks::syslog_backend>;

level threshold = level::info;

logging::sources::severity_logger<level>& source() {
    static logging::sources::severity_logger<level> instance;
    return instance;
}

sinks::syslog::facility facility_of(std::string_view name) {
    constexpr std::array local{sinks::syslog::local0, sinks::syslog::local1, sinks::syslog::local2,
                               sinks::syslog::local3, sinks::syslog::local4, sinks::syslog::local5,
                               sinks::syslog::local6, sinks::syslog::local7};
    for (std::size_t i = 0; i < local.size(); ++i) {
        if (equal_ignoring_case(name, "LOG_LOCAL" + std::to_string(i))) return local[i];
    }
    return sinks::syslog::daemon;
}

void add_console() {
    const auto backend = boost::make_shared<sinks::text_ostream_backend>();
    backend->add_stream(boost::shared_ptr<std::ostream>{&std::clog, boost::null_deleter{}});
    backend->auto_flush(true);
    const auto sink = boost::make_shared<console_sink>(backend);
    sink->set_formatter(logging::expressions::stream << logging::expressions::smessage);
    logging::core::get()->add_sink(sink);
}

void add_syslog(const settings& chosen) {
    const auto backend = boost::make_shared<sinks::syslog_backend>(
        logging::keywords::facility = facility_of(chosen.facility),
        logging::keywords::use_impl = sinks::syslog::native,
        logging::keywords::ident = chosen.identity);
    sinks::syslog::custom_severity_mapping<level> mapping{"Severity"};
    mapping[level::debug] = sinks::syslog::debug;
    mapping[level::info] = sinks::syslog::info;
    mapping[level::warning] = sinks::syslog::warning;
    mapping[level::error] = sinks::syslog::error;
    backend->set_severity_mapper(mapping);
    const auto sink = boost::make_shared<syslog_sink>(backend);
    sink->set_formatter(logging::expressions::stream << logging::expressions::smessage);
    logging::core::get()->add_sink(sink);
}

} // namespace

void open(const settings& chosen) {
    threshold = chosen.verbose > 0 ? level::debug : level::info;
    logging::core::get()->remove_all_sinks();
    if (chosen.standard_error) add_console();
    if (chosen.syslog) add_syslog(chosen);
}

bool enabled(level severity) noexcept {
    return severity >= threshold;
}

void write(level severity, std::string_view line) {
    if (!enabled(severity)) return;
    BOOST_LOG_SEV(source(), severity) << line;
}

} // namespace fwknop::daemon::log
