// SPDX-License-Identifier: Apache-2.0
// What the backend for nftables makes once: table, chains, rules and empty sets; how it sees that
// they are as they should be, and how it takes them away.
#include "firewall/nft_backend.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <linux/netfilter.h>

namespace fwknop {

namespace {

namespace asio = boost::asio;

constexpr std::size_t max_listing = std::size_t{32} * 1024 * 1024; ///< as of iptables

constexpr std::string_view privilege_remedy = ": start the daemon as root or give it CAP_NET_ADMIN";
constexpr std::string_view kernel_remedy =
    ": the kernel must know nf_tables with concatenations and timeouts in sets (Linux 5.6 or "
    "later, modules nf_tables and nf_conntrack); or use FIREWALL_BACKEND iptables";

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

} // namespace

std::string nft_backend::remedy_for(std::string_view words) {
    const auto says = [words](std::string_view text) { return words.find(text) != words.npos; };
    if (says("Operation not permitted") || says("must be root"))
        return std::string{privilege_remedy};
    if (says("not supported") || says("Invalid argument") || says("cache initialization failed"))
        return std::string{kernel_remedy};
    return {};
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
    const auto chain_named = [&present](std::string_view name) {
        return std::ranges::find_if(present, [name](const nft_object& object) {
            return object.what == nft_object::kind::chain && object.name == name;
        });
    };
    // It lists and saves a look-up in a set as nothing at all: what it loads again then, our chain,
    // would accept everything.
    if (const auto input = chain_named("INPUT"); layout.family != nft_family::inet &&
                                                 layout.table == "filter" &&
                                                 input != present.end() && input->hook)
        return {words + ", which is the table of iptables: it takes our rules for ones that accept "
                        "everything, and would save them so; set FIREWALL_BACKEND iptables"};
    const auto found = chain_named(layout.base_chain);
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
