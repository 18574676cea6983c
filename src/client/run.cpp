// SPDX-License-Identifier: Apache-2.0
#include "client/run.hpp"

#include "client/files.hpp"
#include "client/options.hpp"
#include "client/rc_file.hpp"
#include "client/rc_location.hpp"
#include "client/rc_stanza.hpp"
#include "client/request.hpp"
#include "client/saved_arguments.hpp"
#include "core/crypto/random.hpp"
#include "core/spa/key_material.hpp"

#include <fwknop/packet.hpp>
#include <fwknop/report.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <system_error>
#include <utility>
#include <vector>

namespace fwknop::client {
namespace {

/// Random ports stay out of the range of well-known services.
constexpr std::uint16_t first_random_port = 10000;
constexpr std::uint16_t last_random_port = 65534;

std::uint16_t random_port() {
    constexpr std::uint32_t count = last_random_port - first_random_port + 1;
    return static_cast<std::uint16_t>(first_random_port + crypto::random_below(count));
}

/// The rc files' texts in secret memory, and views of them.
struct rc_files {
    std::vector<secret_bytes> memory;
    std::vector<rc_text> texts;
};

void create_rc(const std::filesystem::path& path, surroundings& world) {
    world.out << "[*] Creating initial rc file: " << path.string() << ".\n";
    if (const auto done = write_private_file(path, initial_rc, write_mode::create_new); !done)
        world.err << "Unable to create initial rc file: " << done.error().text << '\n';
}

checked<rc_files> read_rc_files(const user_files& files, surroundings& world) {
    rc_files read;
    if (files.rc.empty()) return read;
    std::error_code ignored;
    if (!std::filesystem::exists(files.rc, ignored)) create_rc(files.rc, world);
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::exists(files.rc, ignored)) paths.push_back(files.rc);
    for (auto& each : folder_files(files.rc_folder)) paths.push_back(std::move(each));
    for (const auto& path : paths) {
        if (const auto warning = permission_warning(path); !warning.empty())
            world.err << warning << '\n';
        auto text = read_secret_file(path);
        if (!text)
            return failure("Unable to open rc file: " + path.string() + ": " +
                           std::generic_category().message(errno));
        read.memory.push_back(std::move(*text));
        read.texts.push_back({path.string(), read.memory.back().text()});
    }
    return read;
}

void list_stanzas(const rc_files& rc, std::ostream& out) {
    for (const auto& each : rc.texts) {
        out << "The following stanzas are configured in " << each.name << " :\n";
        for (const auto& name : stanza_names(each.text)) out << " - " << name << '\n';
    }
}

checked<key_material> make_keys(const settings& from) {
    const auto hmac_size = from.hmac_key_size.value_or(
        static_cast<std::uint32_t>(default_hmac_key_size(from.effective_hmac_digest())));
    auto material =
        key_material::generate(from.key_size.value_or(default_encryption_key_size), hmac_size);
    if (!material) return failure("Cannot make keys: " + material.error().message());
    return std::move(*material);
}

checked<int> generate_keys(const settings& from, std::ostream& out) {
    const auto material = make_keys(from);
    if (!material) return material.error();
    const auto lines = material->lines();
    if (from.key_gen_file.empty()) {
        out << lines.text() << std::flush;
        return EXIT_SUCCESS;
    }
    if (const auto done = write_private_file(from.key_gen_file, lines.text(), write_mode::replace);
        !done)
        return failure("Unable to create key gen file: " + done.error().text);
    out << "[+] Wrote Rijndael and HMAC keys to: " << from.key_gen_file << '\n';
    return EXIT_SUCCESS;
}

/// The stanza that --save-rc-stanza writes: -n's, else the destination's.
checked<std::string> stanza_to_save(const settings& options, const user_files& files,
                                    const rc_files& rc) {
    const auto& name = options.stanza.empty() ? options.destination : options.stanza;
    if (files.rc.empty()) return failure("--save-rc-stanza needs an rc file.");
    if (name.empty())
        return failure("--save-rc-stanza needs the stanza's name: use -n, or --destination.");
    if (!fits_stanza_name(name))
        return failure("--save-rc-stanza: '" + name + "' cannot be the name of a stanza.");
    for (const auto& each : rc.texts) {
        if (each.name == files.rc.string()) continue;
        if (stanza_exists(each.text, name))
            return failure("--save-rc-stanza: stanza '" + name + "' is in " + each.name +
                           ", which would override it: change it there.");
    }
    return name;
}

/// A stanza that is saved anew keeps its keys and loses the rest: so does the packet.
checked<void> apply_kept_keys(settings& to, const rc_files& rc, const std::string& stanza) {
    const auto there = [&](const rc_text& each) { return stanza_exists(each.text, stanza); };
    if (std::none_of(rc.texts.begin(), rc.texts.end(), there)) return {};
    settings old;
    if (const auto applied = apply_rc(old, rc.texts, stanza); !applied) return applied.error();
    to.key = std::move(old.key);
    to.key_command = std::move(old.key_command);
    to.hmac_key = std::move(old.hmac_key);
    return {};
}

/// Puts `entries` into the stanza. Says whether a key among them was written.
checked<bool> save_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                          const settings& from, const user_files& files, const rc_files& rc,
                          surroundings& world) {
    const auto path = files.rc.string();
    const auto old = std::find_if(rc.texts.begin(), rc.texts.end(),
                                  [&](const rc_text& each) { return each.name == path; });
    const auto text = old == rc.texts.end() ? std::string_view{} : old->text;
    const auto fresh = write_stanza(text, stanza, entries, [&](std::string_view name) {
        return from.force_stanza ||
               world.confirm("Variable '" + std::string{name} + "' found in stanza '" + stanza +
                             "'. Overwrite [N/y] ? ");
    });
    // What is written can be read again, or it is not written.
    settings again;
    const std::array texts{rc_text{path, fresh.text()}};
    if (const auto read = apply_rc(again, texts, stanza); !read)
        return failure("--save-rc-stanza would write what cannot be read, so nothing is written: " +
                       read.error().text);
    if (const auto done = write_private_file(files.rc, fresh.text(), write_mode::replace); !done)
        return failure("Unable to write rc file: " + done.error().text);
    return std::any_of(entries.begin(), entries.end(),
                       [](const rc_entry& each) { return is_secret_directive(each.name); });
}

