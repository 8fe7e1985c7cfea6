/* log_kit.h - the log into a file, for tests that ask what was said and how often. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_LOG_KIT_H
#define COSMOWATCH_TEST_LOG_KIT_H

#include "base/log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char log_path[128];

/* From now on: `folder`/log. */
static UNUSED void log_to(const char *folder)
{
    FILE *f = NULL;

    (void)snprintf(log_path, sizeof log_path, "%s/log", folder);
    f = fopen(log_path, "w");
    ck_assert_ptr_nonnull(f);
    log_set_fd(dup(fileno(f)));
    (void)fclose(f);
}

/* Lines of the log, those that it folded into one counted. */
static UNUSED int lines_with(const char *text)
{
    FILE *f = fopen(log_path, "r");
    char line[2000];
    int n = 0;

    log_flush_repeats();
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        const char *folded = strstr(line, " repeated=");

        if (strstr(line, text))
            n += folded ? (int)strtol(folded + 10, NULL, 10) : 1;
    }
    (void)fclose(f);
    return n;
}

#endif
