#include "gateway/engine.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "delivery/loop.h"
#include "destination/letter_queue.h"
#include "gateway/build_watch.h"
#include "gateway/channel.h"
#include "gateway/orphans.h"
#include "gateway/queue_note.h"
#include "gateway/record_pool.h"
#include "gateway/refusals.h"
#include "gateway/seated_log.h"
#include "gateway/secret_feed.h"
#include "spool/planted.h"
#include "spool/slots.h"

namespace momento {
namespace {

constexpr int64_t adoption_interval_us = 1'000'000;
constexpr int64_t hasty_adoption_interval_us = 250'000;  // while there are slots to adopt
constexpr int64_t transfers_limit_us = 1'500'000;        // of an end
constexpr int64_t end_wait_ms = 10;

}  // namespace

class Engine::Impl {
  public:
    Impl(std::shared_ptr<const GatewaySettings> settings, EngineTools tools,
         std::vector<DestinationMetrics*> metrics)
        : settings_(std::move(settings)),
          tools_(std::move(tools)),
          metrics_(std::move(metrics)),
          secrets_(
              settings_, {tools_.clock, tools_.random, tools_.logger, tools_.http, errands()},
              tools_.secrets_made_elsewhere, tools_.wake_event_loop, tools_.secrets_said_once),
          loop_({tools_.clock, tools_.random, tools_.logger, tools_.http, tools_.process,
                 [](const Log& log) { set_aside(log); }}) {
        if (tools_.orphans != nullptr) {
            orphans_.emplace(settings_, *tools_.files, *tools_.clock, *tools_.logger,
                             *tools_.orphans, errands());
        }
        if (tools_.webhooks != nullptr) {
            refusals_.emplace(settings_->webhooks, *tools_.webhooks, *tools_.clock,
                              *tools_.logger);
        }
        if (tools_.other_build != nullptr) {
            build_.emplace(loaded_build(), *tools_.clock, *tools_.logger, *tools_.other_build,
                           errands());
        }
        auto letter_slots = make_slots(dead_letter_directory, 0);
        for (size_t i = 0; i < settings_->destinations.size(); ++i) {
            add_destination(settings_->destinations[i], metrics_.at(i), letter_slots);
        }
        for (size_t i = 0; i < rooms_.size(); ++i) add_letter_queue(i);
        letter_slots_ = std::move(letter_slots);
    }

