// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture.hpp"

#include <pcap/pcap.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fwknop::daemon {

namespace {

/// Room for the longest link header in front of `snap_length` bytes, so that a full-size packet
/// behind VLAN tags or PPPoE is not cut.
constexpr int link_header_room = 64;

std::string known_interfaces() {
    char error[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t* all = nullptr;
    if (pcap_findalldevs(&all, error) != 0) return {};
    std::string names;
    for (const pcap_if_t* each = all; each != nullptr; each = each->next) {
        // Only what has addresses is a network interface: libpcap lists buses and logs, too.
        if (each->addresses == nullptr && (each->flags & PCAP_IF_LOOPBACK) == 0) continue;
        names += (names.empty() ? "" : ", ") + std::string{each->name};
    }
    pcap_freealldevs(all);
    return names;
}

[[noreturn]] void fail_to_open(const std::string& interface, int status, pcap_t* handle) {
    const std::string head = "[*] Cannot capture on interface '" + interface + "': ";
    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE: {
        const std::string names = known_interfaces();
        throw std::runtime_error{head + "no such interface. Set PCAP_INTF or -i to one of: " +
                                 (names.empty() ? "(none found)" : names)};
    }
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        throw std::runtime_error{head + "permission denied. Run fwknopd as root or give it "
                                        "CAP_NET_RAW and CAP_NET_ADMIN"};
    case PCAP_ERROR_IFACE_NOT_UP:
        throw std::runtime_error{head + "it is down. Bring it up first"};
    default:
        throw std::runtime_error{head + pcap_geterr(handle)};
    }
}

} // namespace

void capture::closer::operator()(pcap* handle) const noexcept {
    pcap_close(handle);
}

capture::capture(handle_ptr handle, const std::string& name, const capture_settings& settings)
    : handle_{std::move(handle)} {
    const int dlt = pcap_datalink(handle_.get());
    const auto link = link_type_of(dlt);
    if (!link) {
        const char* const dlt_name = pcap_datalink_val_to_name(dlt);
        throw std::runtime_error{"[*] '" + name + "' has link type " +
                                 (dlt_name != nullptr ? dlt_name : std::to_string(dlt)) +
                                 ", which fwknopd cannot read"};
    }
    link_ = *link;

    if (settings.filter.empty()) return;
    bpf_program program{};
    if (pcap_compile(handle_.get(), &program, settings.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) !=
        0) {
        throw std::runtime_error{"[*] Error compiling pcap filter '" + settings.filter +
                                 "': " + pcap_geterr(handle_.get())};
    }
    const int installed = pcap_setfilter(handle_.get(), &program);
    pcap_freecode(&program);
    if (installed != 0) {
        throw std::runtime_error{"[*] Error setting pcap filter '" + settings.filter +
                                 "': " + pcap_geterr(handle_.get())};
    }
}

capture capture::live(const std::string& interface, const capture_settings& settings) {
    char error[PCAP_ERRBUF_SIZE] = "";
    handle_ptr handle{pcap_create(interface.c_str(), error)};
    if (!handle) {
        throw std::runtime_error{"[*] Cannot capture on interface '" + interface + "': " + error};
    }
    pcap_set_snaplen(handle.get(), settings.snap_length + link_header_room);
    pcap_set_promisc(handle.get(), settings.promiscuous ? 1 : 0);
    pcap_set_immediate_mode(handle.get(), 1);
    pcap_set_buffer_size(handle.get(), static_cast<int>(settings.ring_size));
    if (const int status = pcap_activate(handle.get()); status < 0) {
        fail_to_open(interface, status, handle.get());
    }

    capture out{std::move(handle), interface, settings};
    if (!settings.any_direction && pcap_setdirection(out.handle_.get(), PCAP_D_IN) != 0) {
        throw std::runtime_error{"[*] Cannot limit the capture on '" + interface +
                                 "' to incoming packets: " + out.last_error()};
    }
    if (pcap_setnonblock(out.handle_.get(), 1, error) != 0) {
        throw std::runtime_error{"[*] Cannot capture on interface '" + interface + "': " + error};
    }
    out.descriptor_ = pcap_get_selectable_fd(out.handle_.get());
    if (out.descriptor_ < 0) {
        throw std::runtime_error{"[*] Interface '" + interface +
                                 "' cannot be waited for; use the UDP server (-U) instead"};
    }
    return out;
}

capture capture::offline(const std::string& path, const capture_settings& settings) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(path, ignored)) {
        throw std::runtime_error{"[*] '" + path + "' is a symbolic link; name the capture itself"};
    }
    char error[PCAP_ERRBUF_SIZE] = "";
    handle_ptr handle{pcap_open_offline(path.c_str(), error)};
    if (!handle) throw std::runtime_error{std::string{"[*] Cannot read the capture: "} + error};
    return {std::move(handle), path, settings};
}

capture::dispatched capture::dispatch(std::size_t limit, const frame_handler& handle) {
    struct context {
        link_type link;
        const frame_handler& handle;
        std::size_t frames = 0;
    } state_of_call{link_, handle};

    const auto forward = [](u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
        auto& call = *reinterpret_cast<context*>(user);
        ++call.frames;
        call.handle(call.link, {bytes, header->caplen}, header->len);
    };
    const int status = pcap_dispatch(handle_.get(), static_cast<int>(limit), forward,
                                     reinterpret_cast<u_char*>(&state_of_call));
    dispatched out{.frames = state_of_call.frames};
    if (status < 0) {
        out.now = state::failed;
    } else if (descriptor_ < 0 && state_of_call.frames < limit) {
        out.now = state::ended;
    }
    return out;
}

std::string capture::last_error() const {
    return pcap_geterr(handle_.get());
}

std::uint64_t capture::dropped() const {
    pcap_stat statistics{};
    return pcap_stats(handle_.get(), &statistics) == 0 ? statistics.ps_drop : 0;
}

} // namespace fwknop::daemon
