// A resolver to which every name is this machine, and which does not answer as long as the
// file named in $RESOLVER_HANGS exists: preloaded into nginx, before the C library's. It answers
// at the latest when nginx has unloaded a module, and then has time to.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_flag(void) {
    remember_file("RESOLVER_HANGS");
}

int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints,
                struct addrinfo** result) {
    int (*next)(const char*, const char*, const struct addrinfo*, struct addrinfo**) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    while (access(named_file, F_OK) == 0) usleep(5000);
    return next(node ? "127.0.0.1" : NULL, service, hints, result);
}

int dlclose(void* handle) {
    int (*next)(void*) = dlsym(RTLD_NEXT, "dlclose");
    int closed = next(handle);
    if (unlink(named_file) == 0) usleep(300000);
    return closed;
}
