// A clock that a test can put forward: preloaded into nginx, it adds the seconds that stand in
// the file $CLOCK_AHEAD (a double, in shared memory) to CLOCK_MONOTONIC. nginx's own timers
// have another clock, and so has the machine.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile double* ahead;
static int (*real_gettime)(clockid_t, struct timespec*);
static int (*real_wait)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*);
static int (*real_semaphore_wait)(sem_t*, clockid_t, const struct timespec*);

__attribute__((constructor)) static void find_clock(void) {
    real_wait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    real_semaphore_wait = dlsym(RTLD_NEXT, "sem_clockwait");
    const char* name = getenv("CLOCK_AHEAD");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void* page = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) ahead = page;
        close(fd);
    }
    unsetenv("LD_PRELOAD");  // for this process only
}

static struct timespec add(struct timespec time, double seconds) {
    const long nanoseconds = time.tv_nsec + (long)((seconds - (long)seconds) * 1e9);
    time.tv_sec += (long)seconds + (nanoseconds >= 1000000000) - (nanoseconds < 0);
    time.tv_nsec = (nanoseconds + 1000000000) % 1000000000;
    return time;
}

int clock_gettime(clockid_t id, struct timespec* time) {
    // Others' constructors ask before ours has run.
    if (!real_gettime) real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const int failed = real_gettime(id, time);
    if (!failed && id == CLOCK_MONOTONIC && ahead) *time = add(*time, *ahead);
    return failed;
}

// The kernel has a clock of its own: what is until a time of ours ends when it comes there.
static struct timespec kernels(clockid_t id, const struct timespec* until) {
    return id == CLOCK_MONOTONIC && ahead ? add(*until, -*ahead) : *until;
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t id,
                           const struct timespec* until) {
    const struct timespec time = kernels(id, until);
    return real_wait(condition, mutex, id, &time);
}

int sem_clockwait(sem_t* semaphore, clockid_t id, const struct timespec* until) {
    const struct timespec time = kernels(id, until);
    return real_semaphore_wait(semaphore, id, &time);
}
