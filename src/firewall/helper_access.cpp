// SPDX-License-Identifier: Apache-2.0
#include "firewall/helper_access.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <variant>
#include <vector>

#include <sys/socket.h>

namespace fwknop {

namespace asio = boost::asio;

asio::execution_context::id helper_access::id; // NOLINT: Asio's name for the key

helper_access* helper_access::of(const asio::any_io_executor& executor) {
    asio::execution_context& context = asio::query(executor, asio::execution::context);
    return asio::has_service<helper_access>(context) ? &asio::use_service<helper_access>(context)
                                                     : nullptr;
}

helper_access::helper_access(asio::execution_context& context)
    : asio::execution_context::service{context} {}

void helper_access::begin(asio::io_context& context, descriptor requests,
                          std::function<void()> ended, std::chrono::milliseconds patience) {
    auto& access = asio::use_service<helper_access>(context);
    access.requests_.emplace(context, requests.release());
    access.ended_ = std::move(ended);
    access.patience_ = patience;
    // It never sends anything on it: readable means closed.
    access.requests_->async_wait(asio::posix::descriptor_base::wait_read,
                                 [&access](boost::system::error_code error) {
                                     if (!error) access.end();
                                 });
}

void helper_access::end() {
    if (const auto ended = std::exchange(ended_, nullptr)) ended();
}

void helper_access::give_up() {
    boost::system::error_code ignored;
    requests_->close(ignored);
    end();
}

void helper_access::shutdown() {
    requests_.reset();
    ended_ = nullptr;
}

std::pair<descriptor, std::string> helper_access::start(const start_request& request, int input,
                                                        int output, int errors) {
    const auto message = write_request(request);
    if (const auto* const why = std::get_if<helper_refusal>(&message))
        return {descriptor{}, std::string{text_of(*why)}};
    const auto& bytes = std::get<std::vector<std::uint8_t>>(message);
    descriptor_pair channel = make_channel();
    if (!channel) return {descriptor{}, std::system_category().message(errno)};

    const std::array<int, helper_descriptors> files{channel.second.get(), input, output, errors};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof files)> control{};
    // sendmsg takes what it only reads by pointers to what could be written.
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof files);
    std::memcpy(CMSG_DATA(rights), files.data(), sizeof files);

    ssize_t sent = -1;
    do {
        sent = ::sendmsg(requests_->native_handle(), &head, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return {std::move(channel.first), std::string{}};
    return {descriptor{}, errno == EPIPE || errno == EBADF || errno == ECONNRESET
                              ? std::string{"the helper process has ended"}
                          : errno == EAGAIN
                              ? std::string{"the helper process has too much to do, or hangs"}
                              : "the helper process: " + std::system_category().message(errno)};
}

std::optional<helper_answer> helper_access::hear(int channel, bool& gone) {
    std::array<std::uint8_t, 64> bytes{};
    ssize_t size = -1;
    do {
        size = ::recv(channel, bytes.data(), bytes.size(), MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    gone = size == 0 || (size < 0 && !is_passing(errno));
    if (size <= 0) return std::nullopt;
    const auto answer = read_answer({bytes.data(), static_cast<std::size_t>(size)});
    if (answer)
        refusals_ = answer->refusals;
    else
        gone = true;
    return answer;
}

void helper_access::kill(int channel) {
    static_cast<void>(
        ::send(channel, &helper_kill, sizeof helper_kill, MSG_NOSIGNAL | MSG_DONTWAIT));
}

} // namespace fwknop
