// momentoctl spool move: gives orphans a destination.
#include <ostream>

#include "base/json.h"
#include "cli/command.h"
#include "cli/spool_access.h"
#include "spool/move.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

struct DestinationPath {
    std::string spool;
    std::string name;
};

// "bus" in the default spool, or "/path/to/spool/bus".
Result<DestinationPath> parse_destination(std::string path, const std::string& spool) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    size_t slash = path.rfind('/');
    DestinationPath parsed{spool, path.substr(slash + 1)};
    if (slash != std::string::npos) parsed.spool = slash == 0 ? "/" : path.substr(0, slash);
    if (!is_destination_name(parsed.name)) {
        return Error{"invalid destination \"" + path +
                     "\", give a name, or a spool's path and a name such as \"" + spool +
                     "/bus\""};
    }
    return parsed;
}

void print(const MoveReport& report, const std::string& from, const std::string& to,
           const Given& given, std::ostream& out) {
    if (given.flag("--json")) {
        out << Json::object()
                   .set("moved", Json::integer(static_cast<int64_t>(report.moved)))
                   .set("to", Json::string(to))
                   .set("in_use", Json::integer(static_cast<int64_t>(report.in_use)))
                   .set("failed_slots", Json::integer(static_cast<int64_t>(report.failed)))
                   .dump()
            << '\n';
        return;
    }
    out << "moved: " << report.moved << " to \"" << to << "\"\n";
    if (report.in_use > 0) {
        out << "left: " << report.in_use << " in slots that a process has; take \"" << from
            << "\" out of the configuration first\n";
    }
    if (report.failed > 0) {
        out << "left: what cannot be moved now of " << report.failed
            << (report.failed == 1 ? " slot" : " slots") << "; try again\n";
    }
}

Result<Outcome> move(const Given& given, Console& console) {
    const Arguments& operands = given.operands();
    if (Status status = check_operands(operands, 2, 2, "FROM and TO"); !status) {
        return status.error();
    }
    auto from = parse_destination(operands[0], default_spool(console));
    if (!from) return from.error();
    auto to = parse_destination(operands[1], default_spool(console));
    if (!to) return to.error();
    if (from->spool == to->spool && from->name == to->name) {
        return Error{"FROM and TO are the same, \"" + operands[0] + "\""};
    }

    if (Status status = become_owner(to->spool); !status) return status.error();
    if (!given.flag("--force")) {
        if (Status status = check_destination(to->spool, to->name); !status) {
            return status.error();
        }
    }
    ConsoleLogger logger(console);
    SpoolTools tools = system_tools(logger);
    Tails tails(to->spool, tools);
    MoveReport report;
    Status status = move_events(from->spool, from->name, to->name, tails, tools, &report);
    tails.finish();
    if (status || report.moved > 0) print(report, from->name, to->name, given, console.out);
    if (!status) return status.error();
    return report.in_use + report.failed > 0 ? Outcome::found : Outcome::fine;
}

}  // namespace

const Command spool_move_command{
    "spool move",
    "gives events of a forgotten destination to another one",
    {"FROM TO [--force]"},
    R"(Moves every pending event of the destination FROM to the destination TO. Each is a name in the
spool, or a spool's path and a name: /mnt/old/spool/bus. FROM must be one that no running
gateway knows: take it out of the configuration first. A running gateway that knows TO delivers
the events within seconds. A crash in between may deliver an event twice, and loses none. Run
as root, it takes the user and group of the owner of TO's spool first.
)",
    {{"--force", "",
      "to one that is not in the spool yet: the events wait there as orphans if the "
      "configuration does not know it",
      Option::Kind::flag}},
    R"(Exit status 1 if events were left: in slots that a running gateway has, or that cannot be read
now. One such slot keeps the others from nothing.
)",
    move};

}  // namespace momento::cli
