// A system without a thread to give as long as the file named in $THREADS_REFUSED exists:
// preloaded into nginx, before the C library's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char flag[PATH_MAX];

__attribute__((constructor)) static void remember_flag(void) {
    const char* name = getenv("THREADS_REFUSED");
    if (name) snprintf(flag, sizeof flag, "%s", name);
    unsetenv("LD_PRELOAD");  // for this process only
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
    int (*next)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) =
        dlsym(RTLD_NEXT, "pthread_create");
    if (access(flag, F_OK) == 0) return EAGAIN;
    return next(thread, attributes, start, argument);
}
