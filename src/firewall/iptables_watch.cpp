// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_watch.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fcntl.h>

namespace fwknop {

namespace asio = boost::asio;

struct iptables_watch::loop {
    asio::posix::stream_descriptor events;
    asio::steady_timer next_look;

    explicit loop(const asio::any_io_executor& executor) : events{executor}, next_look{executor} {}
};

iptables_watch::iptables_watch(settings what) : what_{std::move(what)} {
    if (std::ranges::count(what_.way, notice_by::notifications) != 0) monitor_.emplace();
}

void iptables_watch::start(const asio::any_io_executor& executor, std::function<void()> changed) {
    changed_ = std::move(changed);
    const auto on = std::make_shared<loop>(executor);
    loop_ = on;
    if (monitor_) {
        // A copy, for the loop closes it and may live longer.
        const int copy = ::fcntl(monitor_->descriptor(), F_DUPFD_CLOEXEC, 3);
        boost::system::error_code error;
        if (copy >= 0) on->events.assign(copy, error);
        if (copy >= 0 && !error) wait_for_events(on);
        hear(); // what happened since the constructor
    }
    if (std::ranges::count(what_.way, notice_by::polling) != 0) wait_for_next_look(on);
}

void iptables_watch::stop() {
    changed_ = nullptr;
    if (const auto on = loop_.lock()) {
        boost::system::error_code ignored;
        on->events.close(ignored);
        on->next_look.cancel();
    }
    later_.reset();
    monitor_.reset();
}

void iptables_watch::change_started(std::uint32_t pid) {
    coming_ = false;
    our_child_ = pid; // it may have done its work by now, so nothing is heard before
    go_on();
}

void iptables_watch::change_started(std::set<unix_time> expiries) {
    hear();
    our_expiries_ = std::move(expiries);
}

void iptables_watch::change_ended() {
    coming_ = false; // if it was never started
    hear();
    our_child_ = 0;
    our_expiries_.clear();
    go_on();
}

void iptables_watch::hear() {
    if (!monitor_) return;
    bool news = false;
    const auto judge = [&](const rule_event& event) {
        if (!event.expires || our_expiries_.contains(*event.expires) ||
            (our_child_ != 0 && event.sender == our_child_))
            return;
        const auto family = static_cast<std::size_t>(event.family);
        if (what_.way.at(family) != notice_by::notifications) return;
        for (const auto& chain : what_.layout.at(family).chains()) {
            if (chain.spec->table != event.table || chain.spec->to_chain != event.chain) continue;
            suspects_.insert({event.family, chain.spec->table});
            news = true;
        }
    };
    if (!monitor_->receive(judge)) {
        suspect_all(notice_by::notifications);
        news = true;
    }
    if (news && changed_) changed_();
}

void iptables_watch::wait_for_events(const std::shared_ptr<loop>& on) {
    on->events.async_wait(asio::posix::descriptor_base::wait_read,
                          [weak = weak_from_this(), on](boost::system::error_code error) {
                              const auto self = weak.lock();
                              if (error || !self || !self->changed_) return;
                              if (self->coming_) {
                                  self->later_ = on; // it stays readable: we would only spin
                                  return;
                              }
                              self->hear();
                              self->wait_for_events(on);
                          });
}

void iptables_watch::go_on() {
    if (const auto on = std::exchange(later_, nullptr); on && changed_) wait_for_events(on);
}

void iptables_watch::wait_for_next_look(const std::shared_ptr<loop>& on) {
    on->next_look.expires_after(what_.interval);
    on->next_look.async_wait([weak = weak_from_this(), on](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || !self || !self->changed_) return;
        self->suspect_all(notice_by::polling);
        self->changed_();
        self->wait_for_next_look(on);
    });
}

void iptables_watch::suspect_all(notice_by way) {
    for (const ip_family family : {ip_family::v4, ip_family::v6}) {
        const auto index = static_cast<std::size_t>(family);
        if (what_.way.at(index) != way) continue;
        for (const std::string& table : what_.layout.at(index).tables())
            suspects_.insert({family, table});
    }
}

} // namespace fwknop
