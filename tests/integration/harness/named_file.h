// The file by which a test tells a preloaded library what to do, named in a variable. Others
// that nginx starts are not told.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static char named_file[PATH_MAX];

static void remember_file(const char* variable) {
    const char* name = getenv(variable);
    if (name) snprintf(named_file, sizeof named_file, "%s", name);
    unsetenv("LD_PRELOAD");  // for this process only
}
