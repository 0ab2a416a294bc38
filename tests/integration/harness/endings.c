// Threads of the module that run out of memory when a test wants it: preloaded into nginx, it
// lets all allocations of C++ fail on the first thread with the name that stands in the file
// named in $ENDING_THREADS, from then on (one alone may be survived); and the next one on a
// thread that reads or writes a record which says so.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "named_file.h"

extern void* __libc_malloc(size_t size);

static __thread int fails_next __attribute__((tls_model("initial-exec")));
static __thread int fails __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void remember_orders(void) {
    remember_file("ENDING_THREADS");
}

// The name is read without a buffer, which would be allocated.
static int is_ordered(void) {
    char wanted[16] = "";
    char name[16] = "";
    int fd = open(named_file, O_RDONLY | O_CLOEXEC);
    if (fd == -1) return 0;
    ssize_t size = read(fd, wanted, sizeof wanted - 1);
    close(fd);
    prctl(PR_GET_NAME, name);
    return size > 0 && strcmp(wanted, name) == 0 && unlink(named_file) == 0;
}

static int is_of_cpp(void* caller) {
    Dl_info info;
    return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "libstdc++") != NULL;
}

void* malloc(size_t size) {
    if (gettid() != getpid() && is_of_cpp(__builtin_return_address(0)) &&
        (fails || fails_next || (fails = is_ordered()))) {
        fails_next = 0;
        return NULL;
    }
    return __libc_malloc(size);
}

static void look(const void* data, ssize_t size, const char* word) {
    if (size > 0 && memmem(data, (size_t)size, word, strlen(word)) != NULL) fails_next = 1;
}

ssize_t pread64(int fd, void* data, size_t size, off64_t offset) {
    ssize_t done = syscall(SYS_pread64, fd, data, size, offset);
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    if (strcmp(name, "momento-deliver") == 0) look(data, done, "ends its reader");
    return done;
}

ssize_t pread(int fd, void* data, size_t size, off_t offset) {
    return pread64(fd, data, size, offset);
}

ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t offset) {
    for (int i = 0; i < count; ++i) {
        look(pieces[i].iov_base, (ssize_t)pieces[i].iov_len, "ends its writer");
    }
    return syscall(SYS_pwritev, fd, pieces, count, offset, 0L);
}

ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t offset) {
    return pwritev64(fd, pieces, count, offset);
}