/// --key-gen with --save-rc-stanza: the new keys go into the stanza, in the place of others.
checked<int> generate_stanza(const std::string& stanza, std::vector<rc_entry> entries,
                             const settings& from, const user_files& files, const rc_files& rc,
                             surroundings& world) {
    auto material = make_keys(from);
    if (!material) return material.error();
    if (!from.key_gen_file.empty())
        return failure("--save-rc-stanza and --key-gen-file exclude each other.");
    std::erase_if(entries, [](const rc_entry& each) { return is_secret_directive(each.name); });
    entries.push_back({"KEY_BASE64", std::move(material->encryption_key)});
    entries.push_back({"HMAC_KEY_BASE64", std::move(material->hmac_key)});
    const auto written = save_stanza(stanza, std::move(entries), from, files, rc, world);
    if (!written) return written.error();
    if (*written)
        world.out << "[+] Wrote Rijndael and HMAC keys to rc file: " << files.rc.string() << '\n';
    return EXIT_SUCCESS;
}

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

/// -a may name a host; everything else is an address already.
checked<ip_address> allow_address(const settings& from, surroundings& world) {
    if (from.allow_source == allow_from::source) return source_placeholder(from);
    if (const auto literal = ip_address::parse(from.allow)) return *literal;
    const auto found = world.resolve(from.allow, from.family);
    if (!found) return failure("Invalid allow IP specified for SPA access: " + found.error().text);
    // Servers of the 2.6 line know IPv4 only, so it is preferred.
    auto best = std::find_if(found->begin(), found->end(),
                             [](const ip_address& address) { return address.is_v4(); });
    if (best == found->end()) best = found->begin();
    if (best == found->end())
        return failure("Invalid allow IP specified for SPA access: '" + from.allow +
                       "' has no address");
    world.err << "[+] Allow IP: " << from.allow << " is " << best->to_string() << '\n';
    return *best;
}

checked<sealed_packet> seal(const settings& from, message fields, const encryption_key& key,
                            const hmac_key* hmac) {
    auto sealed = seal_packet(std::move(fields), from.digest, key, hmac, seal_nonce::generate());
    if (sealed) return std::move(*sealed);
    return failure("fwknop: cannot make a packet: " + sealed.error().message());
}

/// --test: what a server would do with the packet.
checked<opened_packet> open_again(const sealed_packet& sealed, const encryption_key& key,
                                  const hmac_key* hmac) {
    const auto candidate = examine_payload(sealed.payload);
    if (!candidate)
        return failure("fwknop: servers refuse this packet: " + candidate.error().message());
    auto opened = open_packet(*candidate, key, hmac);
    if (!opened)
        return failure("fwknop: the packet cannot be decrypted: " + opened.error().message());
    return std::move(*opened);
}

