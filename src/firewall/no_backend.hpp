// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"

namespace fwknop {

/// FIREWALL_BACKEND none: commands are all that knocks can start. A request for a port fails, so
/// that nobody takes it for open.
class no_backend final : public backend {
  public:
    [[nodiscard]] std::string_view name() const override { return "none"; }
    [[nodiscard]] std::vector<rule_place> places() const override { return {}; }
    [[nodiscard]] rule_order order() const override { return rule_order::append; }

    [[nodiscard]] boost::asio::awaitable<start_outcome> start(moment now) override;
    [[nodiscard]] boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> stop() override;
    [[nodiscard]] boost::asio::awaitable<backend_outcome> flush() override;
    [[nodiscard]] boost::asio::awaitable<list_outcome> list(bool everything) override;
};

} // namespace fwknop
