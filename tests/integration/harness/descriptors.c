// A process that may have no more descriptors as long as the file named in
// $DESCRIPTORS_REFUSED exists: preloaded into nginx, it fails to duplicate one.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_flag(void) {
    remember_file("DESCRIPTORS_REFUSED");
}

int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    if (command == F_DUPFD_CLOEXEC && access(named_file, F_OK) == 0) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));