void describe_route(const route& way, std::ostream& out) {
    out << "Generating SPA packet:\n            protocol: " << name_of(way.protocol)
        << "\n         source port: ";
    if (way.source_port == 0)
        out << "<OS assigned>";
    else
        out << way.source_port;
    out << "\n    destination port: " << way.port << "\n             IP/host: " << way.host << '\n';
}

checked<void> save_packet(const settings& from, const sealed_packet& sealed) {
    if (from.save_packet.empty()) return {};
    const auto mode = from.save_packet_append ? write_mode::append : write_mode::replace;
    return write_private_file(from.save_packet, sealed.payload + '\n', mode);
}

/// Everything is known: send the packet, or say that it was not sent.
checked<int> dispatch(const settings& from, const sealed_packet& sealed, surroundings& world) {
    const route way{from.destination, from.random_port ? random_port() : from.port,
                    from.source_port, from.protocol, from.family};
    if (from.verbose > 0) describe_route(way, world.out);
    std::size_t sent = 0;
    if (from.test) {
        world.out << "test mode enabled, SPA packet not actually sent.\n";
    } else {
        const auto done = world.send(way, sealed.payload);
        if (!done) return failure(done.error().text + "\nsend_spa_packet: packet not sent.");
        sent = *done;
    }
    if (from.verbose > 0) world.out << "send_spa_packet: bytes sent: " << sent << '\n';
    return EXIT_SUCCESS;
}

/// `save` runs when the packet is made, so that nothing bad is ever saved.
checked<int> knock(settings& from, surroundings& world,
                   const std::function<checked<void>()>& save) {
    const auto user = choose_user_name(from.user, world.variable, world.account);
    if (!user) return user.error();
    const auto allow = allow_address(from, world);
    if (!allow) return allow.error();
    const auto asked = build_request(
        from, {*allow, *user, world.now(), from.nat_random_port ? random_port() : std::uint16_t{}});
    if (!asked) return asked.error();
    auto keys = obtain_keys(from, world.readers);
    if (!keys) return keys.error();
    if (!keys->warning.empty()) world.err << keys->warning << '\n';

    const encryption_key key{std::move(keys->encryption), from.mode};
    std::optional<hmac_key> hmac;
    if (keys->hmac) {
        auto made = hmac_key::make(from.effective_hmac_digest(), *keys->hmac);
        if (!made) return failure("fwknop: HMAC key: " + made.error().message());
        hmac = std::move(*made);
    }
    const auto* const hmac_pointer = hmac ? &*hmac : nullptr;
    const auto sealed = seal(from, asked->message, key, hmac_pointer);
    if (!sealed) return sealed.error();
    if (sealed->payload.size() >= min_gpg_payload_size)
        world.err << "[-] WARNING: the packet has " << sealed->payload.size()
                  << " characters: servers of the 2.6 line refuse " << min_gpg_payload_size
                  << " and more. Ask for fewer ports.\n";
    if (from.allow_source == allow_from::source && from.verbose > 0 && !from.test)
        world.err << "[-] WARNING: Should use -a or -R to harden SPA against potential MITM "
                     "attacks\n";

    if (!asked->announcement.empty()) world.out << asked->announcement << '\n';
    const auto hmac_type = hmac ? std::optional{hmac->type()} : std::nullopt;
    if (from.verbose > 0 || from.test)
        world.out << describe_packet(sealed->contents, from.mode, hmac_type, sealed->payload)
                  << '\n';
    if (const auto saved = save(); !saved) return saved.error();
    if (const auto saved = save_packet(from, *sealed); !saved)
        return failure("write_spa_packet_data: " + saved.error().text);
    auto sent = dispatch(from, *sealed, world);
    if (!sent || !from.test) return sent;

    const auto opened = open_again(*sealed, key, hmac_pointer);
    if (!opened) return opened.error();
    if (from.verbose > 0)
        world.out << "\nDump of the Decoded Data\n"
                  << describe_packet(*opened, from.mode, hmac_type, opened->ciphertext) << '\n';
    return EXIT_SUCCESS;
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

    const auto rc = read_rc_files(*files, world);
    if (!rc) return rc.error();
    if (options.stanza_list) {
        list_stanzas(*rc, world.out);
        return EXIT_SUCCESS;
    }
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
        return generate_stanza(saved_stanza, std::move(*entries), effective, *files, *rc, world);
    if (effective.key_gen) return generate_keys(effective, world.out);
    if (const auto complete = check_completeness(effective); !complete) return complete.error();
    if (!repeat) keep_command_line(effective, *files, *line, world.err);
    return knock(effective, world, [&]() -> checked<void> {
        if (!options.save_stanza) return {};
        const auto saved =
            save_stanza(saved_stanza, std::move(*entries), effective, *files, *rc, world);
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
