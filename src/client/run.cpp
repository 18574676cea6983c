// SPDX-License-Identifier: Apache-2.0
#include "client/run.hpp"

#include "client/files.hpp"
#include "client/key_generation.hpp"
#include "client/knock.hpp"
#include "client/options.hpp"
#include "client/rc_file.hpp"
#include "client/rc_location.hpp"
#include "client/rc_reader.hpp"
#include "client/request.hpp"
#include "client/saved_arguments.hpp"
#include "client/stanza_saver.hpp"

#include <fwknop/message.hpp>

#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <system_error>
#include <utility>
#include <vector>

namespace fwknop::client {
namespace {

checked<int> show_last_command(const std::filesystem::path& path, std::ostream& out) {
    const auto text = read_secret_file(path);
    if (!text)
        return failure("Could not open last command line file: " + path.string() + ": " +
                       std::generic_category().message(errno));
    out << "Last fwknop client command line: " << text->text();
    return EXIT_SUCCESS;
}

/// The command line that was kept, read as if it had been typed now.
checked<command_line> last_command_line(const std::filesystem::path& path) {
    const auto text = read_secret_file(path);
    if (!text)
        return failure("Could not open last command line file: " + path.string() + ": " +
                       std::generic_category().message(errno));
    auto words = parse_arguments(text->text());
    words.insert(words.begin(), "fwknop");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    return command_line::parse(argv);
}

/// A problem here is not fatal: the packet matters more than the record of it.
void keep_command_line(const settings& from, const user_files& files, const command_line& line,
                       std::ostream& err) {
    if (from.no_save_args || files.last_command.empty()) return;
    if (const auto done = write_private_file(
            files.last_command, format_arguments(line.shareable()) + '\n', write_mode::replace);
        !done)
        err << "Unable to save the command line: " << done.error().text << '\n';
}

checked<int> run_checked(std::span<char* const> argv, surroundings& world) {
    auto line = command_line::parse(argv);
    if (!line) {
        world.out << usage();
        return line.error();
    }
    // What the options say about files decides where everything else is read from.
    settings options;
    if (const auto applied = line->apply(options); !applied) return applied.error();
    if (options.help || options.version) {
        if (options.help)
            world.out << usage();
        else
            world.out << "fwknop client " FWKNOP_VERSION ", FKO protocol version "
                      << protocol_version << '\n';
        return EXIT_SUCCESS;
    }
    auto files = locate_files(options, world.variable, [](const std::filesystem::path& path) {
        std::error_code ignored;
        return std::filesystem::exists(path, ignored);
    });
    if (!files) return files.error();
    if (options.show_last) return show_last_command(files->last_command, world.out);
    const bool repeat = options.last_command;
    if (repeat) {
        line = last_command_line(files->last_command);
        if (!line) return line.error();
        options = {};
        if (const auto applied = line->apply(options); !applied) return applied.error();
    }
    if (line->has_keys() && world.terminal)
        world.err << "[-] WARNING: keys on the command line can be seen by other users of this "
                     "machine; the rc file or a prompt is safer.\n";
    if (options.no_rc_file && !options.stanza.empty())
        return failure("Cannot set stanza name in --no-rc-file mode.");

    const auto rc = read_rc_files(*files, world.out, world.err);
    if (!rc) return rc.error();
    if (options.stanza_list) {
        list_stanzas(*rc, world.out);
        return EXIT_SUCCESS;
    }
    const stanza_place place{*files, *rc, world.confirm};
    settings effective;
    checked<std::vector<rc_entry>> entries = std::vector<rc_entry>{};
    std::string saved_stanza;
    if (options.save_stanza) {
        auto name = stanza_to_save(options, *files, *rc);
        if (!name) return name.error();
        saved_stanza = std::move(*name);
        entries = line->directives();
        if (!entries) return entries.error();
    }
    // New keys are often made for a stanza that does not exist yet.
    const bool stanza_counts = !options.key_gen && !options.save_stanza;
    if (const auto applied =
            apply_rc(effective, rc->texts, stanza_counts ? options.stanza : std::string{});
        !applied)
        return applied.error();
    if (options.save_stanza)
        if (const auto kept = apply_kept_keys(effective, *rc, saved_stanza); !kept)
            return kept.error();
    if (const auto applied = line->apply(effective); !applied) return applied.error();
    if (effective.key_gen && options.save_stanza)
        return generate_stanza(saved_stanza, std::move(*entries), effective, place, world.out);
    if (effective.key_gen) return generate_keys(effective, world.out);
    if (const auto complete = check_completeness(effective); !complete) return complete.error();
    if (!repeat) keep_command_line(effective, *files, *line, world.err);
    return knock(effective, world, [&]() -> checked<void> {
        if (!options.save_stanza) return {};
        const auto saved = save_stanza(saved_stanza, std::move(*entries), effective, place);
        return saved ? checked<void>{} : saved.error();
    });
}

} // namespace

int run(std::span<char* const> argv, surroundings& world) {
    const auto status = run_checked(argv, world);
    if (status) {
        world.out.flush();
        return *status;
    }
    world.out.flush();
    world.err << status.error().text << '\n';
    return EXIT_FAILURE;
}

} // namespace fwknop::client
