// SPDX-License-Identifier: Apache-2.0
// What the daemon tells beside the decisions themselves: lines that were held back, packets that it
// never saw, and its status (SIGUSR1).
#include "daemon/log.hpp"
#include "daemon/service.hpp"
#include "firewall/helper_access.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

namespace fwknop::daemon {

namespace asio = boost::asio;

asio::awaitable<void> service::write_summary() {
    boost::system::error_code cancelled;
    if (const auto due = log_.summary_due()) {
        summary_timer_.expires_at(*due);
        co_await summary_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    log_.sum_up();
    summary_armed_ = false;
}

asio::awaitable<void> service::watch_drops() {
    boost::system::error_code cancelled;
    drops_timer_.expires_after(decision_log::interval);
    co_await drops_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    drops_armed_ = false;
    report_drops();
}

void service::report_drops() {
    const auto dropped = sources_.dropped();
    if (dropped < drops_told_) drops_told_ = 0; // an interface was opened anew
    if (dropped > drops_told_) {
        log::warning("Packets came faster than they could be handled; the kernel dropped " +
                     std::to_string(dropped - drops_told_) +
                     " before fwknopd saw them. A larger PCAP_RING_SIZE holds more");
    }
    drops_told_ = dropped;
}

// SIGUSR1.
void service::write_status() {
    log::info(status_line(pipeline_.counters(), keeper_ ? keeper_->grants().size() : 0));
    for (const auto& line : status_details(pipeline_.counters())) log::info(line);
    if (sources_.captures())
        log::info("Dropped by the kernel before we saw them: " +
                  std::to_string(sources_.dropped()));
    if (const auto* const starter = helper_access::of(stopped_.get_executor());
        starter != nullptr && starter->refusals() != 0)
        log::info("Requests that the helper process refused: " +
                  std::to_string(starter->refusals()));
    log::info("Packets on record against replays: " + std::to_string(replays_.size()));
}

} // namespace fwknop::daemon
