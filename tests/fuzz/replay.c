/* replay - gives each target the files of its corpus once, with any compiler: what was found stays found.
 *
 *     replay [-v] FOLDER [NAME ...]      every file of FOLDER/NAME to target NAME; without names all of them
 *
 * A target without a file of its own fails: nobody would notice that it is never called.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

typedef int target_fn(const uint8_t *data, size_t size);

/* targets.h is made by the Makefile from the names of the files. */
#define FUZZ(name) int fuzz_##name(const uint8_t *data, size_t size);
#include "targets.h"
#undef FUZZ
#define FUZZ(name) { #name, fuzz_##name },
static const struct target {
    const char *name;
    target_fn *run;
} targets[] = {
#include "targets.h"
};
#undef FUZZ

#define FILE_MAX ((size_t)1 << 20)
static char running[600]; /* for whoever sees it die */

static void on_death(int sig)
{
    static const char words[] = "replay: died with ";

    if (write(STDERR_FILENO, words, sizeof words - 1) < 0 || write(STDERR_FILENO, running, strlen(running)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        _exit(1); /* nobody listens */
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void run_file(const struct target *t, const char *path)
{
    FILE *f = fopen(path, "re");
    char *at = malloc(FILE_MAX), *exact = NULL;
    size_t n = f && at ? fread(at, 1, FILE_MAX, f) : 0;

    PROMISE(f && at);
    (void)fclose(f);
    (void)snprintf(running, sizeof running, "%s", path);
    exact = fuzz_padded(slice_make(at, n), 0);
    free(at);
    (void)t->run((const uint8_t *)exact, n);
    free(exact);
}

/* In the order of their names, so that a run is like the one before. */
static int run_target(const struct target *t, const char *corpus, bool is_loud)
{
    struct dirent **each = NULL;
    char path[600];
    int n = 0, files = 0;

    (void)snprintf(path, sizeof path, "%s/%s", corpus, t->name);
    n = scandir(path, &each, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (each[i]->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s/%s", corpus, t->name, each[i]->d_name);
            run_file(t, path);
            files++;
        }
        free(each[i]);
    }
    free(each);
    if (is_loud || files == 0)
        printf("%s: %d inputs%s\n", t->name, files, files ? "" : ", there must be at least one");
    return files;
}

static bool is_wanted(const char *name, char **names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return n == 0;
}

int main(int argc, char **argv)
{
    bool is_loud = argc > 1 && strcmp(argv[1], "-v") == 0;
    int first = is_loud ? 2 : 1, total = 0, failed = 0, ran = 0;

    if (argc <= first) {
        fprintf(stderr, "usage: %s [-v] FOLDER [NAME ...]\n", argv[0]);
        return 2;
    }
    (void)signal(SIGABRT, on_death);
    (void)signal(SIGSEGV, on_death);
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_fd(-1);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        int files;

        if (!is_wanted(targets[i].name, argv + first + 1, argc - first - 1))
            continue;
        files = run_target(&targets[i], argv[first], is_loud);
        failed += files == 0;
        total += files;
        ran++;
    }
    printf("fuzz-corpus: %d inputs to %d targets, %d without any\n", total, ran, failed);
    return failed || ran == 0;
}
