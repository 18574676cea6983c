// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.hpp"

#include "core/spa/text.hpp"
#include "daemon/journal.hpp"

// Boost.Log hides the native syslog from its headers unless told that the library was built with
// it.
#define BOOST_LOG_USE_NATIVE_SYSLOG

#include <boost/core/null_deleter.hpp>
#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/syslog_backend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/log/utility/formatting_ostream.hpp>
#include <boost/log/utility/manipulators/add_value.hpp>

#include <array>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

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

int facility_of(std::string_view name) {
    constexpr std::array local{LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                               LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
    for (std::size_t i = 0; i < local.size(); ++i) {
        if (equal_ignoring_case(name, "LOG_LOCAL" + std::to_string(i))) return local[i];
    }
    return LOG_DAEMON;
}

int priority_of(level severity) noexcept {
    switch (severity) {
    case level::debug:
        return LOG_DEBUG;
    case level::info:
        return LOG_INFO;
    case level::warning:
        return LOG_WARNING;
    case level::error:
        break;
    }
    return LOG_ERR;
}

/// The journal as one of Boost.Log's sinks.
class journal_backend : public sinks::basic_sink_backend<sinks::synchronized_feeding> {
  public:
    explicit journal_backend(const settings& chosen)
        : journal_{*chosen.journal, chosen.identity, facility_of(chosen.facility)} {}

    void consume(const logging::record_view& record) {
        static const event failure{}; // an error without particulars is one all the same
        const auto severity = logging::extract<level>("Severity", record);
        const auto line = logging::extract<std::string>("Message", record);
        const auto what = logging::extract<const event*>("Event", record);
        if (!severity || !line) return;
        const event* const fallback = *severity == level::error ? &failure : nullptr;
        journal_.write(priority_of(*severity), *line, what ? *what : fallback);
    }

  private:
    journal journal_;
};

// With its end, so that the stream gets both in one write: others may write to the same file.
void write_line(const logging::record_view& record, logging::formatting_ostream& to) {
    const auto line = logging::extract<std::string>("Message", record);
    if (!line) return;
    to << *line;
    if (!line->ends_with('\n')) to << '\n';
}

void add_console() {
    const auto backend = boost::make_shared<sinks::text_ostream_backend>();
    backend->add_stream(boost::shared_ptr<std::ostream>{&std::clog, boost::null_deleter{}});
    backend->auto_flush(true);
    backend->set_auto_newline_mode(sinks::disabled_auto_newline);
    const auto sink = boost::make_shared<console_sink>(backend);
    sink->set_formatter(&write_line);
    logging::core::get()->add_sink(sink);
}

// A stream that failed once takes nothing any more: a disk that was full for a moment, or a limit,
// would silence the log for good.
void try_console_again() {
    if (!std::clog.good()) std::clog.clear();
}

// Boost.Log throws when memory is out. Whoever has something to say must not fall over that.
void write_bare(std::string_view line) noexcept {
    const std::array parts{iovec{const_cast<char*>(line.data()), line.size()},
                           iovec{const_cast<char*>("\n"), 1}};
    static_cast<void>(!::writev(STDERR_FILENO, parts.data(), static_cast<int>(parts.size())));
}

void add_syslog(const settings& chosen) {
    const auto backend = boost::make_shared<sinks::syslog_backend>(
        logging::keywords::facility = sinks::syslog::make_facility(facility_of(chosen.facility)),
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
    // Boost.Log opens it without the process's number, which every line of the 2.6 line carries.
    // The identity must stay where it is: syslog keeps the pointer.
    static std::string identity;
    identity = chosen.identity;
    ::openlog(identity.c_str(), LOG_PID, facility_of(chosen.facility));
}

void add_journal(const settings& chosen) {
    const auto backend = boost::make_shared<journal_backend>(chosen);
    logging::core::get()->add_sink(
        boost::make_shared<sinks::synchronous_sink<journal_backend>>(backend));
}

} // namespace

void set_verbosity(int verbose) noexcept {
    threshold = verbose > 0 ? level::debug : level::info;
}

void open(const settings& chosen) {
    set_verbosity(chosen.verbose);
    logging::core::get()->remove_all_sinks();
    if (chosen.standard_error) add_console();
    if (chosen.syslog) add_syslog(chosen);
    if (chosen.journal) add_journal(chosen);
}

std::optional<std::string> journal_of_standard_error() {
    struct stat found {};
    if (!is_journal_stream(STDERR_FILENO, std::getenv("JOURNAL_STREAM"))) return std::nullopt;
    if (::stat(journal_socket, &found) != 0 || !S_ISSOCK(found.st_mode)) return std::nullopt;
    return journal_socket;
}

bool enabled(level severity) noexcept {
    return severity >= threshold;
}

void write(level severity, std::string_view line) {
    if (!enabled(severity)) return;
    try {
        try_console_again();
        BOOST_LOG_SEV(source(), severity) << line;
    } catch (const std::exception&) {
        write_bare(line);
    }
}

void write(level severity, std::string_view line, const event& what) {
    if (!enabled(severity)) return;
    try {
        try_console_again();
        // Sinks are done with the record when this returns, so it need not own the event.
        BOOST_LOG_SEV(source(), severity) << logging::add_value("Event", &what) << line;
    } catch (const std::exception&) {
        write_bare(line);
    }
}

} // namespace fwknop::daemon::log