    ~Impl() { retire_writers(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    RecordBuffer new_record(size_t expected_body) { return records_.take(expected_body); }

    void append(size_t destination, RecordBuffer record, std::unique_ptr<Waiter>&& waiter) {
        rooms_.at(destination).events->append(std::move(record), std::move(waiter));
    }

    void append_letter(size_t destination, RecordBuffer record,
                       std::unique_ptr<Waiter>&& waiter) {
        rooms_.at(destination).letters->append(std::move(record), std::move(waiter));
    }

    void watch(size_t destination) { rooms_.at(destination).events->watch(); }

    void forget(size_t destination, uint64_t sequence) {
        rooms_.at(destination).events->forget(sequence);
    }

    template <class Action>
    void for_each_channel(Action action) {
        for (Room& room : rooms_) {
            action(*room.events);
            action(*room.letters);
        }
    }

    void want_secret(size_t source) { secrets_.want(source); }
    void collect_secrets() { secrets_.collect(tools_.take_secret); }

    void step_delivery(int64_t max_wait_ms) {
        if (errands_) errands_->step();
        const int64_t now = tools_.clock->steady_us();
        if (tools_.stepped_us != nullptr) *tools_.stepped_us = static_cast<uint64_t>(now);
        if (now >= next_adoption_us_) {
            next_adoption_us_ = now + adoption_interval_us;
            if (may_adopt()) {
                note_queues();
                adopt_all();
            }
            for_each_channel([](Channel& channel) { channel.log()->insist(); });
            for (const auto& adopted : adopted_) adopted->insist();
            report_unopened();
            if (refusals_) refusals_->step();
            if (orphans_) orphans_->step();
            if (build_) build_->step();
        }
        secrets_.step();
        const int64_t left_us = std::max<int64_t>(next_adoption_us_ - now, 0);
        max_wait_ms = std::min(max_wait_ms, (left_us + 999) / 1000);
        loop_.step(secrets_.wait_ms(max_wait_ms));
        for (const std::shared_ptr<Log>& log : loop_.take_drained()) release(log);
    }

    bool step_end(int64_t sending_us) {
        if (errands_) errands_->step();
        const int64_t now = tools_.clock->steady_us();
        if (!end_us_) {
            end_us_ = now;
            secrets_.stop();
            loop_.hurry();
        }
        if (!has_stopped_) {
            loop_.step(end_wait_ms);
            const int64_t until_us = *end_us_ + sending_us;
            if (now < until_us && !loop_.is_done(until_us)) return true;
            has_stopped_ = true;
            loop_.stop_sending();
            return true;
        }
        if (!loop_.idle() && now < *end_us_ + transfers_limit_us) {
            loop_.step(end_wait_ms);
            return true;
        }
        tools_.http->cancel_all();
        loop_.step(0);  // posts the last releases
        retire_writers();
        return false;
    }

    void retire_writers() {
        for_each_channel([](Channel& channel) { channel.log()->retire(); });
        for (const auto& adopted : adopted_) adopted->retire();
    }

    void set_file_descriptor(size_t destination, int descriptor) {
        rooms_.at(destination).destination->set_descriptor(descriptor);
    }

    LogNumbers numbers(size_t destination) const {
        return rooms_.at(destination).events->log()->numbers();
    }

    void wake() { loop_.wake(); }

  private:
    struct Room {
        std::shared_ptr<Slots> slots;
        bool is_adopting = false;  // an errand is under way
        std::shared_ptr<Destination> destination;
        std::unique_ptr<Channel> events;
        std::unique_ptr<Channel> letters;
    };

    struct LetterQueue {
        std::string name;  // in the delivery loop
        std::shared_ptr<const SpoolSettings> settings;
    };

    // Null: without a crew all is done in place.
    Errands* errands() {
        if (tools_.crew == nullptr) return nullptr;
        if (!errands_) {
            errands_.emplace(*tools_.clock, *tools_.logger, *tools_.crew,
                             [http = tools_.http] { http->wake(); });
        }
        return &*errands_;
    }

    DestinationTools destination_tools(BusCell* bus) {
        DestinationTools tools{tools_.clock, tools_.logger, tools_.http, tools_.random};
        tools.errands = errands();
        tools.files = tools_.files;
        tools.bus = bus;
        tools.spool = &settings_->spool;
        return tools;
    }

    std::shared_ptr<Slots> make_slots(const std::string& directory, int64_t retain_ms) {
        std::function<bool(const std::string&)> is_set_aside;
        if (tools_.is_set_aside) {
            is_set_aside = [ask = tools_.is_set_aside, directory](const std::string& slot) {
                return ask(directory, slot);
            };
        }
        auto slots =
            std::make_shared<Slots>(settings_->spool.path, directory, *tools_.files,
                                    *tools_.random, *tools_.logger, std::move(is_set_aside));
        slots->tidy_with({tools_.clock, retain_ms, make_publisher(tools_, directory, true)});
        if (SlotTable* table = tools_.slots) {
            slots->on_blocked = [table, directory](const std::string& slot, uint64_t events) {
                table->publish_blocked(directory, slot, events);
            };
        }
        return slots;
    }

    std::shared_ptr<const SpoolSettings> spool_settings(
        const DestinationSettings& destination) const {
        auto settings = std::make_shared<SpoolSettings>(settings_->spool);
        settings->retain_ms = destination.retain_ms;
        return settings;
    }

    void add_destination(const DestinationSettings& settings, DestinationMetrics* metrics,
                         const std::shared_ptr<Slots>& letter_slots) {
        Room room;
        room.slots = make_slots(settings.name, settings.retain_ms);
        room.destination = settings.kind->make(settings, destination_tools(&metrics->bus));
        room.events = std::make_unique<Channel>(
            SeatedLog::make(spool_settings(settings), room.slots, nullptr, tools_, metrics),
            tools_.wake_event_loop, records_, false);

        room.letters = std::make_unique<Channel>(
            SeatedLog::make(letter_settings(settings), letter_slots, nullptr, tools_, nullptr),
            tools_.wake_event_loop, records_, true);

        DeliverySettings delivery;
        delivery.name = settings.name;
        delivery.linger_ms = settings.linger_ms;
        delivery.retry = settings.retry;
        loop_.add_destination(delivery, room.destination, room.letters->log(), metrics);
        loop_.add_log(settings.name, room.events->log());
        rooms_.push_back(std::move(room));
    }

    std::shared_ptr<const SpoolSettings> letter_settings(
        const DestinationSettings& destination) const {
        auto settings = std::make_shared<SpoolSettings>(settings_->spool);
        settings->size = destination.dead_letter_size;
        settings->size_named =
            "\"size=\" of \"dead_letter\": \"momentoctl dead ls\" shows "
            "what there is, \"dead redrive\" and \"dead rm\" make room";
        settings->retain_ms = 0;
        return settings;
    }

    // A queue takes letters as a destination takes events. Every log of letters is read for
    // it: a slot that was used before may hold letters of any destination.
    void add_letter_queue(size_t index) {
        const DestinationSettings& settings = settings_->destinations[index];
        auto queue = make_letter_queue(settings, destination_tools(nullptr));
        if (!queue) return;
        DeliverySettings delivery;
        delivery.name = std::string(dead_letter_directory) + '/' + settings.name;
        delivery.subject = "dead-letter queue of destination \"" + settings.name + '"';
        loop_.add_destination(delivery, std::move(queue), rooms_[index].letters->log(),
                              nullptr);
        loop_.add_log(delivery.name, rooms_[index].letters->log());
        for (size_t i = 0; i < rooms_.size(); ++i) {
            if (i != index) loop_.add_log(delivery.name, rooms_[i].letters->log());
        }
        letter_queues_.push_back({delivery.name, letter_settings(settings)});
    }

    using FreeSlot = Result<std::unique_ptr<Slot>>;

    // Looks for a free slot: reads all of one that it finds, and a destination's directory may
    // be on a disk of its own. Without `adopts` it only tidies up. `is_looking` until then.
    void look_for_slot(const std::shared_ptr<Slots>& slots, bool& is_looking, bool adopts,
                       std::function<void(std::unique_ptr<Slot>)> use) {
        if (std::exchange(is_looking, true)) return;
        run_elsewhere<FreeSlot>(
            errands(),
            {"adoption",
             "a look at \"" + settings_->spool.path + '/' + slots->destination() + '"',
             "events that other workers left there wait; look whether its disk is there, and "
             "fast enough"},
            [slots, adopts]() -> FreeSlot {
                if (adopts) return slots->adopt();
                slots->tidy();
                return std::unique_ptr<Slot>();
            },
            [this, &is_looking, use = std::move(use)](FreeSlot slot) {
                is_looking = planted(Bug::adoption_given_up);
                // Slots report their own errors, once each. One that comes too late is free
                // again.
                if (slot && *slot && may_adopt()) use(std::move(*slot));
            });
    }

    bool may_adopt() const { return !end_us_ && !(tools_.is_exiting && tools_.is_exiting()); }

    // Letters that another process left, one free slot a second. Those that no queue takes
    // keep their slot here as long as this process lives.
    void adopt_letters(std::unique_ptr<Slot> slot) {
        look_again_soon();
        auto log = SeatedLog::make(letter_queues_.front().settings, letter_slots_,
                                   std::move(slot), tools_, nullptr);
        for (const LetterQueue& queue : letter_queues_) loop_.add_log(queue.name, log);
        log->wake();  // opens the slot
        adopted_.push_back(std::move(log));
    }

    // A log that cannot be opened has no slot that would tell.
    void report_unopened() {
        for (size_t i = 0; i < rooms_.size(); ++i) {
            const LogNumbers log = numbers(i);
            const bool is_open = log.bytes > 0;
            metrics_[i]->unopened.parts[tools_.process] = log.failing && !is_open ? 1 : 0;
        }
    }

    // Tried again until it is done; said once if it cannot be.
    void note_queues() {
        if (queues_noted_ || settings_->spool.path.empty()) return;
        if (std::exchange(is_noting_, true)) return;
        std::vector<LetterForm> forms;
        for (const DestinationSettings& settings : settings_->destinations) {
            if (auto form = letter_form(settings)) forms.push_back(*std::move(form));
        }
        const bool has_queues = !forms.empty();
        run_elsewhere<Result<bool>>(
            errands(),
            {"a note of the dead-letter queues", "the disk of \"" + settings_->spool.path + '"',
             "\"momentoctl drain\" does not know of them; look whether it is there, and fast "
             "enough"},
            [files = tools_.files, spool = settings_->spool.path, forms = std::move(forms)] {
                return write_queue_note(*files, spool, forms);
            },
            [this, has_queues](const Result<bool>& noted) { take_note(noted, has_queues); });
    }

    void take_note(const Result<bool>& noted, bool has_queues) {
        is_noting_ = false;
        queues_noted_ = noted && *noted;
        if (noted || !has_queues || std::exchange(queues_reported_, true)) return;
        tools_.logger->write(Severity::error,
                             "\"momentoctl drain\" will not know of dead letters that are to "
                             "be moved to a queue: " +
                                 noted.error().text);
    }

    // One free slot of each destination at a time: what another process left is drained here.
    void adopt_all() {
        for (size_t i = 0; i < rooms_.size(); ++i) {
            look_for_slot(rooms_[i].slots, rooms_[i].is_adopting, true,
                          [this, i](std::unique_ptr<Slot> slot) { adopt(i, std::move(slot)); });
        }
        look_for_slot(letter_slots_, is_adopting_letters_, !letter_queues_.empty(),
                      [this](std::unique_ptr<Slot> slot) { adopt_letters(std::move(slot)); });
    }

    void look_again_soon() {
        next_adoption_us_ = tools_.clock->steady_us() + hasty_adoption_interval_us;
    }

    // The first one becomes this process's own log, if there is none yet: what comes goes on
    // where the other process has stopped.
    void adopt(size_t index, std::unique_ptr<Slot> slot) {
        const std::string& name = settings_->destinations[index].name;
        tools_.logger->write(Severity::notice, "adopting slot \"" + slot->name +
                                                   "\" of destination \"" + name + "\"");
        look_again_soon();
        if (rooms_[index].events->log()->begin_with(slot)) return;
        auto log =
            SeatedLog::make(spool_settings(settings_->destinations[index]), rooms_[index].slots,
                            std::move(slot), tools_, metrics_[index]);
        loop_.add_log(name, log);
        log->wake();  // opens the slot
        adopted_.push_back(std::move(log));
    }

    // Whoever reads a log here was given one of these.
    static void set_aside(const Log& log) { static_cast<const SeatedLog&>(log).set_aside(); }

    // One of its queues found nothing left in it. Another one may have its letters under way:
    // who lets go last ends its writer.
    void release(const std::shared_ptr<Log>& log) {
        if (loop_.reads(*log)) return;
        const auto drained = std::find(adopted_.begin(), adopted_.end(), log);
        if (drained == adopted_.end()) return;
        (*drained)->retire();
        adopted_.erase(drained);
    }

    const std::shared_ptr<const GatewaySettings> settings_;
    const EngineTools tools_;
    const std::vector<DestinationMetrics*> metrics_;
    std::optional<Errands> errands_;  // nothing: in place
    RecordPool records_;
    std::vector<Room> rooms_;
    SecretFeed secrets_;
    DeliveryLoop loop_;

    std::vector<LetterQueue> letter_queues_;
    std::shared_ptr<Slots> letter_slots_;

    // Delivery thread only.
    std::vector<std::shared_ptr<SeatedLog>> adopted_;
    std::optional<OrphanSurvey> orphans_;
    std::optional<BuildWatch> build_;
    std::optional<Refusals> refusals_;
    int64_t next_adoption_us_ = 0;
    bool is_adopting_letters_ = false;  // an errand is under way
    bool is_noting_ = false;            // likewise
    bool queues_noted_ = false;         // as this configuration has them
    bool queues_reported_ = false;
    std::optional<int64_t> end_us_;  // when it began
    bool has_stopped_ = false;       // sending
};

Engine::Engine(std::shared_ptr<const GatewaySettings> settings, EngineTools tools,
               std::vector<DestinationMetrics*> metrics)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(tools), std::move(metrics))) {
}

Engine::~Engine() = default;

RecordBuffer Engine::new_record(size_t expected_body) {
    return impl_->new_record(expected_body);
}

void Engine::append(size_t destination, RecordBuffer record, std::unique_ptr<Waiter>&& waiter) {
    impl_->append(destination, std::move(record), std::move(waiter));
}

void Engine::append_letter(size_t destination, RecordBuffer record,
                           std::unique_ptr<Waiter>&& waiter) {
    impl_->append_letter(destination, std::move(record), std::move(waiter));
}

void Engine::watch(size_t destination) {
    impl_->watch(destination);
}

void Engine::forget(size_t destination, uint64_t sequence) {
    impl_->forget(destination, sequence);
}

// What one destination has no memory for keeps no other one's records back.
void Engine::flush() {
    std::exception_ptr trouble;
    impl_->for_each_channel([&trouble](Channel& channel) {
        try {
            channel.flush();
        } catch (const std::exception&) {
            trouble = std::current_exception();
        }
    });
    if (trouble) std::rethrow_exception(trouble);
}

void Engine::collect() {
    impl_->collect_secrets();
    impl_->for_each_channel([](Channel& channel) { channel.collect(); });
}

void Engine::want_secret(size_t source) {
    impl_->want_secret(source);
}

void Engine::give_up() {
    impl_->for_each_channel([](Channel& channel) { channel.give_up(); });
}

void Engine::step_delivery(int64_t max_wait_ms) {
    impl_->step_delivery(max_wait_ms);
}
bool Engine::step_end(int64_t sending_us) {
    return impl_->step_end(sending_us);
}
void Engine::wake_delivery() {
    impl_->wake();
}
void Engine::retire_writers() {
    impl_->retire_writers();
}

void Engine::set_file_descriptor(size_t destination, int descriptor) {
    impl_->set_file_descriptor(destination, descriptor);
}

LogNumbers Engine::numbers(size_t destination) const {
    return impl_->numbers(destination);
}

}  // namespace momento
