/* check.h - the work of `cosmowatch check`, for those who check what they have written.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CLI_CHECK_H
#define COSMOWATCH_CLI_CHECK_H

#include "base/base.h"

struct check_result {
    int bad, bad_sources; /* findings that fail */
    bool has_places;      /* a workspace says where addresses are */
};

/* Says what it finds on standard output, mistakes of the file on standard error. An exit code of cli.h: CLI_OK also when
 * something does not answer, which `ret` tells. */
int check_config(const char *config, bool is_online, bool is_json, struct check_result *ret);

#endif
