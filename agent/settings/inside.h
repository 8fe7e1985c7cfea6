/* inside.h - what the files of settings/ share and nobody else needs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SETTINGS_INSIDE_H
#define COSMOWATCH_SETTINGS_INSIDE_H

#include "base/buf.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

/* Report each key of the map that none of the tables knows. tables: NULL-terminated. */
void settings_check_keys(const struct yaml_node *map, const struct option_spec *const *tables,
                         struct settings_errors *errors);
/* As settings_table_apply, without looking for unknown keys: for maps read by several tables. */
MUST_CHECK int settings_table_fill(const struct option_spec *specs, const struct yaml_node *node,
                                   void *self, struct settings_errors *errors);
/* The node is a map or null (then *node becomes NULL); else reported. */
bool settings_want_map(const struct yaml_node **node, struct settings_errors *errors);

/* "a whole number from 2 to 1000000", "one of json, cef": what an option accepts. */
void option_add_expectation(const struct option_spec *spec, struct buf *out);
void option_add_range(const struct option_spec *spec, struct buf *out); /* " from 1s to 1d", or nothing */
/* What a table's limits mean. */
bool option_has_min(const struct option_spec *spec);
bool option_has_max(const struct option_spec *spec);
void option_add_bytes(struct buf *out, int64_t bytes);    /* exact: "10GiB", "1500" */
void option_add_duration(struct buf *out, int64_t ms);    /* exact: "1h 30m" */

/* The tables that belong to no module (settings.c); read together with a module's own. */
extern const struct option_spec settings_top_options[];    /* struct settings */
extern const struct option_spec settings_entry_options[];  /* struct settings_entry: sources, feeds */
extern const struct option_spec settings_output_options[]; /* struct settings_entry, besides those */
extern const struct option_spec settings_detector_options[]; /* struct settings_module */

#endif
