// An event loop that a test can hold before it looks for events, as a machine without a free
// processor does: as long as the file named in $EVENTS_HELD exists, a process's first thread
// does not get through epoll_wait(). "NAME.held" is made once it stands there. Preloaded into
// nginx, before the C library's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "named_file.h"

static char held[PATH_MAX + sizeof ".held"];

__attribute__((constructor)) static void remember_flag(void) {
    remember_file("EVENTS_HELD");
    snprintf(held, sizeof held, "%s.held", named_file);
}

int epoll_wait(int set, struct epoll_event* events, int most, int timeout) {
    int (*next)(int, struct epoll_event*, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    while (gettid() == getpid() && access(named_file, F_OK) == 0) {
        close(open(held, O_CREAT | O_CLOEXEC, 0644));
        usleep(5000);
    }
    return next(set, events, most, timeout);
}
