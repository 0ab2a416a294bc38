// A disk that fails or hangs as a test says: preloaded into nginx, it stands between the
// spool and the kernel. The file named in $DISK_ORDERS says what happens to every write and
// sync of a file in a directory "spool": nothing if it is empty or missing, the errno that
// stands in it, or no return until it says something else ("hang").
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "named_file.h"

__attribute__((constructor)) static void remember_orders(void) {
    remember_file("DISK_ORDERS");
}

static int read_order(void) {
    char text[16] = "";
    FILE* file = fopen(named_file, "re");
    if (!file) return 0;
    if (!fgets(text, sizeof text, file)) text[0] = '\0';
    fclose(file);
    return strncmp(text, "hang", 4) == 0 ? -1 : atoi(text);
}

static int refused(int fd) {
    char link[64];
    char path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0 || !strstr(path, "/spool/")) return 0;
    int order;
    while ((order = read_order()) == -1) usleep(5000);
    errno = order;
    return order != 0;
}

int fdatasync(int fd) {
    return refused(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    return refused(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t offset) {
    return refused(fd) ? -1 : syscall(SYS_pwritev, fd, pieces, count, offset, 0L);
}

ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t offset) {
    return pwritev(fd, pieces, count, offset);
}
