// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_ledger.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fwknop {

namespace {

std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point deadline, moment now) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now.steady);
    return std::max(left, std::chrono::milliseconds{0}) + nft_reserve;
}

} // namespace

nft_ledger::nft_ledger(std::vector<rule_role> roles) : roles_{std::move(roles)} {}

std::vector<nft_shape> nft_ledger::shapes_of(const grant_key& key) const {
    std::vector<nft_shape> shapes;
    for (const rule_role role : roles_)
        if (const auto element = element_of(role, key)) shapes.push_back(element->shape);
    return shapes;
}

std::vector<nft_step> nft_ledger::update(const grant_key& key, const grant_table& wanted,
                                         moment now) {
    std::vector<nft_step> steps;
    const grant* const live = wanted.find(key);
    for (const rule_role role : roles_) {
        auto element = element_of(role, key);
        if (!element) continue;
        const auto found = elements_.try_emplace({element->shape, element->key}).first;
        owners& all = found->second;

        nft_step step;
        step.known = !all.empty();
        if (step.known) step.previous = all.back().value;
        all.erase(std::remove_if(all.begin(), all.end(),
                                 [&key](const owner& each) { return each.key == key; }),
                  all.end());
        if (live) all.push_back({key, element->value, live->deadline, live->order});
        std::ranges::sort(all, {}, &owner::order); // the latest has its way

        step.element = *std::move(element);
        if (!step.known) step.previous = step.element.value;
        if (all.empty()) {
            elements_.erase(found);
        } else {
            step.element.value = all.back().value;
            const auto last = std::ranges::max_element(all, {}, &owner::deadline);
            step.timeout = time_left(last->deadline, now);
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

std::vector<nft_step> nft_ledger::rebuild(const grant_table& wanted,
                                          const std::vector<grant_key>& without, moment now) {
    elements_.clear();
    std::vector<nft_step> steps;
    for (const ip_family family : {ip_family::v4, ip_family::v6}) {
        wanted.for_each(family, [&](const grant& each) {
            if (std::ranges::find(without, each.key) != without.end()) return;
            auto more = update(each.key, wanted, now);
            std::ranges::move(more, std::back_inserter(steps));
        });
    }
    return steps;
}

} // namespace fwknop
