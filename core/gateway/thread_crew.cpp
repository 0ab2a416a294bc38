#include "gateway/thread_crew.h"

#include <utility>

namespace momento {

bool ThreadCrew::take(std::function<void()> work) {
    {
        const std::lock_guard lock(desk_->mutex);
        if (desk_->is_retired) return false;
        if (desk_->works.size() < desk_->waiting) {
            desk_->works.push_back(std::move(work));
            desk_->bell.notify_one();
            return true;
        }
    }
    // It lets go of what it used, as later ones do.
    return threads_.start("momento-files", [desk = desk_, first = std::move(work)]() mutable {
        std::exchange(first, nullptr)();
        serve(*desk);
    });
}

void ThreadCrew::retire() {
    const std::lock_guard lock(desk_->mutex);
    desk_->is_retired = true;
    desk_->bell.notify_all();
}

void ThreadCrew::serve(Desk& desk) {
    std::unique_lock lock(desk.mutex);
    for (;;) {
        ++desk.waiting;
        desk.bell.wait(lock, [&desk] { return desk.is_retired || !desk.works.empty(); });
        --desk.waiting;
        if (desk.works.empty()) return;
        std::function<void()> work = std::move(desk.works.front());
        desk.works.pop_front();
        lock.unlock();
        std::exchange(work, nullptr)();
        lock.lock();
    }
}

}  // namespace momento
