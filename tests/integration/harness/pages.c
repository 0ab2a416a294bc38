// A disk with a bad place: preloaded into nginx. While the file named in $BAD_PAGES holds an
// inode's number and two offsets, nothing between them can be read of that file (EIO).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_orders(void) {
    remember_file("BAD_PAGES");
}

static int is_bad(int file, off_t from, size_t size) {
    char orders[100] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, named_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = read(fd, orders, sizeof orders - 1);
    close(fd);
    unsigned long long inode;
    long long bad_from;
    long long bad_to;
    struct stat info;
    return length > 0 && sscanf(orders, "%llu %lld %lld", &inode, &bad_from, &bad_to) == 3 &&
           fstat(file, &info) == 0 && info.st_ino == inode && from < bad_to &&
           from + (off_t)size > bad_from;
}

ssize_t pread(int fd, void* data, size_t size, off_t offset) {
    if (is_bad(fd, offset, size)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t pread64(int fd, void* data, size_t size, off64_t offset)
    __attribute__((alias("pread")));

// What the compiler makes of a call into memory whose size it knows, with _FORTIFY_SOURCE.
ssize_t __pread_chk(int fd, void* data, size_t size, off_t offset, size_t room) {
    (void)room;
    return pread(fd, data, size, offset);
}

ssize_t __pread64_chk(int fd, void* data, size_t size, off_t offset, size_t room)
    __attribute__((alias("__pread_chk")));
