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

#include <linux/netfilter.h>

namespace fwknop {

namespace {

namespace asio = boost::asio;

constexpr std::size_t max_listing = std::size_t{32} * 1024 * 1024; ///< as of iptables
constexpr std::size_t no_tag = std::numeric_limits<std::size_t>::max();

constexpr std::string_view privilege_remedy = ": start the daemon as root or give it CAP_NET_ADMIN";
constexpr std::string_view kernel_remedy =
    ": the kernel must know nf_tables with concatenations and timeouts in sets (Linux 5.6 or "
    "later, modules nf_tables and nf_conntrack); or use FIREWALL_BACKEND iptables";

std::string remedy_for(std::string_view words) {
    const auto says = [words](std::string_view text) { return words.find(text) != words.npos; };
    if (says("Operation not permitted") || says("must be root"))
        return std::string{privilege_remedy};
    if (says("not supported") || says("Invalid argument") || says("cache initialization failed"))
        return std::string{kernel_remedy};
    return {};
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

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

asio::awaitable<nft_backend::step_result> nft_backend::list_objects(std::set<nft_object>& into) {
    const step_result opened = co_await open_socket();
    if (!opened.ok()) co_return opened;
    for (const auto what :
         {nft_object::kind::chain, nft_object::kind::rule, nft_object::kind::set}) {
        std::set<nft_object> found;
        const nft_home& home = options_.layout;
        std::function<std::vector<std::uint8_t>(std::uint32_t)> request =
            [&home, what](std::uint32_t sequence) { return list_request(what, home, sequence); };
        std::function<void(const nlmsghdr&)> each = [&home, &found](const nlmsghdr& message) {
            if (auto object = read_object(message, home)) found.insert(*std::move(object));
        };
        std::function<void()> again = [&found] { found.clear(); };
        const auto listed = co_await socket_->list(request, each, again, options_.time_limit);
        if (!listed.ok() && listed.number != ENOENT)
            co_return step_result{listed.error + remedy_for(listed.error)};
        into.merge(found);
    }
    co_return step_result{};
}

bool nft_backend::is_jump(const nft_object& object) const {
    const nft_layout& layout = options_.layout;
    return layout.mode == nft_mode::chain && object.what == nft_object::kind::rule &&
           object.name == layout.base_chain && object.comment == layout.jump_comment();
}

bool nft_backend::is_ours(const nft_object& object) const {
    if (object.what == nft_object::kind::set) return is_our_set(options_.layout, object.name);
    return is_jump(object) || chain_sizes(options_.layout, {}).contains(object.name);
}

nft_objects nft_backend::ours_among(const std::set<nft_object>& present) const {
    nft_objects found;
    for (const nft_object& object : present) {
        if (object.what == nft_object::kind::chain) found.chains.insert(object.name);
        if (object.what == nft_object::kind::set) found.sets.insert(object.name);
        if (is_jump(object)) found.jumps.push_back(object.handle);
    }
    return found;
}

nft_backend::step_result nft_backend::find_base_chain(const std::set<nft_object>& present) const {
    const nft_layout& layout = options_.layout;
    const std::string words =
        "NFT_INPUT_ACCESS names the chain " + layout.base_chain + " of " + layout.place();
    const auto found = std::ranges::find_if(present, [&layout](const nft_object& object) {
        return object.what == nft_object::kind::chain && object.name == layout.base_chain;
    });
    if (found == present.end())
        return {words + ", which does not exist: load the ruleset that has it before fwknopd "
                        "starts, or name the chain that filters what comes in (nft list chains "
                        "shows them)"};
    if (found->hook && *found->hook != NF_INET_LOCAL_IN)
        return {words + ", which does not filter what comes in to this host: name the base chain "
                        "with hook input (nft list chains shows it)"};
    return {};
}

// Whether table and sets are as the script that was just run has made them.
bool nft_backend::is_complete(const std::set<nft_object>& present) const {
    auto sizes = chain_sizes(options_.layout, shapes_);
    std::size_t chains = 0;
    std::size_t sets = 0;
    std::size_t jumps = 0;
    for (const nft_object& object : present) {
        const auto chain = sizes.find(object.name);
        jumps += is_jump(object) ? 1 : 0;
        if (object.what == nft_object::kind::set) {
            const auto shape = options_.layout.shape_of(object.name);
            sets += shape && shapes_.contains(*shape) ? 1 : 0;
        } else if (chain != sizes.end()) {
            if (object.what == nft_object::kind::chain)
                ++chains;
            else if (chain->second > 0)
                --chain->second;
        }
    }
    const std::size_t wanted_jumps = options_.layout.mode == nft_mode::chain ? 1 : 0;
    return chains == sizes.size() && sets == shapes_.size() && jumps == wanted_jumps &&
           std::ranges::all_of(sizes, [](const auto& each) { return each.second == 0; });
}

asio::awaitable<nft_backend::step_result> nft_backend::set_up(names empty_sets, jump_care care,
                                                              std::vector<added_jump>& jumps) {
    nft_setup how;
    how.empty_sets = std::move(empty_sets);
    std::set<nft_object> present;
    if (options_.layout.mode == nft_mode::chain) {
        const step_result seen = co_await list_objects(present);
        if (!seen.ok()) co_return seen;
        if (step_result lost = find_base_chain(present); !lost.ok()) co_return lost;
        // Where the administrator has put rules before it meanwhile, that is what is wanted.
        how.stale_jumps = ours_among(present).jumps;
        how.jump = care == jump_care::first || how.stale_jumps.size() != 1;
        if (!how.jump) how.stale_jumps.clear();
        present.clear();
    }
    if (protection_ends_)
        how.hide_for = std::chrono::ceil<std::chrono::milliseconds>(
            *protection_ends_ - std::chrono::steady_clock::now());
    const bool jumps_anew = options_.layout.mode == nft_mode::chain && how.jump;
    std::string script = setup_script(options_.layout, shapes_, how);
    if (watcher_) watcher_->pause();
    const step_result done = co_await run_nft(std::move(script));
    if (watcher_) watcher_->resume();
    if (!done.ok()) co_return done;
    const step_result listed = co_await list_objects(present);
    if (!listed.ok()) co_return listed;
    // What was changed while we did not listen shows in the list.
    if (!is_complete(present))
        co_return step_result{"somebody changes what is ours in " + options_.layout.place() +
                              " as soon as it is made"};
    std::erase_if(present, [this](const nft_object& object) { return !is_ours(object); });
    structure_ = std::move(present);
    if (jumps_anew)
        jumps.push_back({options_.layout.base_chain, options_.layout.accepting_chain()});
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

// Puts back what of table, chains, rules and sets is missing. `emptied`: sets were, too.
asio::awaitable<nft_backend::step_result> nft_backend::restore(std::vector<std::string>& repairs,
                                                               std::vector<added_jump>& jumps,
                                                               bool& emptied) {
    std::set<nft_object> present;
    const step_result listed = co_await list_objects(present);
    if (!listed.ok()) co_return listed;
    std::vector<std::string> missing;
    bool rules = false;
    bool changed = false;
    for (const nft_object& object : structure_) {
        if (present.contains(object)) continue;
        changed = true;
        if (is_jump(object)) continue; // is told of by itself
        emptied = emptied || object.what == nft_object::kind::set;
        if (object.what == nft_object::kind::rule)
            rules = true;
        else
            missing.push_back(object.name);
    }
    if (!changed) co_return step_result{};
    const step_result made = co_await set_up({}, jump_care::keep, jumps);
    if (!made.ok()) co_return made;
    const std::string place = options_.layout.place();
    if (present.empty())
        repairs.push_back(place + " was missing and is made again");
    else if (!missing.empty())
        repairs.push_back(place + " had lost " + join(missing) + ", which is made again");
    else if (rules)
        repairs.push_back(place + " had lost rules, which are written again");
    co_return step_result{};
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

asio::awaitable<backend_outcome> nft_backend::flush() {
    std::set<nft_object> present;
    const step_result listed = co_await list_objects(present);
    if (!listed.ok()) co_return backend_outcome{listed.error};
    const nft_objects found = ours_among(present);
    std::string script = teardown_script(options_.layout, found);
    if (script.empty()) co_return backend_outcome{};
    const step_result done = co_await run_nft(std::move(script));
    if (done.ok() || options_.layout.mode != nft_mode::chain) co_return backend_outcome{done.error};
    // Rules of the administrator may refer to our chain or sets, which then cannot go.
    std::string rest = teardown_script(options_.layout, found, true);
    const step_result emptied = co_await run_nft(std::move(rest));
    co_return backend_outcome{emptied.error};
}

bool nft_backend::limit_protection(std::chrono::steady_clock::time_point end) {
    if (options_.layout.mode != nft_mode::protect) return false;
    protection_ends_ = end;
    return true;
}

asio::awaitable<backend_outcome> nft_backend::confirm_protection() {
    const auto before = std::exchange(protection_ends_, std::nullopt);
    std::string script = hide_script(options_.layout);
    const step_result done = co_await run_nft(std::move(script));
    if (!done.ok() && !done.uncertain) protection_ends_ = before;
    co_return backend_outcome{done.error};
}

asio::awaitable<list_outcome> nft_backend::list(bool everything) {
    child_command command;
    command.path = options_.program;
    if (everything) {
        command.arguments = {"list", "ruleset"};
    } else if (options_.layout.mode == nft_mode::protect) {
        command.arguments = {"list", "table", "inet", options_.layout.table};
    } else {
        std::set<nft_object> present;
        const step_result listed = co_await list_objects(present);
        if (!listed.ok()) co_return list_outcome{{listed.error}, {}};
        command.arguments = {"-f", "-"};
        command.input = list_script(options_.layout, ours_among(present));
        if (command.input.empty()) co_return list_outcome{};
    }
    command.time_limit = options_.time_limit;
    command.max_output = max_listing;
    const child_result result = co_await run_child(command);
    if (result.ok() && result.output_cut)
        co_return list_outcome{{command.path + ": lists more than 32 MiB"}, {}};
    if (result.ok()) co_return list_outcome{{}, result.output};
    if (!everything && result.errors.find("No such file or directory") != std::string::npos)
        co_return list_outcome{};
    const std::string error = describe_failure(command, result);
    co_return list_outcome{{error + remedy_for(error)}, {}};
}

} // namespace fwknop
