// SPDX-License-Identifier: Apache-2.0
#include "firewall/filter_limits.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace fwknop;

namespace {

using names = std::vector<std::string>;

names limits(backend_kind kind, const std::function<void(server_config&)>& change,
             const std::function<void(stanza&)>& change_stanza = {}) {
    server_config config;
    change(config);
    std::vector<stanza> stanzas(2);
    if (change_stanza) change_stanza(stanzas[1]);
    names found;
    for (const filter_limit& each : filter_limits(kind, config, stanzas)) {
        CHECK(each.text.size() > 20); // says what to do
        CHECK((each.entry == nullptr || each.entry == &stanzas[1]));
        found.emplace_back(each.directive);
    }
    return found;
}

void nothing(server_config&) {}

} // namespace

TEST_CASE("what pf cannot do is refused by name") {
    const auto pf = [](auto... changes) { return limits(backend_kind::pf, changes...); };
    CHECK(pf(nothing).empty());
    CHECK(pf([](server_config& config) { config.pf_anchor = "a b"; }) == names{"PF_ANCHOR_NAME"});
    const auto snat = [](server_config& config) { config.ipt_forwarding = config.ipt_snat = true; };
    CHECK(pf(snat) == names{"ENABLE_IPT_SNAT"});
    CHECK(pf([&](server_config& config) {
              snat(config);
              config.snat_translate_ip = "203.0.113.5";
          }).empty());
    CHECK(pf(nothing, [](stanza& entry) { entry.nat.force_masquerade = true; }) ==
          names{"FORCE_MASQUERADE"});
    const auto forwarding = [](server_config& config) { config.ipt_forwarding = true; };
    CHECK(pf(forwarding, [](stanza& entry) { entry.nat.disable_dnat = true; }) ==
          names{"DISABLE_DNAT"});
    CHECK(pf(nothing, [](stanza& entry) { entry.nat.disable_dnat = true; }).empty());
    CHECK(pf(forwarding, [](stanza& entry) {
              entry.nat.forward_all = true;
              entry.nat.force_nat = nat_endpoint{};
          }) == names{"FORWARD_ALL"});
    CHECK(pf(forwarding, [](stanza& entry) { entry.nat.forward_all = true; }).empty());
}

TEST_CASE("what ipfw cannot do is refused by name") {
    const auto ipfw = [](auto change) { return limits(backend_kind::ipfw, change); };
    CHECK(ipfw(nothing).empty());
    CHECK(ipfw([](server_config& config) {
              config.ipt_forwarding = config.ipt_local_nat = true;
          }) == names{"ENABLE_IPT_FORWARDING", "ENABLE_IPT_LOCAL_NAT"});
    for (const std::uint32_t set : {0U, 31U}) {
        CHECK(ipfw([set](server_config& config) { config.ipfw_active_set = set; }) ==
              names{"IPFW_ACTIVE_SET_NUM"});
        CHECK(ipfw([set](server_config& config) { config.ipfw_expire_set = set; }) ==
              names{"IPFW_EXPIRE_SET_NUM"});
    }
    for (const std::uint32_t first : {0U, 65535U})
        CHECK(ipfw([first](server_config& config) { config.ipfw_start_rule = first; }) ==
              names{"IPFW_START_RULE_NUM"});
    CHECK(ipfw([](server_config& config) { config.ipfw_start_rule = 65534; }).empty());
    CHECK(ipfw([](server_config& config) {
              config.ipfw_start_rule = 65534;
              config.ipfw_add_check_state = true;
          }) == names{"IPFW_START_RULE_NUM"});
    CHECK(ipfw([](server_config& config) {
              config.ipfw_max_rules = 1;
              config.ipfw_add_check_state = true;
          }) == names{"IPFW_MAX_RULES"});
}

TEST_CASE("of other filters nothing is said here") {
    CHECK(limits(backend_kind::iptables, [](server_config& config) {
              config.ipfw_active_set = 0;
          }).empty());
}
