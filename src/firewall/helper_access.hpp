// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/child_files.hpp"
#include "firewall/helper_request.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace fwknop {

/// A helper that is alive answers in milliseconds; one that starts a program from a disk that
/// sleeps takes seconds.
inline constexpr std::chrono::seconds helper_patience{10};

/// The daemon's side of its helper (helper.hpp), part of the context that it runs in: every child
/// of that context is then started by the helper. Nothing here waits for it.
class helper_access : public boost::asio::execution_context::service {
  public:
    static boost::asio::execution_context::id id; // NOLINT: Asio's name for the key

    /// The one of `executor`'s context; none: it has no helper.
    [[nodiscard]] static helper_access* of(const boost::asio::any_io_executor& executor);

    /// For Asio.
    explicit helper_access(boost::asio::execution_context& context);

    /// From now on children of `context` are started by the helper at the other end of `requests`.
    /// `ended` is called once, from the loop, when the helper has gone, or has been silent for
    /// `patience` when it was asked to kill; it is not asked for anything again.
    static void begin(boost::asio::io_context& context, descriptor requests,
                      std::function<void()> ended,
                      std::chrono::milliseconds patience = helper_patience);

    /// Asks for a child with these descriptors. Gives the channel on which the helper tells of it;
    /// it is readable when there is something to hear. Or an empty one, and why.
    [[nodiscard]] std::pair<descriptor, std::string> start(const start_request& request, int input,
                                                           int output, int errors);

    /// The next that is said on a channel. None: nothing yet; or, if `gone`, never again.
    [[nodiscard]] std::optional<helper_answer> hear(int channel, bool& gone);

    /// Asks to kill the child of this channel, and what it has started.
    static void kill(int channel);

    /// How long the helper may take to say that it kills.
    [[nodiscard]] std::chrono::milliseconds patience() const noexcept { return patience_; }

    /// It took longer.
    void give_up();

    /// How many requests the helper has refused, as far as it was heard.
    [[nodiscard]] std::uint32_t refusals() const noexcept { return refusals_; }

  private:
    void shutdown() override;
    void end();

    std::optional<boost::asio::posix::stream_descriptor> requests_;
    std::function<void()> ended_;
    std::chrono::milliseconds patience_{};
    std::uint32_t refusals_ = 0;
};

} // namespace fwknop
