// SPDX-License-Identifier: Apache-2.0
#include "core/policy/access_config.hpp"

#include "core/policy/config_line.hpp"
#include "core/policy/stanza_builder.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {
namespace {

/// Follows a file and what it includes, collecting stanzas in the order of their SOURCE lines.
class access_walker {
  public:
    access_walker(file_reader& reader, const access_context& context, diagnostics& report)
        : reader_{reader}, context_{context}, report_{report} {}

    struct include_place {
        const std::string& file;
        std::size_t line;
    };

    bool read_file(const std::string& path, int level, const include_place* from) {
        const auto at_file = from ? from->file : path;
        const auto at_line = from ? from->line : 0;
        if (level > max_include_levels) {
            report_.fail(at_file, at_line,
                         "[*] Refusing to go deeper than 3 levels. Lost in Limbo: '" + path +
                             "', include it from a file nearer to the root");
            return false;
        }
        const auto file = reader_.read(path);
        if (!file) {
            report_.fail(at_file, at_line, could_not_open(path, file.error()));
            return false;
        }
        check_permissions(path, *file, report_);

        // Lines after an %include still belong to the stanza before it, so each file has its own.
        std::optional<std::size_t> current;
        line_reader lines{file->text.text()};
        while (auto line = lines.next()) {
            if (!read_line(path, *line, level, current)) return false;
        }
        return true;
    }

    bool read_folder(const std::string& path, int level, const include_place* from) {
        constexpr std::string_view suffix = ".conf";
        auto names = reader_.list_folder(path);
        if (!names) {
            report_.fail(from ? from->file : path, from ? from->line : 0,
                         "[*] Access folder: '" + path + "' could not be opened. " +
                             names.error().message());
            return false;
        }
        std::ranges::sort(*names);
        for (const auto& name : *names) {
            if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
            const auto* const slash = path.ends_with('/') ? "" : "/";
            if (!read_file(path + slash + name, level, from)) return false;
        }
        return true;
    }

    [[nodiscard]] std::vector<stanza> finish() {
        std::vector<stanza> done;
        for (auto& builder : builders_) {
            if (builder.dropped) continue;
            builder.entry.number = done.size() + 1;
            if (!finish_keys_of(builder)) {
                if (builder.dropped) continue;
                return {};
            }
            if (!finish_stanza(builder, context_, report_)) return {};
            done.push_back(std::move(builder.entry));
        }
        return done;
    }

  private:
    static std::string could_not_open(const std::string& path,
                                      const boost::system::error_code& error) {
        if (error == boost::system::errc::no_such_file_or_directory) {
            return "[*] Access file: '" + path + "' was not found.";
        }
        return "[*] Could not open access file: " + path + ": " + error.message();
    }

    bool read_line(const std::string& path, const config_line& line, int level,
                   std::optional<std::size_t>& current) {
        auto name = line.name;
        if (name.ends_with(':')) name.remove_suffix(1);
        if (line.value.empty()) {
            report_.fail(path, line.number,
                         "[*] Invalid access file entry in " + path + " at line " +
                             std::to_string(line.number) + ". '" + printable_name(name) +
                             "' has no value, need NAME value");
            return false;
        }
        const include_place here{path, line.number};
        if (name == "%include") return read_file(std::string{line.value}, level + 1, &here);
        if (name == "%include_folder") {
            return read_folder(std::string{line.value}, level + 1, &here);
        }
        if (name == "SOURCE") return begin_stanza(path, line, current);
        if (!current) return true; // by definition: nothing before the first SOURCE counts

        auto& builder = builders_[*current];
        if (name == "%include_keys") {
            read_keys(std::string{line.value}, here, builder);
            return true;
        }
        const access_value value{name, line.value, path, line.number};
        if (!apply_access_directive(builder, value, context_, report_)) {
            report_.warn(path, line.number,
                         "[*] Ignoring unknown access parameter: '" + printable_name(name) +
                             "' in " + path);
        }
        return !report_.failed();
    }

    bool begin_stanza(const std::string& path, const config_line& line,
                      std::optional<std::size_t>& current) {
        auto set = network_set::parse(line.value);
        if (!set) {
            report_.fail(path, line.number,
                         "[*] Fatal invalid SOURCE in access stanza: " + set.error().text);
            return false;
        }
        current = builders_.size();
        auto& entry = builders_.emplace_back().entry;
        entry.source = std::move(*set);
        entry.source_text = line.value;
        entry.file = path;
        entry.line = line.number;
        return true;
    }

    /// The file may belong to an ordinary user, so nothing in it may stop the start: its errors
    /// are warnings, and the price is the stanza.
    void read_keys(const std::string& path, const include_place& from, stanza_builder& builder) {
        builder.key_file = path;
        builder.key_line = from.line;
        const auto file = reader_.read(path);
        if (!file) {
            report_.warn(from.file, from.line, could_not_open(path, file.error()));
            drop(builder);
            return;
        }
        check_permissions(path, *file, report_);
        diagnostics inner;
        line_reader lines{file->text.text()};
        while (const auto line = lines.next()) {
            auto name = line->name;
            if (name.ends_with(':')) name.remove_suffix(1);
            if (line->value.empty() || !is_key_directive(name)) {
                inner.warn(path, line->number,
                           "Ignoring invalid entry: '" + printable_name(name) +
                               "', a key file has KEY, HMAC_KEY and GPG directives only");
                continue;
            }
            apply_access_directive(builder, {name, line->value, path, line->number}, context_,
                                   inner);
            if (inner.failed()) break;
        }
        soften(inner);
        if (inner.failed()) drop(builder);
    }

    bool finish_keys_of(stanza_builder& builder) {
        diagnostics inner;
        const bool good = finish_keys(builder, inner);
        if (builder.key_file.empty()) {
            for (const auto& entry : inner.all()) report_.add(entry);
            return good;
        }
        soften(inner);
        if (!good) drop(builder);
        return good;
    }

    void soften(const diagnostics& inner) {
        for (auto entry : inner.all()) {
            entry.level = severity::warning;
            report_.add(std::move(entry));
        }
    }

    void drop(stanza_builder& builder) {
        builder.dropped = true;
        report_.warn(builder.entry.file, builder.key_line,
                     "[*] Data error in included keyfile: '" + builder.key_file +
                         "', skipping stanza.");
    }

    file_reader& reader_;
    const access_context& context_;
    diagnostics& report_;
    std::vector<stanza_builder> builders_;
};

} // namespace

std::vector<stanza> parse_access_config(const std::string& path, file_reader& reader,
                                        const server_config& server, const local_midnight& midnight,
                                        diagnostics& report) {
    const access_context context{server, midnight};
    access_walker walker{reader, context, report};
    if (!walker.read_file(path, 1, nullptr)) return {};
    auto stanzas = walker.finish();
    if (stanzas.empty() && !report.failed()) {
        report.fail(path, 0,
                    "[*] Could not find valid SOURCE stanza in access file: '" + path + "'");
    }
    return stanzas;
}

std::vector<stanza> parse_access_folder(const std::string& path, file_reader& reader,
                                        const server_config& server, const local_midnight& midnight,
                                        diagnostics& report) {
    const access_context context{server, midnight};
    access_walker walker{reader, context, report};
    if (!walker.read_folder(path, 1, nullptr)) return {};
    auto stanzas = walker.finish();
    if (stanzas.empty() && !report.failed()) {
        report.fail(path, 0, "Fatal, could not find any valid access.conf stanzas");
    }
    return stanzas;
}

} // namespace fwknop
