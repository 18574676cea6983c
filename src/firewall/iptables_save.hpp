// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// One table as `iptables-save -t <table>` prints it: chains and their rules, in order. A table
/// that the kernel has not made yet is an empty one.
class iptables_table {
  public:
    /// Takes the section `*<table>` out of `text`. Lines that are no chain and no rule are passed
    /// over.
    [[nodiscard]] static iptables_table parse(std::string_view text, std::string_view table);

    [[nodiscard]] bool has_chain(std::string_view chain) const;

    /// The rules of `chain` without its name, e.g. `-s 192.0.2.7/32 -j ACCEPT`. Empty if there is
    /// no such chain. Valid as long as this object.
    [[nodiscard]] const std::vector<std::string>& rules(std::string_view chain) const;

    /// How many rules of `from` are nothing but a jump to `to`.
    [[nodiscard]] std::size_t count_jumps(std::string_view from, std::string_view to) const;

    /// How many rules, in any chain, go to `chain` on any condition.
    [[nodiscard]] std::size_t count_references(std::string_view chain) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> chains_;
};

} // namespace fwknop
