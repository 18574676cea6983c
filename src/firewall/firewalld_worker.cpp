// SPDX-License-Identifier: Apache-2.0
#include "firewall/firewalld_worker.hpp"

#include "firewall/firewalld_script.hpp"

#include <istream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <dbus/dbus.h>

namespace fwknop {

namespace {

constexpr int patience = 10'000; ///< milliseconds for one rule: iptables may wait for its lock

class bus_error {
  public:
    bus_error() { ::dbus_error_init(&error_); }
    bus_error(const bus_error&) = delete;
    bus_error& operator=(const bus_error&) = delete;
    ~bus_error() { ::dbus_error_free(&error_); }

    [[nodiscard]] DBusError* get() noexcept { return &error_; }
    [[nodiscard]] bool is(const char* name) const {
        return ::dbus_error_has_name(&error_, name) != 0;
    }
    [[nodiscard]] std::string text() const {
        return error_.message != nullptr ? error_.message : "no memory";
    }

  private:
    DBusError error_{};
};

struct connection_closer {
    void operator()(DBusConnection* connection) const noexcept {
        ::dbus_connection_close(connection);
        ::dbus_connection_unref(connection);
    }
};
using connection = std::unique_ptr<DBusConnection, connection_closer>;

struct message_releaser {
    void operator()(DBusMessage* message) const noexcept { ::dbus_message_unref(message); }
};
using message = std::unique_ptr<DBusMessage, message_releaser>;

message make_call(const std::string& family, const std::vector<std::string>& arguments) {
    message call{::dbus_message_new_method_call(
        "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1",
        "org.fedoraproject.FirewallD1.direct", "passthrough")};
    if (!call) return call;
    // Whether this host has firewalld running is not for us to decide.
    ::dbus_message_set_auto_start(call.get(), 0);
    DBusMessageIter all;
    DBusMessageIter list;
    ::dbus_message_iter_init_append(call.get(), &all);
    const char* text = family.c_str();
    bool ok = ::dbus_message_iter_append_basic(&all, DBUS_TYPE_STRING, &text) != 0 &&
              ::dbus_message_iter_open_container(&all, DBUS_TYPE_ARRAY, "s", &list) != 0;
    for (const std::string& argument : arguments) {
        text = argument.c_str();
        ok = ok && ::dbus_message_iter_append_basic(&list, DBUS_TYPE_STRING, &text) != 0;
    }
    ok = ok && ::dbus_message_iter_close_container(&all, &list) != 0;
    if (!ok) call.reset();
    return call;
}

class worker {
  public:
    worker(std::string family, std::ostream& output, std::ostream& errors)
        : family_{std::move(family)}, output_{output}, errors_{errors} {}

    int carry_out(const std::vector<firewalld_call>& calls) {
        bus_error error;
        bus_.reset(::dbus_bus_get_private(DBUS_BUS_SYSTEM, error.get()));
        if (!bus_) {
            errors_ << "the system bus cannot be reached: " << error.text() << "\n";
            return firewalld_not_running;
        }
        ::dbus_connection_set_exit_on_disconnect(bus_.get(), 0);

        bool changed = false;
        for (const firewalld_call& each : calls) {
            std::string why;
            int status = pass(each.arguments, why);
            if (status == firewalld_failed && !each.otherwise.empty())
                status = pass(each.otherwise, why);
            if (status != firewalld_done) {
                errors_ << why << "\n";
                return status == firewalld_failed && changed ? firewalld_half_done : status;
            }
            changed = changed || each.changes;
        }
        return firewalld_done;
    }

  private:
    int pass(const std::vector<std::string>& arguments, std::string& why) {
        const message call = make_call(family_, arguments);
        if (!call) {
            why = "a rule cannot be sent: it is no UTF-8, or there is no memory";
            return firewalld_failed;
        }
        bus_error error;
        const message reply{::dbus_connection_send_with_reply_and_block(bus_.get(), call.get(),
                                                                        patience, error.get())};
        if (!reply) {
            why = error.text();
            if (error.is(DBUS_ERROR_SERVICE_UNKNOWN) || error.is(DBUS_ERROR_NAME_HAS_NO_OWNER)) {
                why = "FirewallD is not running";
                return firewalld_not_running;
            }
            return error.is(DBUS_ERROR_ACCESS_DENIED) ||
                           why.find("NOT_AUTHORIZED") != std::string::npos
                       ? firewalld_not_authorized
                       : firewalld_failed;
        }
        const char* said = nullptr;
        if (::dbus_message_get_args(reply.get(), nullptr, DBUS_TYPE_STRING, &said,
                                    DBUS_TYPE_INVALID) != 0)
            output_ << said;
        return firewalld_done;
    }

    std::string family_;
    std::ostream& output_;
    std::ostream& errors_;
    connection bus_;
};

} // namespace

int run_firewalld_worker(std::string_view family, std::istream& script, std::ostream& output,
                         std::ostream& errors) {
    const std::string text{std::istreambuf_iterator<char>{script}, {}};
    const int status = worker{std::string{family}, output, errors}.carry_out(firewalld_calls(text));
    output.flush();
    return output ? status : firewalld_failed;
}

} // namespace fwknop
