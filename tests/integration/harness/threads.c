// A system without a thread to give as long as the file named in $THREADS_REFUSED exists:
// preloaded into nginx, before the C library's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_flag(void) {
    remember_file("THREADS_REFUSED");
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
    int (*next)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) =
        dlsym(RTLD_NEXT, "pthread_create");
    if (access(named_file, F_OK) == 0) return EAGAIN;
    return next(thread, attributes, start, argument);
}
