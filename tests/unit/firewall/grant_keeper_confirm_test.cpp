// SPDX-License-Identifier: Apache-2.0
#include "keeper_stage.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const service ssh{protocol::tcp, 22};
const service dns{protocol::udp, 53};

} // namespace

TEST_CASE("protection is confirmed between two operations, before what waits") {
    stage s;
    s.start();
    lines answers;
    const auto confirm = [&] {
        s.keeper.confirm_protection([&](const backend_outcome& outcome) {
            answers.push_back(outcome.ok() ? "done" : outcome.error);
        });
    };
    s.filter.during = [&] {
        s.ask(2, {dns}, 30s);
        confirm();
    };
    s.ask(1, {ssh}, 30s);
    s.settle();
    CHECK(s.take_batches() ==
          lines{"add 192.0.2.7 tcp/22 1000030", "confirm", "add 192.0.2.7 udp/53 1000030"});
    CHECK(answers == lines{"done"});

    s.filter.confirm_error = "no";
    confirm();
    s.settle();
    CHECK(s.take_batches() == lines{"confirm"});
    CHECK(answers == lines{"done", "no"});
}
