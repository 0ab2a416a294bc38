// Pages, files and slots that cannot be read: what stands in them waits, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "spool_sim_log.h"

namespace momento::spool_test {
namespace {

using sim::Operation;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t page = 4096;
constexpr int event_count = 60;

class Unreadable : public SimLogTest {
  protected:
    void SetUp() override {
        settings_.size = 16 * settings_.segment_size;
        PlayedLog& log = start();
        for (int i = 0; i < event_count; ++i) {
            ASSERT_TRUE(log.append(padded(std::to_string(i), 900)));
        }
        clock_.advance_ms(1'100);
        log.settle();  // the cursor knows how many there are
        for (const ReadRecord& read : log.read()) records_.push_back(read);
        kill();
        ASSERT_EQ(records_.back().end.segment, 5u);
    }

    ~Unreadable() override { disk_.before = {}; }

    // Reads of these pages fail until heal().
    void spoil_pages(uint64_t segment, uint64_t first, uint64_t count = 1) {
        const std::string name = segment_file_name(segment);
        disk_.before = [this, name, first, count](const sim::Call& call) {
            const bool hits = call.operation == Operation::read &&
                              call.path.find(name) != std::string::npos &&
                              call.offset < (first + count) * page &&
                              call.offset + call.size > first * page;
            if (hits) ++failed_reads_;
            return hits ? sim::Fault{EIO} : sim::Fault{};
        };
    }

    void deny(const std::string& name, int error = EACCES) {
        disk_.before = [name, error](const sim::Call& call) {
            const bool hits =
                call.operation == Operation::open && call.path.find(name) != std::string::npos;
            return hits ? sim::Fault{error} : sim::Fault{};
        };
    }

    void heal() { disk_.before = {}; }

    // Of the records in those pages of that segment.
    std::vector<std::string> bodies_in(uint64_t segment, uint64_t first, uint64_t count) {
        std::vector<std::string> bodies;
        for (int i = 0; i < event_count; ++i) {
            const ReadRecord& read = records_[static_cast<size_t>(i)];
            const bool touches = read.end.segment == segment &&
                                 read.end.offset > first * page &&
                                 read.end.offset - read.size < (first + count) * page;
            if (touches) bodies.push_back(padded(std::to_string(i), 900));
        }
        return bodies;
    }

    std::vector<std::string> all_but(const std::vector<std::string>& without) {
        std::vector<std::string> bodies;
        for (int i = 0; i < event_count; ++i) {
            std::string body = padded(std::to_string(i), 900);
            if (std::count(without.begin(), without.end(), body) == 0) bodies.push_back(body);
        }
        return bodies;
    }

    // Opens the slot that is there, whatever cannot be read in it.
    PlayedLog& adopt() { return adopt(*log_->slots); }
    PlayedLog& adopt(Slots& slots) {
        auto slot = slots.adopt();
        const bool is_there = slot && *slot;
        EXPECT_TRUE(is_there);
        if (!is_there) return *log_;
        log_ = std::make_unique<PlayedLog>(settings_, "bus", tools(*files_), std::move(*slot));
        log_->step();
        return *log_;
    }

    void release_all(PlayedLog& log, std::vector<ReadRecord> read) {
        log.release(read);
        log.log->release(std::exchange(log.damaged, {}));
        log.settle();
    }

    std::vector<ReadRecord> records_;
    int failed_reads_ = 0;
};

TEST_F(Unreadable, APageCostsTheRecordsThatItTouches) {
    for (const uint64_t first : {1, 2, 3}) {
        SCOPED_TRACE(first);
        PlayedLog& log = restart();
        spoil_pages(2, first);
        const std::vector<std::string> waiting = bodies_in(2, first, 1);
        ASSERT_GT(waiting.size(), 2u);
        EXPECT_EQ(log.read_bodies(), all_but(waiting));
        EXPECT_EQ(log.reader.unreadable(), waiting.size());
        EXPECT_THAT(log.damaged, IsEmpty());

        // However often it is asked, the disk is not, before it is time.
        const int failed = failed_reads_;
        for (int i = 0; i < 5'000; ++i) EXPECT_THAT(log.read(), IsEmpty());
        EXPECT_EQ(failed_reads_, failed);

        heal();
        EXPECT_THAT(log.read(), IsEmpty());
        clock_.advance_ms(1'000);
        EXPECT_EQ(log.read_bodies(), waiting);
        EXPECT_EQ(log.reader.unreadable(), 0u);
        EXPECT_THAT(log.damaged, IsEmpty());
    }
    EXPECT_EQ(lines_.count("wait until they can be read"), 3u);
}

TEST_F(Unreadable, ARangeThatGetsSmallerGivesWhatCanBeReadOfIt) {
    PlayedLog& log = restart();
    spoil_pages(2, 1, 3);
    EXPECT_EQ(log.read_bodies(), all_but(bodies_in(2, 1, 3)));
    spoil_pages(2, 2);
    clock_.advance_ms(1'000);
    std::vector<std::string> still = bodies_in(2, 2, 1);
    EXPECT_THAT(log.read(), SizeIs(bodies_in(2, 1, 3).size() - still.size()));
    EXPECT_EQ(log.reader.unreadable(), still.size());
    heal();
    // Less and less often, but within a minute.
    clock_.advance_ms(60'000);
    EXPECT_EQ(log.read_bodies(), still);
}

TEST_F(Unreadable, ItWaitsForHoursAndIsTriedOnceAMinute) {
    PlayedLog& log = restart();
    spoil_pages(3, 2);
    log.read();
    for (int i = 0; i < 10; ++i) {
        clock_.advance_ms(60'000);
        log.read();
    }
    const int failed = failed_reads_;
    for (int i = 0; i < 59; ++i) {
        clock_.advance_ms(1'000);
        log.read();
    }
    EXPECT_EQ(failed_reads_, failed);
    for (int hour = 0; hour < 24; ++hour) {
        clock_.advance_ms(3'600'000);
        log.read();
    }
    EXPECT_THAT(log.damaged, IsEmpty());
    heal();
    clock_.advance_ms(60'000);
    EXPECT_EQ(log.read_bodies(), bodies_in(3, 2, 1));
}

TEST_F(Unreadable, ASegmentThatCannotBeOpenedWaitsAlone) {
    for (const uint64_t number : {1, 2, 4}) {
        SCOPED_TRACE(number);
        kill();
        deny(segment_file_name(number));
        start();
        PlayedLog& log = adopt();
        const std::vector<std::string> waiting = bodies_in(number, 0, 100);
        EXPECT_EQ(log.read_bodies(), all_but(waiting));
        EXPECT_EQ(log.reader.unreadable(), waiting.size());
        EXPECT_THAT(log.damaged, IsEmpty());
        EXPECT_GT(lines_.count("Permission denied"), 0u);
        EXPECT_GT(lines_.count("chown"), 0u);
        heal();
        clock_.advance_ms(1'000);
        EXPECT_EQ(log.read_bodies(), waiting);
        EXPECT_EQ(log.reader.unreadable(), 0u);
    }
}

TEST_F(Unreadable, ABadFirstSectorCostsNothingWhereTheNextSegmentTellsOfIt) {
    kill();
    spoil_pages(2, 0);
    start();
    adopt();
    EXPECT_EQ(log_->read_bodies(), all_but({}));
}

TEST_F(Unreadable, ASegmentThatIsTakenAwayIsGivenUp) {
    kill();
    deny(segment_file_name(2));
    start();
    PlayedLog& log = adopt();
    std::vector<ReadRecord> read = log.read();
    heal();
    ASSERT_TRUE(slot_directory()->remove(segment_file_name(2)));
    clock_.advance_ms(1'000);
    EXPECT_THAT(log.read(), IsEmpty());
    const size_t lost = bodies_in(2, 0, 100).size();
    EXPECT_THAT(log.damaged, SizeIs(lost));
    release_all(log, std::move(read));
    EXPECT_EQ(log.totals().damaged, lost);
    EXPECT_EQ(log.totals().pending(), 0u);
    clock_.advance_ms(1'100);
    log.settle();
    EXPECT_THAT(files_like(".segment"), SizeIs(testing::Le(1)));
}

TEST_F(Unreadable, ASpareThatCannotBeOpenedIsNotMissed) {
    kill();
    {
        auto spare = slot_directory()->open("00000000000000aa.spare", Directory::Mode::create);
        ASSERT_TRUE((*spare)->write_at(0, "x"));
    }
    deny(".spare");
    start();
    adopt();
    EXPECT_EQ(log_->read_bodies(), all_but({}));
    EXPECT_EQ(lines_.count("00000000000000aa.spare"), 1u);
}

TEST_F(Unreadable, ASlotWithAFileThatCannotBeReadIsNotClaimed) {
    kill();
    deny(segment_file_name(2));
    PlayedLog& log = start();
    ASSERT_TRUE(log.append("new"));
    EXPECT_THAT(list("/spool/bus"), SizeIs(2));
    EXPECT_EQ(log.read_bodies(), std::vector<std::string>{"new"});
}

// What was written again, into the next segment, may be left in the one that was given up. It
// does not tell where the next one begins.
TEST_F(Unreadable, WhatIsLeftInASegmentGivenUpCostsTheNextOneNothing) {
    PlayedLog& log = restart();
    const auto second =
        std::find_if(records_.begin(), records_.end(),
                     [](const ReadRecord& read) { return read.end.segment == 2; });
    const std::string name = segment_file_name(1);
    std::string given_up = content(name);
    log.read();
    log.release({records_.begin(), second + 1});
    kill();
    ASSERT_THAT(files_like(name), IsEmpty());

    // It was not yet on disk that it was used again.
    const uint64_t end = std::prev(second)->end.offset;
    given_up.resize(end);
    for (auto again = second; again != second + 4; ++again) {
        RecordBuffer buffer = RecordBuffer::from(again->record);
        buffer.seal(decode_segment_header(given_up).header.salt, again->record.sequence, end);
        given_up += buffer.bytes();
    }
    auto file = slot_directory()->open(name, Directory::Mode::create);
    ASSERT_TRUE((*file)->write_at(0, given_up));

    deny(segment_file_name(2));
    start();
    PlayedLog& after = adopt();
    std::vector<std::string> waiting = bodies_in(2, 0, 100);
    waiting.erase(waiting.begin());
    std::vector<std::string> others = all_but(bodies_in(1, 0, 100));
    others.erase(others.begin(), others.begin() + static_cast<ptrdiff_t>(waiting.size()) + 1);
    EXPECT_EQ(after.read_bodies(), others);
    EXPECT_THAT(after.damaged, IsEmpty());
    EXPECT_EQ(after.reader.unreadable(), waiting.size());
    heal();
    clock_.advance_ms(1'000);
    EXPECT_EQ(after.read_bodies(), waiting);
    EXPECT_THAT(after.damaged, IsEmpty());
}

// A refused record, left in a segment that was given up, has the sequence of one that was
// acknowledged later.
TEST_F(Unreadable, WhatWasRefusedIsNotTakenForWhatStandsInTheNextSegment) {
    const auto second =
        std::find_if(records_.begin(), records_.end(),
                     [](const ReadRecord& read) { return read.end.segment == 2; });
    const uint64_t end = std::prev(second)->end.offset;
    std::string given_up = content(segment_file_name(1)).substr(0, end);
    for (auto taken = second; taken != second + 4; ++taken) {
        Record record = taken->record;
        record.body = "refused";
        RecordBuffer buffer = RecordBuffer::from(record);
        buffer.seal(decode_segment_header(given_up).header.salt, record.sequence, end);
        given_up += buffer.bytes();
    }
    overwrite(segment_file_name(1), 0, given_up);

    deny(segment_file_name(2));
    start();
    PlayedLog& after = adopt();
    const std::vector<std::string> waiting = bodies_in(2, 0, 100);
    EXPECT_EQ(after.read_bodies(), all_but(waiting));
    EXPECT_EQ(after.reader.unreadable(), waiting.size());
    heal();
    clock_.advance_ms(1'000);
    EXPECT_EQ(after.read_bodies(), waiting);
    EXPECT_THAT(after.damaged, IsEmpty());
}

class Blocked : public Unreadable, public testing::WithParamInterface<const char*> {};

// Neither delivered nor lost nor hidden; and delivered as soon as it can be read.
TEST_P(Blocked, ASlotIsCountedAndTriedAgain) {
    kill();
    deny(GetParam());
    start();
    Slots slots(settings_.path, "bus", *files_, random_, lines_);
    std::map<std::string, uint64_t> blocked;
    slots.on_blocked = [&](const std::string& slot, uint64_t count) { blocked[slot] = count; };
    const std::string name = list("/spool/bus")[0];
    for (int i = 0; i < 3; ++i) {
        auto slot = slots.adopt();
        ASSERT_TRUE(slot) << slot.error().text;
        EXPECT_FALSE(*slot);
        EXPECT_GE(blocked[name], static_cast<uint64_t>(event_count));
        blocked.clear();
    }
    EXPECT_EQ(lines_.count(GetParam()), 1u);
    EXPECT_EQ(lines_.count("chown"), 1u);
    EXPECT_EQ(lines_.count(name), 1u);

    heal();
    adopt(slots);
    EXPECT_THAT(blocked, IsEmpty());
    EXPECT_EQ(log_->read_bodies(), all_but({}));
    EXPECT_THAT(log_->damaged, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Files, Blocked,
                         testing::Values("/cursor", "0000000000000005.segment"));

TEST_F(Unreadable, TheEndOfALogThatCannotBeReadIsNotTakenForItsEnd) {
    kill();
    const ReadRecord& last = records_.back();
    spoil_pages(5, (last.end.offset - last.size) / page);
    start();
    Slots slots(settings_.path, "bus", *files_, random_, lines_);
    auto slot = slots.adopt();
    ASSERT_TRUE(slot);
    EXPECT_FALSE(*slot);
    heal();
    adopt(slots);
    EXPECT_EQ(log_->read_bodies(), all_but({}));
}

// A record behind a tear proves that what stands before its batch was synced, and no more.
TEST_F(Unreadable, APageDoesNotHideThatALogIsTorn) {
    kill();
    for (const std::string& name : list(slot_path())) {
        ASSERT_TRUE(slot_directory()->remove(name));
    }
    PlayedLog& log = start();
    std::vector<std::string> whole;
    for (int i = 0; i < 7; ++i) {
        whole.push_back(padded(std::to_string(i), 500));
        ASSERT_TRUE(log.append(whole.back()));
    }
    std::vector<Record> batch;
    const std::string body = padded("batch", 500);
    for (int i = 0; i < 10; ++i) {
        batch.push_back(event("once"));
        batch.back().body = body;
    }
    ASSERT_TRUE(log.append(batch));
    const std::vector<ReadRecord> read = log.read();
    ASSERT_THAT(read, SizeIs(17));
    const uint64_t tear = read[7].end.offset;  // the batch's second record
    ASSERT_LT(read[6].end.offset - read[6].size, 2 * page);
    ASSERT_GT(read[6].end.offset, 2 * page);
    ASSERT_GT(read[16].end.offset, 3 * page + read[16].size);
    kill();
    overwrite(segment_file_name(1), tear, std::string(read[8].size, '\0'));

    spoil_pages(1, 2);
    start();
    Slots slots(settings_.path, "bus", *files_, random_, lines_);
    auto slot = slots.adopt();
    ASSERT_TRUE(slot);
    EXPECT_FALSE(*slot);
    heal();
    adopt(slots);
    whole.push_back(body);
    EXPECT_EQ(log_->read_bodies(), whole);
    EXPECT_THAT(log_->damaged, IsEmpty());
}

// A log that other records go on in, and one segment of it that cannot be read in places.
class Parting : public Unreadable {
  protected:
    void SetUp() override {
        settings_.unread_reach = 20;
        Unreadable::SetUp();
    }

    // Opens it, with bad pages that are found, and everything else delivered.
    PlayedLog& deliver_all_else() {
        PlayedLog& log = restart();
        spoil_pages(2, 1, 2);
        log.release(log.read());
        return log;
    }

    std::vector<std::string> waiting() { return bodies_in(2, 1, 2); }

    // Everything that is pending in any slot, each slot emptied.
    std::vector<std::string> empty_slots() {
        std::vector<std::string> bodies;
        for (int i = 0; i < 5; ++i) {
            kill();
            PlayedLog& fresh = start();
            auto slot = fresh.slots->adopt();
            EXPECT_TRUE(slot);
            if (!slot || !*slot) break;
            log_ =
                std::make_unique<PlayedLog>(settings_, "bus", tools(*files_), std::move(*slot));
            log_->step();
            EXPECT_EQ(log_->log->numbers().totals.pending(), log_->log->numbers().recovered);
            const std::vector<ReadRecord> read = log_->read();
            for (const ReadRecord& each : read) bodies.emplace_back(each.record.body);
            release_all(*log_, read);
            EXPECT_EQ(log_->totals().pending(), 0u);
            clock_.advance_ms(1'100);
            log_->settle();
            log_->writer->finish();
        }
        return bodies;
    }
};

TEST_F(Parting, WhatWaitsGetsASlotOfItsOwn) {
    PlayedLog& log = deliver_all_else();
    EXPECT_EQ(log.totals().pending(), waiting().size());
    log.read();
    log.settle();
    log.read();
    EXPECT_EQ(log.totals().pending(), 0u);
    EXPECT_EQ(log.totals().requeued, waiting().size());
    EXPECT_EQ(log.reader.unreadable(), 0u);
    ASSERT_THAT(list("/spool/bus"), SizeIs(2));
    EXPECT_EQ(lines_.count("of their own"), 1u);
    // The log goes on, whatever becomes of them.
    ASSERT_TRUE(log.append("new"));
    EXPECT_EQ(log.read_bodies(), std::vector<std::string>{"new"});

    // Whoever adopts them finds the same hole, and parts with it no more.
    auto slot = log.slots->adopt();
    ASSERT_TRUE(slot && *slot);
    PlayedLog their(settings_, "bus", tools(*files_), std::move(*slot));
    their.step();
    EXPECT_EQ(their.log->numbers().recovered, waiting().size());
    EXPECT_EQ(their.totals().last_sequence - their.totals().requeued, waiting().size());
    EXPECT_THAT(their.read(), IsEmpty());
    EXPECT_EQ(their.reader.unreadable(), waiting().size());
    for (int i = 0; i < 3; ++i) {
        clock_.advance_ms(60'000);
        EXPECT_THAT(their.read(), IsEmpty());
        their.settle();
    }
    EXPECT_THAT(list("/spool/bus"), SizeIs(2));
    heal();
    clock_.advance_ms(60'000);
    const std::vector<ReadRecord> read = their.read();
    their.release(read);
    EXPECT_THAT(read, SizeIs(waiting().size()));
    EXPECT_EQ(their.totals().pending(), 0u);
    EXPECT_EQ(their.totals().damaged, 0u);
}

// With sync=os a log is read before it is synced, so that a hole may reach beyond what is left
// of its segment when that is given up.
class GivenUpBehindAHole : public Parting {
  protected:
    void SetUp() override {
        settings_.sync = SyncMode::os;
        Parting::SetUp();
        settings_.unread_reach = reach_;
        PlayedLog& log = restart();
        log.release(log.read());
        synced_ = append(4, "synced");
        clock_.advance_ms(1'100);
        log.settle();
        written_ = append(6, "written");
        std::vector<Release> none;
        Reader(log.log, lines_, clock_).read(100, SIZE_MAX, found_, none);
        ASSERT_THAT(found_, SizeIs(10));
        ASSERT_EQ(found_.front().end.segment, found_.back().end.segment);
    }

    std::vector<std::string> append(int count, const std::string& name) {
        std::vector<std::string> bodies;
        for (int i = 0; i < count; ++i) {
            bodies.push_back(padded(name + std::to_string(i), 900));
            EXPECT_TRUE(log_->append(bodies.back()));
        }
        return bodies;
    }

    // Cannot be read from the first new record to the end, or to the last one's page.
    void spoil(bool to_the_end) {
        const uint64_t from = found_.front().end.offset - found_.front().size;
        const uint64_t last = found_.back().end.offset - found_.back().size;
        const uint64_t to = to_the_end ? UINT64_MAX : last / page * page;
        disk_.before = [this, from, to](const sim::Call& call) {
            const bool reads = call.operation == Operation::read &&
                               call.offset + call.size > from && call.offset < to &&
                               call.path.find(segment_file_name(found_.front().end.segment)) !=
                                   std::string::npos;
            const bool writes =
                call.operation == Operation::write && std::exchange(fails_, false);
            return reads || writes ? sim::Fault{EIO} : sim::Fault{};
        };
    }

    // And goes on in a fresh segment, until its log has parted with the hole.
    std::vector<std::string> give_up() {
        fails_ = true;
        std::vector<std::string> later = append(30, "later");
        log_->release(read_);
        std::vector<std::string> bodies;
        for (int i = 0; i < 4; ++i) {
            const std::vector<ReadRecord> read = log_->read();
            for (const ReadRecord& each : read) bodies.emplace_back(each.record.body);
            log_->release(read);
            clock_.advance_ms(60'000);
            log_->settle();
        }
        for (; !later.empty() && !bodies.empty(); later.pop_back(), bodies.pop_back()) {
            EXPECT_EQ(bodies.back(), later.back());
        }
        EXPECT_EQ(log_->log->numbers().poisoned, 1u);
        EXPECT_EQ(log_->totals().pending(), 0u);
        EXPECT_EQ(log_->totals().requeued, 4u);
        return bodies;
    }

    uint64_t reach_ = 20;
    std::vector<ReadRecord> read_;  // before, and not released yet
    std::vector<std::string> synced_;
    std::vector<std::string> written_;
    std::vector<ReadRecord> found_;
    bool fails_ = false;
};

TEST_F(GivenUpBehindAHole, TheirSlotEndsWhereTheSegmentDoes) {
    spoil(true);
    EXPECT_THAT(log_->read(), IsEmpty());
    EXPECT_THAT(log_->read(), IsEmpty());  // it has looked again, too
    EXPECT_EQ(give_up(), written_);
    log_->writer->finish();
    heal();
    EXPECT_EQ(empty_slots(), synced_);
}

TEST_F(GivenUpBehindAHole, WhatIsWrittenAgainDoesNotWait) {
    spoil(false);
    const std::vector<ReadRecord> last = log_->read();
    ASSERT_FALSE(last.empty());
    EXPECT_EQ(last.back().record.body, written_.back());
    log_->release(last);
    ASSERT_LT(last.size(), written_.size());
    written_.resize(written_.size() - last.size());
    EXPECT_EQ(give_up(), written_);
    log_->writer->finish();
    heal();
    EXPECT_EQ(empty_slots(), synced_);
}

// Its log parts with the hole while what stands in it is not synced.
class PartedUnsynced : public GivenUpBehindAHole {
  protected:
    PartedUnsynced() { reach_ = 2; }

    void SetUp() override {
        GivenUpBehindAHole::SetUp();
        spoil(false);
        read_ = log_->read();  // and asks for it
        ASSERT_FALSE(read_.empty());
        ASSERT_LT(read_.size(), written_.size());
        written_.resize(written_.size() - read_.size());
    }
};

TEST_F(PartedUnsynced, WhatWaitsInTheirSlotSurvivesThePower) {
    log_->step();
    ASSERT_THAT(list("/spool/bus"), SizeIs(2));
    kill();
    disk_.lose_power();
    heal();
    std::vector<std::string> all = synced_;
    all.insert(all.end(), written_.begin(), written_.end());
    EXPECT_THAT(empty_slots(), testing::IsSupersetOf(all));
}

TEST_F(PartedUnsynced, WhatIsGivenUpMeanwhileIsNotParted) {
    EXPECT_EQ(give_up(), written_);
    log_->writer->finish();
    heal();
    EXPECT_EQ(empty_slots(), synced_);
}

TEST_F(Parting, WhatIsReadInTheirSlotIsWhatWasStored) {
    PlayedLog& log = deliver_all_else();
    log.read();
    log.settle();
    log.read();
    // The log uses its segments again, but not the one that it shares.
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(log.append(padded("new" + std::to_string(i), 900)));
        log.release(log.read());
        clock_.advance_ms(1'100);
        log.settle();
    }
    EXPECT_EQ(log.totals().pending(), 0u);
    log.writer->finish();
    heal();
    EXPECT_EQ(empty_slots(), waiting());
}

// The segment that it shares holds later records of the other log, whose sequences it gives to
// its own.
TEST_F(Parting, WhatTheirSlotTakesIsNotMistakenForWhatTheOtherLogHas) {
    PlayedLog& log = deliver_all_else();
    log.read();
    log.settle();
    log.read();
    log.writer->finish();
    heal();
    std::vector<std::string> all = waiting();
    PlayedLog& their = adopt();
    for (const char* body : {"own 1", "own 2"}) {
        ASSERT_TRUE(their.append(body));
        all.emplace_back(body);
    }
    kill();
    start();
    EXPECT_EQ(adopt().read_bodies(), all);
    EXPECT_THAT(log_->damaged, IsEmpty());
}

// Of the slot's own segments, the one behind the shared one vouches for it.
class PartingLosesItsVoucher
    : public Parting,
      public testing::WithParamInterface<std::tuple<const char*, int>> {
  protected:
    // The slot that was made, with so many records of its own; nobody has it.
    void part_and_append(int own) {
        PlayedLog& log = deliver_all_else();
        const std::string other = slot_path();
        log.read();
        log.settle();
        log.read();
        log.writer->finish();
        heal();
        PlayedLog& their = adopt();
        for (int i = 0; i < own; ++i) ASSERT_TRUE(their.append(padded("own", 900)));
        for (const std::string& name : list("/spool/bus")) {
            if ("/spool/bus/" + name != other) their_path_ = "/spool/bus/" + name;
        }
        kill();
    }

    void spoil_voucher() {
        auto directory = std::move(*editor().open_directory(their_path_, false));
        const std::string how = std::get<0>(GetParam());
        if (how == "cannot be opened") return deny(segment_file_name(3));
        ASSERT_TRUE(directory->remove(segment_file_name(3)));
        if (how == "is gone") return;
        auto file = std::move(*directory->open(segment_file_name(3), Directory::Mode::create));
        ASSERT_TRUE(file->write_at(0, std::string(size_t{4} * page, '\0')));
    }

    std::string their_path_;
};

TEST_P(PartingLosesItsVoucher, WhatWaitsIsThereAllTheSame) {
    part_and_append(std::get<1>(GetParam()));
    spoil_voucher();
    start();
    std::vector<std::string> read = adopt().read_bodies();
    ASSERT_GE(read.size(), waiting().size());
    read.resize(waiting().size());
    EXPECT_EQ(read, waiting());
}

TEST_P(PartingLosesItsVoucher, WhatWaitsIsStillWaitedFor) {
    part_and_append(std::get<1>(GetParam()));
    spoil_voucher();
    const auto voucher = disk_.before;
    spoil_pages(2, 1, 2);
    disk_.before = [voucher, pages = disk_.before](const sim::Call& call) {
        const sim::Fault fault = voucher ? voucher(call) : sim::Fault{};
        return fault.error != 0 ? fault : pages(call);
    };
    settings_.unread_reach = 1000;  // here they stay
    start();
    PlayedLog& log = adopt();
    for (const std::string& body : log.read_bodies()) EXPECT_EQ(body, padded("own", 900));
    heal();
    std::vector<std::string> read;
    for (int i = 0; i < 3; ++i) {
        clock_.advance_ms(60'000);
        for (std::string& body : log.read_bodies()) read.push_back(std::move(body));
    }
    // Behind those of its own that were read first, in another order.
    read.erase(std::remove(read.begin(), read.end(), padded("own", 900)), read.end());
    EXPECT_EQ(read, waiting());
}

// One that cannot be opened, with nothing behind it, has the whole slot wait.
INSTANTIATE_TEST_SUITE_P(Voucher, PartingLosesItsVoucher,
                         testing::Values(std::make_tuple("cannot be opened", 20),
                                         std::make_tuple("is gone", 0),
                                         std::make_tuple("is gone", 20),
                                         std::make_tuple("is blank", 0),
                                         std::make_tuple("is blank", 20)));

TEST_F(Parting, ASegmentThatCannotBeOpenedIsPartedWithAsWell) {
    kill();
    deny(segment_file_name(2));
    start();
    adopt();
    log_->release(log_->read());
    log_->read();
    log_->settle();
    log_->read();
    EXPECT_EQ(log_->totals().pending(), 0u);
    log_->writer->finish();
    heal();
    EXPECT_EQ(empty_slots(), bodies_in(2, 0, 100));
}

// What it delivered before that the old log would deliver, too.
TEST_F(Parting, NobodyTakesTheirSlotBeforeTheOldLogHasNotedIt) {
    PlayedLog& log = deliver_all_else();
    const auto pages = disk_.before;
    const std::string cursor = slot_path() + "/cursor";
    disk_.before = [&](const sim::Call& call) {
        const bool is_cursor = call.path.compare(0, cursor.size(), cursor) == 0;
        const bool changes = call.operation == Operation::create ||
                             call.operation == Operation::write ||
                             call.operation == Operation::sync;
        return is_cursor && changes ? sim::Fault{EIO} : pages(call);
    };
    log.read();
    for (int i = 0; i < 3; ++i) {
        log.settle();
        clock_.advance_ms(1'100);
    }
    ASSERT_THAT(list("/spool/bus"), SizeIs(2));
    auto slot = log.slots->adopt();
    ASSERT_TRUE(slot);
    EXPECT_FALSE(*slot);

    disk_.before = pages;
    clock_.advance_ms(1'100);
    log.settle();
    slot = log.slots->adopt();
    ASSERT_TRUE(slot);
    EXPECT_TRUE(*slot);
}

class PartingFails : public Parting, public testing::WithParamInterface<const char*> {};

// What cannot be had is not half there, and is tried again a minute later.
TEST_P(PartingFails, TheyStayAndNothingElseDoes) {
    PlayedLog& log = deliver_all_else();
    const auto pages = disk_.before;
    disk_.before = [&](const sim::Call& call) {
        const bool syncs_above =
            call.path == "/spool/bus" && call.operation == Operation::sync_directory;
        const bool is_for_it = syncs_above || call.path.find(".new") != std::string::npos ||
                               call.operation == Operation::link;
        const bool hits = is_for_it && std::string(GetParam()) == name(call.operation);
        return hits ? sim::Fault{EPERM} : pages(call);
    };
    for (int i = 0; i < 50; ++i) {
        log.read();
        log.settle();
    }
    EXPECT_EQ(log.totals().pending(), waiting().size());
    EXPECT_EQ(lines_.count("no slot of their own"), 1u);
    EXPECT_THAT(list("/spool/bus"), SizeIs(1));
    disk_.before = pages;
    clock_.advance_ms(60'000);
    log.read();
    log.settle();
    EXPECT_EQ(log.totals().pending(), 0u);
    EXPECT_THAT(list("/spool/bus"), SizeIs(2));
}

INSTANTIATE_TEST_SUITE_P(Operations, PartingFails,
                         testing::Values("create", "link", "lock", "rename", "sync",
                                         "sync directory", "open directory"));

// One that is on its way stands between two places: whoever opens the log next reads it again.
TEST_F(Parting, WhatStandsBetweenIsStillThere) {
    PlayedLog& log = restart();
    disk_.before = [](const sim::Call& call) {
        const bool is_bad = call.operation == Operation::read &&
                            call.path.find(segment_file_name(2)) != std::string::npos;
        const auto hits = [&](uint64_t first) {
            return call.offset < (first + 1) * page && call.offset + call.size > first * page;
        };
        return is_bad && (hits(1) || hits(3)) ? sim::Fault{EIO} : sim::Fault{};
    };
    std::vector<ReadRecord> read = log.read();
    const auto between = std::find_if(read.begin(), read.end(), [](const ReadRecord& each) {
        return each.end.segment == 2 && each.end.offset > 2 * page;
    });
    ASSERT_LT(between->end.offset, 3 * page);
    const std::string body(between->record.body);
    read.erase(between);
    log.release(read);
    log.read();
    log.settle();
    EXPECT_THAT(list("/spool/bus"), SizeIs(2));
    EXPECT_EQ(log.totals().pending(), 1u);
    clock_.advance_ms(1'100);
    log.settle();
    heal();
    std::vector<std::string> expected = bodies_in(2, 1, 1);
    expected.push_back(body);
    for (const std::string& each : bodies_in(2, 3, 1)) expected.push_back(each);
    EXPECT_THAT(empty_slots(), testing::UnorderedElementsAreArray(expected));
}

// Killed, or without power, in front of each of its operations.
TEST_F(Parting, IsDoneOrNotDoneAndLosesNothing) {
    struct Ends {};
    const std::vector<std::string> wanted = waiting();
    for (const bool power : {false, true}) {
        bool came_to_its_end = false;
        for (int at = 1; !came_to_its_end; ++at) {
            SCOPED_TRACE(std::to_string(at) + (power ? ", power" : ""));
            PlayedLog& log = deliver_all_else();
            clock_.advance_ms(1'100);
            log.settle();  // so that what was delivered is so for good
            log.read();
            const auto pages = disk_.before;
            int left = at;
            disk_.before = [&](const sim::Call& call) {
                if (--left == 0) {
                    if (power) disk_.lose_power();
                    files_->kill();
                    throw Ends();
                }
                return pages(call);
            };
            try {
                log.step();
                came_to_its_end = true;
            } catch (const Ends&) {
            }
            heal();
            std::vector<std::string> found = empty_slots();
            for (const std::string& body : wanted) {
                EXPECT_GE(std::count(found.begin(), found.end(), body), 1);
                EXPECT_LE(std::count(found.begin(), found.end(), body), 2);
            }
            const std::set<std::string> different(found.begin(), found.end());
            EXPECT_THAT(different, SizeIs(wanted.size()));
            kill();
            editor_.reset();  // the power was gone for it, too
            for (const std::string& slot : list("/spool/bus")) {
                auto above = std::move(*editor().open_directory("/spool/bus", false));
                auto directory = std::move(*above->open_directory(slot, false));
                const auto names = directory->list();
                for (const std::string& name : *names) {
                    ASSERT_TRUE(directory->remove(name));
                }
                ASSERT_TRUE(directory->sync());
                ASSERT_TRUE(above->remove(slot));
                ASSERT_TRUE(above->sync());
            }
            records_.clear();
            SetUp();
        }
    }
}

// Reads a file of so many bytes, some pages of which are bad.
class PagesFile final : public File {
  public:
    explicit PagesFile(uint64_t size) : size_(size) {}

    Result<size_t> read_at(uint64_t offset, void* data, size_t size) override {
        size = std::min<uint64_t>(size, size_ - std::min(size_, offset));
        if (offset < bad_to && offset + size > bad_from) {
            ++failures;
            return Error{"bad", EIO};
        }
        std::memset(data, 'x', size);
        return size;
    }
    using File::write_at;
    Status write_at(uint64_t, const std::string_view*, size_t) override { return {}; }
    Status sync() override { return {}; }
    Result<uint64_t> size() override { return size_; }

    uint64_t bad_from = 0;
    uint64_t bad_to = 0;
    int failures = 0;

  private:
    uint64_t size_;
};

TEST(PatchedFile, PatchesThePagesThatAreBad) {
    auto bad = std::make_shared<PagesFile>(10 * page + 100);
    bad->bad_from = 3 * page + 17;
    bad->bad_to = 4 * page + 1;
    PatchedFile file(bad);
    std::string bytes(20 * page, '?');
    Result<size_t> read = file.read_at(100, bytes.data(), bytes.size());
    ASSERT_TRUE(read);
    ASSERT_EQ(*read, 10 * page);
    for (size_t i = 0; i < *read; ++i) {
        const uint64_t at = (100 + i) / page;
        ASSERT_EQ(bytes[i], at == 3 || at == 4 ? '\0' : 'x') << i;
    }
    EXPECT_FALSE(file.has_hole(0, 3 * page));
    EXPECT_TRUE(file.has_hole(3 * page - 1, 3 * page + 1));
    EXPECT_TRUE(file.has_hole(4 * page, 5 * page));
    EXPECT_FALSE(file.has_hole(5 * page, 100 * page));
    EXPECT_FALSE(file.has_hole(4 * page, 4 * page));
}

TEST(PatchedFile, DoesNotTryEveryPageOfALongRun) {
    constexpr uint64_t pages = 4'096;
    auto bad = std::make_shared<PagesFile>(pages * page);
    bad->bad_to = (pages - 1) * page;
    PatchedFile file(bad);
    std::string bytes(pages * page, '?');
    for (uint64_t at = 0; at < pages; at += 16) {
        ASSERT_TRUE(file.read_at(at * page, bytes.data(), 16 * page));
    }
    EXPECT_LT(bad->failures, 150);
    EXPECT_TRUE(file.has_hole(0, page));
}

}  // namespace
}  // namespace momento::spool_test
