// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/child_files.hpp"
#include "firewall/helper_request.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace fwknop {

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
    /// `ended` is called once, from the loop, when the helper has gone.
    static void begin(boost::asio::io_context& context, descriptor requests,
                      std::function<void()> ended);

    /// Asks for a child with these descriptors. Gives the channel on which the helper tells of it;
    /// it is readable when there is something to hear. Or an empty one, and why.
    [[nodiscard]] std::pair<descriptor, std::string> start(const start_request& request, int input,
                                                           int output, int errors);

    /// The next that is said on a channel. None: nothing yet; or, if `gone`, never again.
    [[nodiscard]] std::optional<helper_answer> hear(int channel, bool& gone);

    /// Asks to kill the child of this channel, and what it has started.
    static void kill(int channel);

    /// How many requests the helper has refused, as far as it was heard.
    [[nodiscard]] std::uint32_t refusals() const noexcept { return refusals_; }

  private:
    void shutdown() override;

    std::optional<boost::asio::posix::stream_descriptor> requests_;
    std::uint32_t refusals_ = 0;
};

} // namespace fwknop
