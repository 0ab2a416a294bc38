// A delivery thread that a test can hold before it looks for events: as long as the file named
// in $DELIVERY_HELD exists, it does not get through epoll_wait(). Preloaded into nginx, before
// the C library's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_flag(void) {
    remember_file("DELIVERY_HELD");
}

static int delivers(void) {
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, "momento-deliver") == 0;
}

int epoll_wait(int set, struct epoll_event* events, int most, int timeout) {
    int (*next)(int, struct epoll_event*, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    while (access(named_file, F_OK) == 0 && delivers()) usleep(5000);
    return next(set, events, most, timeout);
}
