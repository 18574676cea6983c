// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/grant_wording.hpp"
#include "firewall/keeper_observer.hpp"

#include <functional>
#include <string>
#include <utility>

namespace fwknop::daemon {

/// Writes what became of grants into the log, in the words that operators have filters for.
class grant_reporter final : public keeper_observer {
  public:
    /// `changed` is called when there may be more or fewer grants than before; it may be empty.
    explicit grant_reporter(std::function<void()> changed = {});

    /// Speaks of rules as the packet filter in use does. `wording` outlives this object's calls.
    void use(const grant_wording& wording) { wording_ = &wording; }

    void added(const opened_event& event) override;
    void extended(const opened_event& event) override;
    void removed(const removed_event& event) override;
    void open_failed(const open_request& request, const std::string& error) override;
    void close_failed(std::size_t rules, const std::string& error,
                      std::chrono::milliseconds delay) override;
    void inspect_failed(const std::string& error, std::chrono::milliseconds delay) override;
    void late_work_done(const std::string& line) override;
    void late_work_failed(const std::string& error) override;
    void jump_added(const added_jump& made) override;
    void repaired(const std::string& what) override;

  private:
    std::function<void()> changed_;
    const grant_wording* wording_;
};

} // namespace fwknop::daemon
