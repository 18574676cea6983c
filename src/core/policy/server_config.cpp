// SPDX-License-Identifier: Apache-2.0
#include "core/policy/server_config.hpp"

#include "core/policy/config_line.hpp"
#include "core/policy/server_directives.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

namespace fwknop {
namespace {

/// Somewhere to point at when a value is wrong.
struct place {
    value_origin origin;
    const std::string& where;
    std::size_t line;

    [[nodiscard]] std::string file() const { return origin == value_origin::option ? "" : where; }
    [[nodiscard]] std::string prefix() const {
        return origin == value_origin::option ? where + ": " : "";
    }
};

class value_reader {
  public:
    value_reader(const server_directive& directive, std::string_view value, server_config& config,
                 const place& at, diagnostics& report)
        : directive_{directive}, value_{value}, config_{config}, at_{at}, report_{report} {}

    bool operator()(bool server_config::*member) const {
        config_.*member = is_yes(value_);
        return true;
    }

    bool operator()(on_unless_no flag) const {
        config_.*flag.member = value_.empty() || (value_.front() != 'n' && value_.front() != 'N');
        return true;
    }

    bool operator()(std::uint32_t server_config::*member) const {
        const auto number = read_number(value_);
        const auto [low, high] = directive_.range;
        if (!number || number->value < low || number->value > high) {
            return refuse("[*] var " + std::string{directive_.name} + " value '" +
                          std::string{value_} + "' not in the range " + std::to_string(low) + "-" +
                          std::to_string(high));
        }
        if (number->remark) {
            report_.warn(at_.file(), at_.line,
                         at_.prefix() + "[*] var " + std::string{directive_.name} + " value '" +
                             std::string{value_} + "' has more than a number, the rest is ignored");
        }
        config_.*member = static_cast<std::uint32_t>(number->value);
        return true;
    }

    bool operator()(std::string server_config::*member) const {
        config_.*member = value_;
        return true;
    }

    bool operator()(std::vector<std::string> server_config::*member) const {
        std::vector<std::string> items;
        for (const auto item : split_list(value_)) {
            if (item.empty()) {
                return refuse(std::string{directive_.name} + " value '" + std::string{value_} +
                              "' has an empty item: remove the extra comma");
            }
            items.emplace_back(item);
        }
        config_.*member = std::move(items);
        return true;
    }

    bool operator()(chain_spec server_config::*member) const {
        auto chain = chain_spec::parse(value_);
        if (!chain) {
            return refuse("Invalid " + std::string{directive_.name} +
                          " specification, see fwknopd.conf comments: " + chain.error().text);
        }
        config_.*member = std::move(*chain);
        return true;
    }

  private:
    [[nodiscard]] bool refuse(const std::string& text) const {
        report_.fail(at_.file(), at_.line, at_.prefix() + text);
        return false;
    }

    const server_directive& directive_;
    std::string_view value_;
    server_config& config_;
    const place& at_;
    diagnostics& report_;
};

bool assign(std::size_t index, std::string_view value, const place& at, server_config& config,
            diagnostics& report) {
    const auto& directive = server_directives()[index];
    if (!std::visit(value_reader{directive, value, config, at, report}, directive.member)) {
        return false;
    }
    config.settings[index] = {std::string{value}, at.origin, at.where, at.line};
    return true;
}

/// `$NAME/rest` with the value of NAME put in. Nothing when there is no such value.
[[nodiscard]] std::optional<std::string> expand(std::string_view value,
                                                const server_config& config) {
    constexpr std::string_view name_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
                                                 "abcdefghijklmnopqrstuvwxyz";
    if (!value.starts_with('$')) return std::string{value};
    const auto name = value.substr(1, value.find_first_not_of(name_characters, 1) - 1);
    const auto index = find_server_directive(name);
    if (!index || config.settings[*index].text.empty()) return std::nullopt;
    return config.settings[*index].text + std::string{value.substr(1 + name.size())};
}

} // namespace

server_config::server_config() : settings(server_directives().size()) {
    diagnostics report;
    const std::string nowhere;
    const place at{value_origin::built_in, nowhere, 0};
    for (std::size_t i = 0; i < settings.size(); ++i) {
        const auto text = server_directives()[i].default_text;
        if (!text.empty() && !assign(i, text, at, *this, report)) {
            throw std::logic_error{"a default value is wrong: " + report.first_error()->text};
        }
    }
}

const setting& server_config::setting_of(std::string_view name) const {
    const auto index = find_server_directive(name);
    if (!index) throw std::logic_error{"no such directive: " + std::string{name}};
    return settings[*index];
}

bool server_config::is_explicit(std::string_view name) const {
    const auto origin = setting_of(name).origin;
    return origin == value_origin::file || origin == value_origin::option;
}

bool server_config::nat_enabled() const noexcept {
    return ipt_forwarding || ipt_local_nat || firewd_forwarding || firewd_local_nat;
}

bool parse_server_config(const std::string& path, std::string_view text, server_config& config,
                         diagnostics& report) {
    line_reader lines{text};
    while (const auto line = lines.next()) {
        if (line->value.empty()) {
            report.warn(path, line->number,
                        "*Invalid config file entry in " + path + " at line " +
                            std::to_string(line->number) + ". '" + std::string{line->name} +
                            "' has no value, need NAME value;");
            continue;
        }
        const auto index = find_server_directive(line->name);
        if (!index) {
            report.warn(path, line->number,
                        "[*] Ignoring unknown configuration parameter: '" +
                            std::string{line->name} + "' in " + path);
            continue;
        }
        const auto value = expand(line->value, config);
        if (!value) {
            report.warn(path, line->number,
                        "[*] Invalid embedded variable in: '" + std::string{line->value} +
                            "', need the name of a directive that has a value; ignoring " +
                            std::string{line->name});
            continue;
        }
        if (!assign(*index, *value, {value_origin::file, path, line->number}, config, report)) {
            return false;
        }
    }
    return true;
}

bool set_server_option(std::string_view name, std::string_view value, const std::string& option,
                       server_config& config, diagnostics& report) {
    const auto index = find_server_directive(name);
    if (!index) throw std::logic_error{"no such directive: " + std::string{name}};
    return assign(*index, value, {value_origin::option, option, 0}, config, report);
}

} // namespace fwknop
