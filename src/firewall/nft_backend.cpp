// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_backend.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

namespace fwknop {

namespace {

namespace asio = boost::asio;

constexpr std::size_t no_tag = std::numeric_limits<std::size_t>::max();

} // namespace

nft_backend::nft_backend(nft_options options)
    : options_{std::move(options)}, ledger_{options_.layout.roles()} {}

std::vector<rule_place> nft_backend::places() const {
    std::vector<rule_place> places;
    for (const rule_role role : options_.layout.roles()) {
        const std::string stem = options_.layout.prefix + std::string{set_stem(role)};
        places.push_back({role, stem + "4", stem + "6"});
    }
    return places;
}

asio::awaitable<nft_backend::step_result> nft_backend::run_nft(std::string script) {
    child_command command;
    command.path = options_.program;
    command.arguments = {"-f", "-"};
    command.input = std::move(script);
    command.time_limit = options_.time_limit;
    const child_result result = co_await run_child(command);
    if (result.ok()) co_return step_result{};
    std::string error = describe_failure(command, result);
    co_return step_result{error + remedy_for(error), result.uncertain()};
}

asio::awaitable<nft_backend::step_result> nft_backend::open_socket() {
    if (socket_) co_return step_result{};
    const auto executor = co_await asio::this_coro::executor;
    try {
        socket_ = std::make_unique<nft_socket>(executor);
    } catch (const std::exception& error) {
        co_return step_result{error.what()};
    }
    co_return step_result{};
}

asio::awaitable<nft_backend::step_result> nft_backend::adopt(moment now,
                                                             std::vector<adopted_grant>& into) {
    for (const nft_shape& shape : shapes_) {
        if (shape.role != rule_role::input) continue;
        const std::string set = options_.layout.set_name(shape);
        const nft_home& home = options_.layout;
        std::vector<nft_listed_element> found;
        std::function<std::vector<std::uint8_t>(std::uint32_t)> request =
            [&](std::uint32_t sequence) { return elements_request(home, set, sequence); };
        std::function<void(const nlmsghdr&)> each = [&found](const nlmsghdr& message) {
            auto more = read_elements(message);
            std::ranges::move(more, std::back_inserter(found));
        };
        std::function<void()> again = [&found] { found.clear(); };
        const auto listed = co_await socket_->list(request, each, again, options_.time_limit);
        if (!listed.ok()) co_return step_result{listed.error};
        for (const nft_listed_element& element : found) {
            if (!element.left) continue; // somebody put it there for good
            const auto key = input_grant(shape, element.key);
            if (!key) continue;
            const auto left = std::chrono::floor<std::chrono::seconds>(*element.left - nft_reserve);
            into.push_back({*key, now.wall + std::max(left, std::chrono::seconds{0})});
        }
    }
    co_return step_result{};
}

asio::awaitable<start_outcome> nft_backend::start(moment now) {
    start_outcome outcome;
    std::set<nft_object> present;
    const step_result listed = co_await list_objects(present);
    outcome.error = listed.error;
    if (!outcome.ok()) co_return outcome;

    const auto wanted_shapes = options_.layout.shapes();
    shapes_ = {wanted_shapes.begin(), wanted_shapes.end()};
    names empty_sets;
    const auto roles = options_.layout.roles();
    for (const nft_object& object : present) {
        if (object.what != nft_object::kind::set) continue;
        const auto shape = options_.layout.shape_of(object.name);
        if (!shape || std::ranges::find(roles, shape->role) == roles.end()) continue;
        shapes_.insert(*shape);
        // Of a grant with NAT the sets do not tell all that is needed to look after it.
        if (options_.flush_at_init || shape->role != rule_role::input)
            empty_sets.insert(object.name);
    }
    const step_result made =
        co_await set_up(std::move(empty_sets), jump_care::first, outcome.jumps);
    outcome.error = made.error;
    if (!outcome.ok() || options_.flush_at_init) co_return outcome;
    const step_result adopted = co_await adopt(now, outcome.adopted);
    outcome.error = adopted.error;
    co_return outcome;
}

// Without the kernel's announcements somebody could take the protection away unnoticed: as often as
// it takes, and with each failure in the log.
nft_backend::step_result nft_backend::listen() {
    try {
        watcher_ = std::make_unique<nft_watcher>(socket_->executor(), options_.layout,
                                                 socket_->port(), changed_);
    } catch (const std::exception& error) {
        return {error.what()};
    }
    return {};
}

void nft_backend::watch(std::function<void()> changed) {
    changed_ = std::move(changed);
    if (!listen().ok()) changed_();
}

asio::awaitable<nft_backend::commit_result> nft_backend::commit(nft_transaction& transaction) {
    if (transaction.messages() == 0) co_return commit_result{};
    const auto done = co_await socket_->commit(transaction, options_.time_limit);
    if (!done.ok()) co_return commit_result{{done.error + remedy_for(done.error), true}, {}, false};
    if (done.errors.empty()) co_return commit_result{};

    const nft_reply_error& first = done.errors.front();
    std::string words = "the kernel refuses a change of " + options_.layout.place() + ": " +
                        std::generic_category().message(first.number);
    if (!first.text.empty()) words += " (" + first.text + ")";
    commit_result refused{{words + remedy_for(words)}, {}, false};
    for (const nft_reply_error& error : done.errors) {
        refused.absent = refused.absent || error.number == ENOENT;
        refused.tags.insert(transaction.tag_of(error.sequence).value_or(no_tag));
    }
    co_return refused;
}

// Writes all sets afresh, in one transaction.
asio::awaitable<nft_backend::commit_result>
nft_backend::put_all(const grant_table& wanted, const std::vector<grant_key>& without, moment now) {
    const auto steps = ledger_.rebuild(wanted, without, now);
    nft_transaction transaction{options_.layout, socket_->next_sequence()};
    for (const nft_shape& shape : shapes_)
        transaction.flush(options_.layout.set_name(shape), no_tag);
    for (const nft_step& step : steps) {
        if (step.known)
            transaction.step(step, no_tag);
        else
            transaction.add(step, no_tag);
    }
    const commit_result done = co_await commit(transaction);
    doubtful_ = !done.ok();
    co_return done;
}

// Makes sets for what `batch` opens, where there is none. Returns the changes that had to do
// without.
asio::awaitable<nft_backend::step_result> nft_backend::add_shapes(const change_batch& batch,
                                                                  const grant_table& wanted,
                                                                  std::set<std::size_t>& without,
                                                                  std::vector<added_jump>& jumps) {
    std::set<nft_shape> lacking;
    for (std::size_t i = 0; i < batch.changes.size(); ++i) {
        const grant_key& key = batch.changes[i].key;
        if (wanted.find(key) == nullptr || !options_.layout.serves(key.source.family())) continue;
        for (const nft_shape& shape : ledger_.shapes_of(key)) {
            if (shapes_.contains(shape)) continue;
            lacking.insert(shape);
            without.insert(i);
        }
    }
    if (lacking.empty()) co_return step_result{};
    const auto before = shapes_;
    shapes_.merge(lacking);
    const step_result made = co_await set_up({}, jump_care::keep, jumps);
    if (made.ok())
        without.clear();
    else
        shapes_ = before;
    co_return made;
}

asio::awaitable<apply_outcome> nft_backend::apply(const change_batch& batch,
                                                  const grant_table& wanted, moment now) {
    apply_outcome outcome;
    std::set<std::size_t> broken; // changes that are given up
    const auto give_up = [&outcome, &broken](std::set<std::size_t> which,
                                             const step_result& reason) {
        change_failure failure{{}, {}, reason.error, reason.uncertain};
        std::ranges::set_difference(which, broken, std::back_inserter(failure.changes));
        broken.merge(which);
        if (!failure.changes.empty()) outcome.failures.push_back(std::move(failure));
    };

    std::set<std::size_t> foreign;
    for (std::size_t i = 0; i < batch.changes.size(); ++i)
        if (!options_.layout.serves(batch.changes[i].key.source.family())) foreign.insert(i);
    give_up(foreign, {std::string{"NFT_INPUT_ACCESS names a chain of family "}
                          .append(name_of(options_.layout.family))
                          .append(", which sees no packets of the other family: name one of "
                                  "family inet")});
    std::set<std::size_t> without;
    const step_result shaped = co_await add_shapes(batch, wanted, without, outcome.jumps);
    give_up(without, shaped);

    if (!std::exchange(doubtful_, true)) { // until we are sure, cancelled or not
        nft_transaction transaction{options_.layout, socket_->next_sequence()};
        for (std::size_t i = 0; i < batch.changes.size(); ++i)
            if (!broken.contains(i))
                for (const nft_step& step : ledger_.update(batch.changes[i].key, wanted, now))
                    transaction.step(step, i);
        const commit_result done = co_await commit(transaction);
        if (done.ok()) {
            doubtful_ = false;
            co_return outcome;
        }
        // Nothing is missing, so these are what the kernel dislikes; the others go on without them.
        if (!done.absent && !done.uncertain) give_up(done.tags, done);
    }

    std::set<std::size_t> all;
    std::vector<grant_key> refused;
    for (std::size_t i = 0; i < batch.changes.size(); ++i) {
        all.insert(i);
        if (broken.contains(i)) refused.push_back(batch.changes[i].key);
    }
    bool emptied = false;
    const step_result restored = co_await restore(outcome.repairs, outcome.jumps, emptied);
    if (!restored.ok()) {
        give_up(all, restored);
        co_return outcome;
    }
    const commit_result written = co_await put_all(wanted, refused, now);
    if (!written.ok()) give_up(all, written);
    co_return outcome;
}

asio::awaitable<inspect_outcome> nft_backend::inspect(const grant_table& wanted, moment now) {
    inspect_outcome outcome;
    if (!watcher_) outcome.error = listen().error;
    bool emptied = false;
    const step_result restored = co_await restore(outcome.repairs, outcome.jumps, emptied);
    if (!restored.ok()) {
        outcome.error = restored.error;
        co_return outcome;
    }
    if (!emptied) co_return outcome;
    const commit_result written = co_await put_all(wanted, {}, now);
    if (!written.ok())
        outcome.error = written.error;
    else if (!wanted.empty())
        outcome.repairs.push_back(std::to_string(wanted.size()) + " grants are written again to " +
                                  options_.layout.place());
    co_return outcome;
}

asio::awaitable<backend_outcome> nft_backend::stop() {
    watcher_.reset();
    if (!options_.flush_at_exit) co_return backend_outcome{};
    co_return co_await flush();
}

} // namespace fwknop
