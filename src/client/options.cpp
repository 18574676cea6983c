// SPDX-License-Identifier: Apache-2.0
#include "client/options.hpp"

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace po = boost::program_options;

namespace fwknop::client {
namespace {

po::options_description describe_options() {
    po::options_description description;
    for (const auto& row : option_table()) {
        std::string name{row.name};
        if (row.letter != 0) (name += ',') += row.letter;
        if (row.kind == option_kind::flag)
            description.add_options()(name.c_str(), "");
        else if (row.kind == option_kind::optional_value)
            description.add_options()(name.c_str(), po::value<std::string>()->implicit_value("Y"));
        else
            description.add_options()(name.c_str(), po::value<std::string>());
    }
    return description;
}

const option_row* find_row(std::string_view name) {
    const auto table = option_table();
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const option_row& row) { return row.name == name; });
    return found == table.end() ? nullptr : &*found;
}

/// An option's value as its directive spells it.
std::string directive_value(const option_row& row, const std::string& value) {
    if (row.name == "source-ip") return "source";
    if (row.name == "time-offset-minus")
        return value.starts_with('-') ? value.substr(1) : "-" + value;
    return value;
}

std::string possibilities(const po::ambiguous_option& error) {
    auto names = error.alternatives();
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string list;
    for (const auto& name : names) list += " '--" + name + "'";
    return list;
}

} // namespace

checked<command_line> command_line::parse(std::span<char* const> argv) {
    std::vector<std::string_view> secret_names;
    std::vector<std::string_view> all_names;
    for (const auto& row : option_table()) {
        all_names.push_back(row.name);
        if (row.kind == option_kind::secret) secret_names.push_back(row.name);
    }
    command_line line;
    line.given_ = screen_arguments(argv, secret_names, all_names);
    try {
        const auto description = describe_options();
        const auto parsed =
            po::command_line_parser{line.given_.arguments}.options(description).run();
        for (const auto& option : parsed.options) {
            // Words that belong to no option have no row: they are ignored, as getopt users expect.
            const auto* const row = find_row(option.string_key);
            if (row == nullptr) continue;
            line.occurrences_.push_back(
                {row, option.value.empty() ? std::string{"Y"} : option.value.front()});
        }
    } catch (const po::unknown_option& error) {
        return failure("fwknop: unrecognized option '" + error.get_option_name() + "'");
    } catch (const po::ambiguous_option& error) {
        return failure("fwknop: option '" + error.get_option_name() +
                       "' is ambiguous; possibilities:" + possibilities(error));
    } catch (const po::error& error) {
        return failure(std::string{"fwknop: "} + error.what());
    }
    return line;
}

checked<void> command_line::apply(settings& to) const {
    to.current = layer::command_line;
    for (const auto& [row, value] : occurrences_) {
        const auto name = "--" + std::string{row->name};
        const auto* const secret = given_.secret_of(value);
        const auto done = row->apply(to, secret != nullptr ? secret->text() : value);
        if (done) continue;
        if (done.error().complete) return done.error();
        return failure(name + " " + done.error().text);
    }
    return {};
}

checked<std::vector<rc_entry>> command_line::directives() const {
    std::vector<rc_entry> entries;
    for (const auto& row : option_table()) {
        const auto same = [&](const occurrence& each) {
            return each.row->directive == row.directive;
        };
        // The first row of a directive stands for all of them.
        const auto written = [&](const rc_entry& each) { return each.name == row.directive; };
        if (row.directive.empty() || std::any_of(entries.begin(), entries.end(), written)) continue;
        const auto last = std::find_if(occurrences_.rbegin(), occurrences_.rend(), same);
        if (last == occurrences_.rend()) continue;
        const auto* const secret = given_.secret_of(last->value);
        auto value = secret != nullptr
                         ? secret->clone()
                         : secret_bytes::from_text(directive_value(*last->row, last->value));
        if (row.name == "verbose") {
            const auto level = std::count_if(occurrences_.begin(), occurrences_.end(), same);
            if (level > 1) value = secret_bytes::from_text(std::to_string(level));
        }
        if (!fits_rc_line(value.text()))
            return failure("--save-rc-stanza: the value of --" + std::string{last->row->name} +
                           " cannot be saved: in an rc file a value is not empty and has no "
                           "blanks, ';' or '#'" +
                           (secret != nullptr ? " (a key can be given in base64)" : ""));
        entries.push_back({row.directive, std::move(value)});
    }
    // In an rc file the other directives of GPG do not imply it.
    settings asked;
    const auto applied = apply(asked);
    const auto is_use_gpg = [](const rc_entry& each) { return each.name == "USE_GPG"; };
    if (applied && asked.use_gpg && std::none_of(entries.begin(), entries.end(), is_use_gpg))
        entries.push_back({"USE_GPG", secret_bytes::from_text("Y")});
    return entries;
}

std::string usage() {
    constexpr std::size_t help_column = 34;
    constexpr std::size_t width = 79;
    std::string text = "Usage: fwknop -A <port list> -a <IP>|-s|-R -D <server> [options]\n"
                       "       fwknop -n <stanza> [options]\n\n";
    for (const auto& row : option_table()) {
        if (row.help.empty()) continue;
        std::string line = row.letter != 0 ? std::string{" -"} + row.letter + ", " : "     ";
        line += "--" + std::string{row.name};
        const std::string argument{row.argument};
        if (row.kind == option_kind::optional_value)
            line += "[=" + argument + "]";
        else if (!argument.empty())
            line += " " + argument;
        std::string help{row.help};
        if (line.size() + 1 > help_column) {
            text += line + '\n';
            line.clear();
        }
        line.resize(help_column, ' ');
        // Break the help at blanks so that every line fits a terminal.
        while (help.size() > width - help_column) {
            const auto cut = help.rfind(' ', width - help_column);
            text += line + help.substr(0, cut) + '\n';
            help.erase(0, cut + 1);
            line.assign(help_column, ' ');
        }
        text += line + help + '\n';
    }
    return text;
}

} // namespace fwknop::client
