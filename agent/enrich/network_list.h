/* network_list.h - `networks:` of the configuration: what the operator says about addresses, inline or in CSV files.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_NETWORK_LIST_H
#define COSMOWATCH_NETWORK_LIST_H

#include "enrich/networks.h"
#include "settings/errors.h"

struct yaml_node;

/* Reads a CSV file that the list names into t; -1 with a sentence. */
struct network_files {
    void *self;
    int (*read)(void *self, const char *path, struct network_table *t, struct error *err);
};

/* NULL or empty list: an empty table. Every mistake goes into errors with its place; then -1. */
MUST_CHECK int network_list_read(const struct yaml_node *list, const struct network_files *files,
                                 struct network_table **ret, struct settings_errors *errors);

#endif
