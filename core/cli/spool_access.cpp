#include "cli/spool_access.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <ostream>

#include "base/base64.h"
#include "cli/options.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

Json optional_time(int64_t unix_ms) {
    return unix_ms == 0 ? Json() : Json::string(format_time(unix_ms));
}

Json optional_text(std::string_view text) {
    return text.empty() ? Json() : Json::string(text);
}

constexpr char spool_remedy[] = "give the directory that \"momento_spool\" names";

Error with_remedy(Error error) {
    if (error.code == ENOENT || error.code == ENOTDIR) {
        error.text += std::string("; ") + spool_remedy;
    } else if (error.code == EACCES) {
        error.text += "; run this as root or as the spool's owner";
    }
    return error;
}

enum class Content { slots, other, nothing };

// What a directory that has the name of a destination holds.
Content look_into(Directory& spool, const std::string& name) {
    auto directory = spool.open_directory(name, false);
    if (!directory) {
        return directory.error().code == ENOTDIR ? Content::other : Content::nothing;
    }
    auto names = (*directory)->list();
    if (!names || names->empty()) return Content::nothing;
    const bool has_slot = std::any_of(names->begin(), names->end(), is_slot_name);
    return has_slot ? Content::slots : Content::other;
}

}  // namespace

Status check_spool(const std::string& directory) {
    auto spool = system_files().open_directory(directory, false);
    if (!spool) return with_remedy(spool.error());
    auto names = (*spool)->list();
    if (!names) return with_remedy(names.error());

    bool has_other = false;
    for (const std::string& name : *names) {
        if (name == dead_letter_directory) return {};
        if (!is_destination_name(name)) continue;  // "lost+found"
        const Content content = look_into(**spool, name);
        if (content == Content::slots) return {};
        has_other = has_other || content == Content::other;
    }
    if (!has_other) return {};
    return Error{"\"" + directory + "\" is not a spool: " + spool_remedy};
}

std::string default_spool(const Console& console) {
    const char* named = console.environment("MOMENTO_SPOOL");
    return named != nullptr && *named != '\0' ? named : "/var/lib/nginx/momento";
}

Result<std::string> find_spool(const Arguments& operands, const Console& console) {
    if (Status status = check_operands(operands, 0, 1, "one directory"); !status) {
        return status.error();
    }
    std::string directory = operands.empty() ? default_spool(console) : operands.front();
    if (Status spool = check_spool(directory); !spool) return spool.error();
    return directory;
}

Status check_destination(const std::string& spool, const std::string& name) {
    auto directory = system_files().open_directory(spool, false);
    if (!directory) return with_remedy(directory.error());
    if ((*directory)->open_directory(name, false)) return {};

    auto entries = (*directory)->list();
    if (!entries) return with_remedy(entries.error());
    std::sort(entries->begin(), entries->end());
    std::vector<std::string> known;
    std::string list;
    for (const std::string& entry : *entries) {
        if (!is_destination_name(entry) || !(*directory)->open_directory(entry, false))
            continue;
        known.push_back(entry);
        list += (list.empty() ? "\"" : ", \"") + entry + '"';
    }
    const std::optional<std::string> near = nearest(name, known);
    return Error{"destination \"" + name + "\" is not in the spool \"" + spool + "\"" +
                 (near ? ", did you mean \"" + *near + "\"?" : ";") + " there " +
                 (known.empty()       ? "is none"
                  : known.size() == 1 ? "is " + list
                                      : "are " + list) +
                 "; give --force if the configuration knows it and nothing has arrived yet"};
}

Status become_owner(const std::string& directory) {
    struct stat info {};
    if (stat(directory.c_str(), &info) != 0) {
        return system_error("cannot open \"" + directory + "\"");
    }
    if (geteuid() != 0 || info.st_uid == 0) return {};
    if (setgroups(1, &info.st_gid) != 0 || setgid(info.st_gid) != 0 ||
        setuid(info.st_uid) != 0) {
        return system_error("cannot become user " + std::to_string(info.st_uid) +
                            ", the owner of \"" + directory + "\"");
    }
    return {};
}

std::string format_time(int64_t unix_ms) {
    if (unix_ms == 0) return "-";
    int64_t ms = (unix_ms % 1'000 + 1'000) % 1'000;
    time_t seconds = (unix_ms - ms) / 1'000;
    tm parts{};
    char text[64];
    if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(unix_ms);
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + size, sizeof(text) - size, ".%03dZ", static_cast<int>(ms));
    return text;
}

Json describe(const SlotPlace& place, const Record& record) {
    bool is_letter = record.kind == RecordKind::dead_letter;
    Json json = Json::object();
    json.set("id", Json::string(place.slot + ":" + std::to_string(record.sequence)))
        .set("destination", Json::string(is_letter ? record.destination
                                                   : std::string_view(place.destination)));
    if (is_letter) {
        json.set("reason", Json::string(record.reason_code))
            .set("message", Json::string(record.reason_message));
    }
    json.set("accepted", optional_time(record.accepted_ms))
        .set("publish_timestamp", Json::integer(record.publish_ms))
        .set("origin", Json::string(record.origin == Origin::redrive ? "redrive" : "webhook"))
        .set("attempts", Json::integer(record.attempts))
        .set("first_attempt", optional_time(record.first_attempt_ms))
        .set("last_attempt", optional_time(record.last_attempt_ms))
        .set("cache", optional_text(record.cache))
        .set("topic", optional_text(record.topic));

    Json body = Json::string(record.body);
    if (body.as_string() == record.body) return json.set("body", body);
    return json.set("body_base64", Json::string(base64(record.body)));
}

void ConsoleLogger::write(Severity, std::string line) {
    console_.say(line);
}

std::string slot_name(const SlotPlace& place) {
    return place.destination + (place.slot.empty() ? "" : "/" + place.slot);
}

void FailedSlots::add(const SlotPlace& place, const Error& error) {
    ++count_;
    console_.say(slot_name(place) + ": " + error.text);
}

Status FailedSlots::status() const {
    if (count_ == 0) return {};
    return Error{std::to_string(count_) + (count_ == 1 ? " slot" : " slots") +
                 " could not be read or written to"};
}

SpoolTools system_tools(Logger& logger) {
    return {&system_files(), &system_clock(), &system_random(), &logger, nullptr};
}

}  // namespace momento::cli
