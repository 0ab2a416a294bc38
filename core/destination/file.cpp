#include "destination/file.h"

#include <utility>

#include "destination/event_json.h"

namespace momento {

FileDestination::FileDestination(FileSettings settings, const Clock& clock, FileSystem& files,
                                 Errands* errands)
    : settings_(std::move(settings)),
      clock_(clock),
      errands_(errands),
      writer_(std::make_shared<FileWriter>(settings_.path, settings_.spool, settings_.sync,
                                           files)) {}

size_t FileDestination::entry_size(const Record& record) const {
    return event_json_overhead + record.cache.size() + record.topic.size() + record.body.size();
}

void FileDestination::append_line(std::string& out, const Record& record,
                                  const FileSettings& settings) {
    append_event_json(out, record, settings.source, settings.region);
    const size_t detail = out.size() - 1 - record.body.size();
    // In valid JSON they stand between tokens only: inside strings they are escaped.
    for (size_t i = detail; i < out.size(); ++i) {
        if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
    }
    out += '\n';
}

void FileDestination::set_descriptor(int descriptor) {
    writer_->set_descriptor(Descriptor(descriptor));
}

void FileDestination::send(std::vector<const Record*> batch, Done done) {
    Batch sent;
    for (const Record* record : batch) append_line(sent.lines, *record, settings_);
    sent.entries = batch.size();
    sent.done = std::move(done);
    sent_ = std::move(sent);
}

void FileDestination::step() {
    if (!sent_) return;
    Batch batch = *std::exchange(sent_, {});
    run_elsewhere<FileWriter::Report>(
        errands_, errand_name(),
        [writer = writer_, lines = std::move(batch.lines)] { return writer->write(lines); },
        [this, entries = batch.entries, done = std::move(batch.done),
         start_us = clock_.steady_us()](const FileWriter::Report& report) {
            BatchResult result = read(report, entries);
            result.elapsed_us = clock_.steady_us() - start_us;
            done(std::move(result));
        });
}

ErrandName FileDestination::errand_name() const {
    return {"destination \"" + settings_.name + '"',
            '"' + settings_.path + "\" to take its lines",
            "its events wait in the spool; if it is a pipe, let somebody read it, else look "
            "whether its disk is there, and fast enough"};
}

BatchResult FileDestination::read(const FileWriter::Report& report, size_t entries) const {
    using Kind = EntryVerdict::Kind;
    using Outcome = FileWriter::Outcome;
    EntryVerdict verdict{Kind::delivered, report.code, report.why};
    if (report.outcome == Outcome::not_open || report.outcome == Outcome::stopped) {
        verdict.kind = Kind::hold;
    } else if (report.outcome == Outcome::failed) {
        verdict.kind = Kind::retry;
    }
    BatchResult result;
    result.entries.assign(entries, verdict);
    result.unreachable = report.outcome == Outcome::failed;
    result.trouble = report.why;
    return result;
}

}  // namespace momento
