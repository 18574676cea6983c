// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/change.hpp"
#include "firewall/grant_route.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/grant_wording.hpp"
#include "firewall/listed_program.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// What an operation on the packet filter came to. Texts are sentences for the log without a final
/// stop, with the program's own words in them.
struct backend_outcome {
    std::string error; ///< empty: done

    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};

struct start_outcome : backend_outcome {
    std::vector<adopted_grant> adopted; ///< what an earlier run left and is still valid
    std::vector<tagged_rule> tagged;    ///< rules of others that we shall remove in time
    std::vector<added_jump> jumps;
    std::vector<std::string> notices; ///< worth a line in the log, e.g. "IPv6 is not handled"
};

/// Some of a batch's steps failed, all for one reason.
struct change_failure {
    std::vector<std::size_t> changes; ///< indexes into `change_batch::changes`
    std::vector<std::size_t> tagged;  ///< indexes into `change_batch::tagged`
    std::string error;
    /// A program was killed half-way: whether the steps took effect is unknown.
    bool uncertain = false;
};

struct apply_outcome {
    std::vector<change_failure> failures; ///< empty: all done
    std::vector<added_jump> jumps;        ///< that had gone missing
    std::vector<std::string> repairs;     ///< what else had gone missing and is there again
};

struct inspect_outcome : backend_outcome {
    std::vector<added_jump> jumps;    ///< that had gone missing
    std::vector<std::string> repairs; ///< what else had gone missing and is there again
    std::vector<tagged_rule> tagged;  ///< rules of others that we shall remove in time
};

struct late_work_outcome : backend_outcome {
    std::vector<std::string> done; ///< lines for the log: what was done
};

struct list_outcome : backend_outcome {
    std::string text;
};

/// A packet filter. Operations are awaited one at a time; none blocks, none throws but when its
/// coroutine is cancelled. Arguments must live until the operation is done.
class backend {
  public:
    backend() = default;
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    virtual ~backend() = default;

    /// "iptables", …
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The programs that it runs.
    [[nodiscard]] virtual std::vector<listed_program> programs() const { return {}; }

    /// Where grants show up, for the log.
    [[nodiscard]] virtual std::vector<rule_place> places() const = 0;

    /// How new rules are numbered: for the table that goes with this backend.
    [[nodiscard]] virtual rule_order order() const = 0;

    /// How the log's lines about rules read. Lives as long as the backend.
    [[nodiscard]] virtual const grant_wording& wording() const { return common_wording(); }

    /// Makes our own objects, empties or adopts them as configured. Touches nothing else.
    [[nodiscard]] virtual boost::asio::awaitable<start_outcome> start(moment now) = 0;

    /// Makes the packet filter agree with `wanted`, which is `batch` further than it was. Restores
    /// our objects if somebody removed them.
    [[nodiscard]] virtual boost::asio::awaitable<apply_outcome>
    apply(const change_batch& batch, const grant_table& wanted, moment now) = 0;

    /// From now on until `stop`, calls `changed` when somebody else has changed what this backend
    /// looks after: from the executor of `start`, between or during operations, as often as it
    /// likes. Called once, after `start`. A backend that cannot notice never calls.
    // NOLINTNEXTLINE(performance-unnecessary-value-param): those who override it keep it
    virtual void watch(std::function<void()> /*changed*/) {}

    /// Looks at the packet filter after such a change. Puts back what must not be missing until the
    /// next open; `wanted` is what it should hold.
    [[nodiscard]] virtual boost::asio::awaitable<inspect_outcome> inspect(const grant_table& wanted,
                                                                          moment now) {
        static_cast<void>(wanted);
        static_cast<void>(now);
        co_return inspect_outcome{};
    }

    /// When late work of this backend's own is due, such as clearing away what was closed before.
    /// None: there is nothing to do. Asked between operations, so that it costs no wake-up else.
    [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point>
    late_work_due() const {
        return std::nullopt;
    }

    /// Does it. After a failure, which is only logged, `late_work_due` says when to try again: it
    /// must lie ahead of `now`, or be none.
    [[nodiscard]] virtual boost::asio::awaitable<late_work_outcome> late_work(moment now) {
        static_cast<void>(now);
        co_return late_work_outcome{};
    }

    /// Before `start`: what hides ports until somebody is granted access ends by itself at that
    /// time, whatever becomes of the daemon. False: this one hides nothing.
    [[nodiscard]] virtual bool limit_protection(std::chrono::steady_clock::time_point end) {
        static_cast<void>(end);
        return false;
    }

    /// From now on it has no end. In no case are ports open meanwhile that were hidden.
    [[nodiscard]] virtual boost::asio::awaitable<backend_outcome> confirm_protection() {
        co_return backend_outcome{"the packet filter " + std::string{name()} + " hides nothing"};
    }

    /// The end of the daemon: removes our objects, or leaves them, as configured.
    [[nodiscard]] virtual boost::asio::awaitable<backend_outcome> stop() = 0;

    /// Removes our objects whatever is configured (`--fw-flush`).
    [[nodiscard]] virtual boost::asio::awaitable<backend_outcome> flush() = 0;

    /// What the packet filter says about our objects (`--fw-list`), or about everything in the
    /// tables they live in (`--fw-list-all`). No objects: an empty text, no error.
    [[nodiscard]] virtual boost::asio::awaitable<list_outcome> list(bool everything) = 0;
};

} // namespace fwknop
