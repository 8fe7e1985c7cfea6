/* fuzz.c - see fuzz.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "base/log.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static pid_t owner;

static void remove_folder(void)
{
    DIR *d = getpid() == owner ? opendir(folder) : NULL;
    char path[400];

    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        (void)unlink(path); /* "." and ".." stay */
    }
    if (d) {
        closedir(d);
        (void)rmdir(folder);
    }
}

const char *fuzz_folder(void)
{
    struct stat st;

    if (!folder[0]) {
        (void)snprintf(folder, sizeof folder, "%s/cosmowatch-fuzz-XXXXXX", stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp");
        PROMISE(mkdtemp(folder));
        owner = getpid();
        (void)atexit(remove_folder);
    }
    return folder;
}

const char *fuzz_file(const char *name, struct slice bytes)
{
    static char path[160];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PROMISE(fd >= 0 && write(fd, bytes.at ? bytes.at : "", bytes.len) == (ssize_t)bytes.len);
    (void)close(fd);
    return path;
}

/* tests/kit asserts with Check, which must not be asked outside of its tests. */
void _mark_point(const char *file UNUSED, int line UNUSED)
{
}

void _ck_assert_failed(const char *file, int line, const char *claim, const char *words UNUSED, ...)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, claim);
    abort();
}

#ifdef COSMOWATCH_LIBFUZZER
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    log_set_fd(-1);
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}
#endif
