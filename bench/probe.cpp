// What a durable answer cannot do without, one at a time: a record's write and fdatasync,
// and a hand-over to another thread and back, as between event loop and writer. Prints the
// medians in microseconds as JSON.
//
// Usage: probe FILE [COUNT]      FILE is made, and removed
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace momento {
namespace {

constexpr size_t file_size = 16u << 20;
constexpr size_t record_size = 640;  // of an event of 400 bytes

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

double median_us(size_t count, const std::function<void(size_t)>& once) {
    std::vector<double> times;
    for (size_t i = 0; i < count; ++i) {
        const auto start = std::chrono::steady_clock::now();
        once(i);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        times.push_back(took.count());
    }
    std::nth_element(times.begin(), times.begin() + static_cast<long>(count / 2), times.end());
    return times[count / 2];
}

double sync_us(const char* path, size_t count) {
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(path);
    // Written ahead, as segments are: a sync is of data only.
    const std::string zeros(file_size, '\0');
    if (pwrite(file, zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()) ||
        fsync(file) != 0) {
        fail(path);
    }
    const std::string record(record_size, 'x');
    const double us = median_us(count, [&](size_t i) {
        const auto offset = static_cast<off_t>(i * record_size % (file_size - record_size));
        if (pwrite(file, record.data(), record.size(), offset) < 0 || fdatasync(file) != 0) {
            fail(path);
        }
    });
    close(file);
    unlink(path);
    return us;
}

double hand_over_us(size_t count) {
    std::mutex mutex;
    std::condition_variable asked;
    size_t asks = 0;
    const int answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    if (answered < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, answered, &event) != 0) fail("epoll");

    std::thread writer([&] {
        for (size_t i = 0; i < count; ++i) {
            std::unique_lock lock(mutex);
            asked.wait(lock, [&] { return asks > i; });
            lock.unlock();
            const uint64_t one = 1;
            if (write(answered, &one, sizeof one) != sizeof one) fail("eventfd");
        }
    });
    const double us = median_us(count, [&](size_t) {
        {
            const std::lock_guard lock(mutex);
            ++asks;
        }
        asked.notify_one();
        uint64_t value;
        if (epoll_wait(epoll, &event, 1, -1) != 1 || read(answered, &value, sizeof value) < 0) {
            fail("eventfd");
        }
    });
    writer.join();
    return us;
}

}  // namespace
}  // namespace momento

int main(int argc, char** argv) {
    const size_t count = argc > 2 ? static_cast<size_t>(std::atol(argv[2])) : 3'000;
    if (argc < 2 || count == 0) {
        std::fprintf(stderr, "usage: probe FILE [COUNT]\n");
        return 2;
    }
    const double sync = momento::sync_us(argv[1], count);
    std::printf("{\"sync_us\":%.1f,\"hand_over_us\":%.1f}\n", sync,
                momento::hand_over_us(count));
}
