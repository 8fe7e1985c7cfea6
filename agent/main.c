/* main.c - which verb? SPDX-License-Identifier: Apache-2.0 */
#include "apart/inside.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "reader_main.h"
#include "settings/errors.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_usage(FILE *to)
{
    (void)fprintf(to, "cosmowatch " COSMOWATCH_VERSION
                      " - finds attacks on Azure Cosmos DB in its logs and gets the alert to whoever acts on it\n\n"
                      "usage: cosmowatch VERB [OPTION...]\n\n");
    for (size_t i = 0; verbs_all[i]; i++)
        (void)fprintf(to, "  %-10s %s\n", verbs_all[i]->name, verbs_all[i]->summary);
    (void)fprintf(to, "\n'cosmowatch VERB --help' tells more. Exit codes: 0 fine, 1 failed, 2 usage or configuration.\n");
}

int main(int argc, char **argv)
{
    const char *names[32] = { NULL };
    const char *near = NULL;
    size_t n = 0;

    if (apart_is_asked(argc, argv))
        return reader_main();
    secrets_guard();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "version") == 0) {
        (void)puts("cosmowatch " COSMOWATCH_VERSION);
        return CLI_OK;
    }
    for (; n < 31 && verbs_all[n]; n++) {
        if (strcmp(verbs_all[n]->name, argv[1]) == 0)
            return verbs_all[n]->run(argc - 1, argv + 1);
        names[n] = verbs_all[n]->name;
    }
    near = settings_nearest(slice_of(argv[1]), names);
    (void)fprintf(stderr, "cosmowatch: unknown verb '%s'%s%s%s; see 'cosmowatch --help'\n", argv[1],
                  near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return CLI_USAGE;
}
