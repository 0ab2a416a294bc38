// A dead mount: preloaded into nginx. While the file named in $DEAD_MOUNT holds a path, nothing
// that looks at a file there returns: stat, open, fdatasync.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_orders(void) {
    remember_file("DEAD_MOUNT");
}

static int is_dead(const char* path) {
    char dead[PATH_MAX] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, named_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, dead, sizeof dead - 1);
    close(fd);
    return size > 0 && strncmp(path, dead, (size_t)size) == 0;
}

static void wait_for(const char* path) {
    while (is_dead(path)) usleep(5000);
}

int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    wait_for(path);
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    wait_for(path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

// What the compiler makes of a call whose flags it does not know, with _FORTIFY_SOURCE.
int __openat_2(int directory, const char* path, int flags) {
    return openat(directory, path, flags);
}

int __open_2(const char* path, int flags) {
    return open(path, flags);
}

int __openat64_2(int directory, const char* path, int flags)
    __attribute__((alias("__openat_2")));
int __open64_2(const char* path, int flags) __attribute__((alias("__open_2")));
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char* path, int flags, ...) __attribute__((alias("openat")));

int stat(const char* path, struct stat* info) {
    wait_for(path);
    return fstatat(AT_FDCWD, path, info, 0);
}

int stat64(const char* path, struct stat64* info) {
    wait_for(path);
    return fstatat64(AT_FDCWD, path, info, 0);
}

int fdatasync(int fd) {
    char link[64];
    char path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0) wait_for(path);
    return (int)syscall(SYS_fdatasync, fd);
}
