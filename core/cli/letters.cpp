#include "cli/letters.h"

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/clock.h"
#include "cli/spool_access.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

std::optional<LetterId> parse_id(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos || !is_slot_name(text.substr(0, colon))) return {};
    LetterId id{text.substr(0, colon), 0};
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data() + colon + 1, end, id.sequence);
    if (error != std::errc() || rest != end) return {};
    return id;
}

Status must_be_known(const SlotPlace& place, const SlotReport& slot) {
    if (!slot.foreign) return {};
    return Error{"slot \"" + slot_name(place) +
                 "\" has a format that this version does not know, use the momentoctl of the "
                 "version that wrote it"};
}

}  // namespace

Option reason_option() {
    return {"--reason", "CODE", "only those with this reason"};
}

std::string letter_id(const SlotPlace& place, const Record& letter) {
    return place.slot + ':' + std::to_string(letter.sequence);
}

Result<LetterRequest> read_letter_request(const Given& given, const Console& console) {
    LetterRequest request;
    Arguments directories;
    for (const std::string& operand : given.operands()) {
        if (std::optional<LetterId> id = parse_id(operand); id) {
            if (!request.filter.ids) request.filter.ids.emplace();
            request.filter.ids->insert(*id);
            continue;
        }
        const bool is_path =
            operand.find(':') == std::string::npos || operand.find('/') != std::string::npos;
        if (!is_path) {
            return Error{
                "\"" + operand +
                "\" is not the ID of a letter, give one as \"dead ls\" prints it, such "
                "as 0123456789abcdef:7"};
        }
        directories.push_back(operand);
    }
    Status count = check_operands(directories, 0, 1, "IDs and one directory");
    if (!count) return count.error();
    Result<std::string> directory = find_spool(directories, console);
    if (!directory) return directory.error();
    request.directory = *directory;
    request.filter.reason = given.text("--reason").value_or("");
    return request;
}

Result<std::vector<SlotPlace>> find_letters(const std::string& directory) {
    auto spool = find_slots(system_files(), directory);
    if (!spool) return spool;
    auto places = find_slots(system_files(), directory, dead_letter_directory);
    if (!places && places.error().code == ENOENT) return std::vector<SlotPlace>();
    return places;
}

void Census::see(const std::string& reason, bool is_match) {
    by_reason_[reason]++;
    if (!is_match) return;
    matching_++;
    matching_by_reason_[reason]++;
}

void Census::see(const SlotPlace& place, const Record& letter, bool is_match) {
    see(std::string(letter.reason_code), is_match);
    if (is_match) ids_.insert({place.slot, letter.sequence});
}

Outcome Census::report(const LetterFilter& filter, Console& console) const {
    if (!filter.reason.empty() && by_reason_.count(filter.reason) == 0) {
        std::vector<std::string> reasons;
        for (const auto& [reason, count] : by_reason_) reasons.push_back(reason);
        const std::optional<std::string> near = nearest(filter.reason, reasons);
        console.say(
            "no dead letter has the reason \"" + filter.reason + "\"" +
            (near ? ", did you mean \"" + *near + "\"? " : "; ") +
            (reasons.empty() ? "there are none" : "there are " + list_counts(by_reason_)));
    }
    if (!filter.ids) return Outcome::fine;
    Outcome outcome = Outcome::fine;
    for (const LetterId& id : *filter.ids) {
        if (ids_.count(id) > 0) continue;
        console.say("no dead letter that matches has the ID " + id.slot + ':' +
                    std::to_string(id.sequence));
        outcome = Outcome::found;
    }
    return outcome;
}

Status for_each_letter(const LetterRequest& request, Console& console, Census& census,
                       const std::function<void(const SlotPlace&, const Record&)>& visit) {
    auto places = find_letters(request.directory);
    if (!places) return places.error();
    const int64_t now_ms = system_clock().wall_ms();
    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        auto slot = read_slot(place, [&](const Record& letter, Position) {
            const bool matches = is_match(place.slot, letter, request.filter, now_ms);
            census.see(place, letter, matches);
            if (matches) visit(place, letter);
        });
        Status known = slot ? must_be_known(place, *slot) : Status(slot.error());
        if (!known) failed.add(place, known.error());
    }
    return failed.status();
}

std::string list_counts(const std::map<std::string, uint64_t>& counts) {
    std::string list;
    for (const auto& [name, count] : counts) {
        list += (list.empty() ? "\"" : ", \"") + name + "\": " + std::to_string(count);
    }
    return list;
}

}  // namespace momento::cli
