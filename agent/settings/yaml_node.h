/* yaml_node.h - a YAML file as a small tree that remembers where everything stood.
 *
 * libyaml reads; this keeps. One document; keys are scalars and unique; aliases are expanded (the
 * whole tree has a bound, so a "billion laughs" file is refused); tags are ignored; merge keys ("<<")
 * are refused. All scalars are text: what a text means is the option's business.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_YAML_NODE_H
#define COSMOWATCH_YAML_NODE_H

#include "base/buf.h"

struct settings_errors;

#define YAML_TEXT_MAX ((size_t)4 * 1024 * 1024)
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 100000 /* aliases expanded */
#define YAML_KEYS_MAX 4096    /* in one map */

enum yaml_node_kind { YAML_NODE_SCALAR, YAML_NODE_LIST, YAML_NODE_MAP };

struct yaml_node {
    enum yaml_node_kind kind;
    bool is_plain;           /* a scalar without quotes: may mean null */
    const char *file;
    int line, column;        /* of the value, from 1; of the alias when it came by one */
    struct slice text;       /* of a scalar; NUL-terminated */
    struct slice key;        /* in a map; NUL-terminated */
    int key_line, key_column;
    size_t place;            /* among its siblings, from 0 */
    const struct yaml_node *parent;      /* NULL: the root */
    const struct yaml_node *first, *next;/* children; siblings */
    size_t len;              /* number of children */
};

struct yaml_tree; /* owns all its nodes */

/* Reads `text` (borrowed for the call). An empty text is an empty root. -1: see errors. */
MUST_CHECK int yaml_tree_parse(struct slice text, const char *file, struct yaml_tree **ret,
                               struct settings_errors *errors);
void yaml_tree_free(struct yaml_tree *t);
void yaml_tree_freep(struct yaml_tree **t);
const struct yaml_node *yaml_tree_root(const struct yaml_tree *t); /* never NULL */

/* The child under key, or NULL. */
const struct yaml_node *yaml_node_get(const struct yaml_node *map, const char *key);
/* Nothing was written: "", "~", "null" without quotes. */
bool yaml_node_is_null(const struct yaml_node *n);
const char *yaml_node_kind_name(const struct yaml_node *n); /* "text", "a list", "a map" */
void yaml_node_add_path(const struct yaml_node *n, struct buf *out); /* outputs[0].auth.type; root: "" */
/* ERR_CONFIG "file:line:column: ..." for modules that read a node of their own; returns -1. */
int yaml_node_refuse(const struct yaml_node *n, struct error *err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
