// SPDX-License-Identifier: Apache-2.0
//
// Sends junk that looks like SPA packets at a steady rate, for measuring a daemon under flood.
//
//   bench_flood <IPv4 address> <port> <packets per second> <seconds>
//
// Prints "<packets sent> <seconds>" at the end. Meant for a private network namespace.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

// As long as an ordinary packet, made of nothing but the alphabet of one, and beginning as only a
// packet can, so that a daemon has to go as far as its HMAC to see that it is junk.
constexpr std::size_t payload_size = 200;
constexpr std::size_t different_payloads = 64;
constexpr std::size_t most_at_once = 64;
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view first_characters = "89+/";

using payload = std::array<char, payload_size>;
using steady = std::chrono::steady_clock;

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
    return value;
}

std::array<payload, different_payloads> make_payloads() {
    // Reproducible on purpose: both daemons get the same junk.
    std::mt19937 random{62201};
    std::uniform_int_distribution<std::size_t> pick{0, alphabet.size() - 1};
    std::array<payload, different_payloads> result{};
    for (auto& one : result) {
        std::generate(one.begin(), one.end(), [&] { return alphabet[pick(random)]; });
        one.front() = first_characters[pick(random) % first_characters.size()];
    }
    return result;
}

// Sends until the time is over, catching up with the clock in bursts of at most most_at_once.
// Gives back the number of packets sent.
std::uint64_t flood(int socket, std::uint64_t rate, std::chrono::seconds duration) {
    auto payloads = make_payloads();
    std::array<iovec, most_at_once> parts{};
    std::array<mmsghdr, most_at_once> messages{};
    for (std::size_t i = 0; i < most_at_once; ++i) {
        auto& one = payloads[i % different_payloads];
        parts[i] = {one.data(), one.size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }

    const auto start = steady::now();
    std::uint64_t sent = 0;
    for (;;) {
        const auto elapsed = steady::now() - start;
        if (elapsed >= duration) return sent;
        const auto seconds = std::chrono::duration<double>(elapsed).count();
        const auto due = static_cast<std::uint64_t>(seconds * static_cast<double>(rate)) + 1;
        if (due <= sent) {
            std::this_thread::sleep_for(std::chrono::microseconds{200});
            continue;
        }
        const auto count = std::min<std::uint64_t>(due - sent, most_at_once);
        const auto done = ::sendmmsg(socket, messages.data(), static_cast<unsigned>(count), 0);
        if (done < 0 && errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED) {
            std::fprintf(stderr, "bench_flood: sendmmsg: %s\n", std::strerror(errno));
            return sent;
        }
        sent += done > 0 ? static_cast<std::uint64_t>(done) : 0;
    }
}

} // namespace

int main(int argc, char** argv) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const auto port = argc == 5 ? number(argv[2]) : std::nullopt;
    const auto rate = argc == 5 ? number(argv[3]) : std::nullopt;
    const auto seconds = argc == 5 ? number(argv[4]) : std::nullopt;
    if (!port || *port > 65535 || !rate || !seconds || *seconds > 3600 ||
        ::inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        std::fputs("usage: bench_flood <IPv4 address> <port> <packets per second> <seconds>\n",
                   stderr);
        return 2;
    }
    address.sin_port = htons(static_cast<std::uint16_t>(*port));

    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0 ||
        ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        std::fprintf(stderr, "bench_flood: %s: %s\n", argv[1], std::strerror(errno));
        return 1;
    }
    const auto sent = flood(socket, *rate, std::chrono::seconds{*seconds});
    ::close(socket);
    std::printf("%llu %llu\n", static_cast<unsigned long long>(sent),
                static_cast<unsigned long long>(*seconds));
    return 0;
}
