// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant_keeper.hpp"
#include "firewall/nft_backend.hpp"
#include "real_iptables.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// A daemon's firewall part alone, over the real kernel, in a network namespace that is thrown away.

namespace fwknop::test {

class real_nft {
  public:
    /// Hides tcp/22.
    real_nft();
    real_nft(const real_nft&) = delete;
    real_nft& operator=(const real_nft&) = delete;
    ~real_nft() { crash(); }

    /// Runs one command of nft, or a whole text; fails the test if it fails. Gives its output.
    std::string nft(const std::string& command) const;

    /// What of `set` the kernel holds, e.g. "{ 192.0.2.7 . tcp . 22 timeout 2s expires 1s }".
    [[nodiscard]] std::string elements(const std::string& set) const;
    [[nodiscard]] int count(std::string_view text) const; ///< in the whole ruleset

    start_outcome start(); ///< keeper and backend anew, as a daemon that starts
    void crash();          ///< as if the daemon were killed
    backend_outcome stop();
    void open(std::string_view source, std::uint16_t port, int seconds);
    void open(open_request request);
    /// Runs until nothing is under way but timers, or for `time`.
    void run(std::chrono::milliseconds time = std::chrono::milliseconds{50});
    /// Runs until `done`, and fails the test if that does not come about.
    void run_until(const std::function<bool()>& done);

    nft_options options;
    std::function<void(nft_backend&)> start_with; ///< before each start
    event_log log;
    std::unique_ptr<grant_keeper> keeper;
    std::unique_ptr<nft_backend> filter;

    [[nodiscard]] boost::asio::io_context& context() { return *context_; }

  private:
    std::unique_ptr<boost::asio::io_context> context_;
};

} // namespace fwknop::test
