// SPDX-License-Identifier: Apache-2.0
#include "firewall/no_backend.hpp"

#include <numeric>
#include <utility>

namespace fwknop {

namespace asio = boost::asio;

asio::awaitable<start_outcome> no_backend::start(moment /*now*/) {
    co_return start_outcome{};
}

asio::awaitable<apply_outcome> no_backend::apply(const change_batch& batch,
                                                 const grant_table& /*wanted*/, moment /*now*/) {
    change_failure failure;
    failure.changes.resize(batch.changes.size());
    std::iota(failure.changes.begin(), failure.changes.end(), std::size_t{0});
    failure.error = "FIREWALL_BACKEND is none: give the stanza a CMD_CYCLE_OPEN, or set "
                    "FIREWALL_BACKEND";
    apply_outcome outcome;
    outcome.failures.push_back(std::move(failure));
    co_return outcome;
}

asio::awaitable<backend_outcome> no_backend::stop() {
    co_return backend_outcome{};
}

asio::awaitable<backend_outcome> no_backend::flush() {
    co_return backend_outcome{};
}

asio::awaitable<list_outcome> no_backend::list(bool /*everything*/) {
    co_return list_outcome{};
}

} // namespace fwknop
