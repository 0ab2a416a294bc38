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
    err_ << printable(line) << '\n';
}

void FailedSlots::add(const SlotPlace& place, const Error& error) {
    ++count_;
    const std::string name = place.destination + (place.slot.empty() ? "" : "/" + place.slot);
    console_.err << name << ": " << printable(error.text) << '\n';
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
