/* yaml_node.c - see yaml_node.h. libyaml's own document loader expands nothing and bounds nothing, so
 * its events are read here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/yaml_node.h"

#include "base/arena.h"
#include "settings/errors.h"

#include <stdlib.h>
#include <yaml.h>

#define ANCHORS_MAX 256
#define TREE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct yaml_tree {
    struct arena arena;
    struct yaml_node *root;
};

struct anchor {
    const char *name; /* in the arena */
    const struct yaml_node *node;
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    const char *file;
    struct settings_errors *errors;
    struct anchor anchors[ANCHORS_MAX];
    size_t anchors_len, nodes;
};

/* ---- small things ----------------------------------------------------------------------------- */

static int mark_line(yaml_mark_t mark)
{
    return mark.line < INT32_MAX ? (int)mark.line + 1 : INT32_MAX;
}

static int mark_column(yaml_mark_t mark)
{
    return mark.column < INT32_MAX ? (int)mark.column + 1 : INT32_MAX;
}

static int PRINTF_LIKE(3, 4) refuse(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
    char text[240];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    settings_errors_add_at(r->errors, r->file, mark_line(mark), mark_column(mark), "%s", text);
    return -1;
}

static int refuse_nomem(struct reader *r, yaml_mark_t mark)
{
    return refuse(r, mark, "the file needs more than %zu MiB of memory", TREE_BYTES_MAX >> 20);
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* libyaml's complaint, with the place where it began when that helps. */
static int refuse_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;

    if (p->error == YAML_MEMORY_ERROR)
        return refuse_nomem(r, p->mark);
    if (p->error == YAML_READER_ERROR) { /* it counts bytes here, not lines */
        settings_errors_add_at(r->errors, r->file, mark_line(p->mark), mark_column(p->mark),
                               "not UTF-8 text: %s (byte %zu of the file)", or_empty(p->problem),
                               p->problem_offset);
        return -1;
    }
    if (p->context && p->context_mark.line != p->problem_mark.line)
        return refuse(r, p->problem_mark, "%s, %s that began at line %d", or_empty(p->problem),
                      p->context, mark_line(p->context_mark));
    if (p->context)
        return refuse(r, p->problem_mark, "%s, %s", or_empty(p->problem), p->context);
    return refuse(r, p->problem_mark, "%s", or_empty(p->problem));
}

static int next_event(struct reader *r, yaml_event_t *ret)
{
    if (!yaml_parser_parse(&r->parser, ret))
        return refuse_syntax(r);
    return 0;
}

static struct slice scalar_text(const yaml_event_t *e)
{
    const void *at = e->data.scalar.value;

    return slice_make(at, e->data.scalar.length);
}

static struct yaml_node *node_new(struct reader *r, yaml_mark_t mark, enum yaml_node_kind kind)
{
    struct yaml_node *n;

    if (++r->nodes > YAML_NODES_MAX) {
        (void)refuse(r, mark, "more than %d values, aliases included", YAML_NODES_MAX);
        return NULL;
    }
    n = arena_alloc(r->arena, sizeof(*n));
    if (!n) {
        (void)refuse_nomem(r, mark);
        return NULL;
    }
    n->kind = kind;
    n->file = r->file;
    n->line = mark_line(mark);
    n->column = mark_column(mark);
    return n;
}

/* ---- anchors ---------------------------------------------------------------------------------- */

/* A later anchor of the same name hides the earlier one, as YAML says. */
static int anchor_keep(struct reader *r, const char *name, const struct yaml_node *node, yaml_mark_t mark)
{
    struct slice copy;

    if (r->anchors_len == ANCHORS_MAX)
        return refuse(r, mark, "more than %d anchors", ANCHORS_MAX);
    if (!arena_copy(r->arena, slice_of(name), &copy))
        return refuse_nomem(r, mark);
    r->anchors[r->anchors_len++] = (struct anchor){ .name = copy.at, .node = node };
    return 0;
}

static const struct yaml_node *anchor_find(const struct reader *r, const char *name)
{
    for (size_t i = r->anchors_len; i > 0; i--)
        if (strcmp(r->anchors[i - 1].name, name) == 0)
            return r->anchors[i - 1].node;
    return NULL;
}

/* A copy of what the alias stands for, so that each node knows its own parent. */
static int expand(struct reader *r, const struct yaml_node *from, yaml_mark_t mark, int depth,
                  struct yaml_node **ret)
{
    struct yaml_node *to = node_new(r, mark, from->kind);
    const struct yaml_node **tail;

    if (!to)
        return -1;
    if (depth > YAML_DEPTH_MAX)
        return refuse(r, mark, "nested more than %d deep", YAML_DEPTH_MAX);
    to->is_plain = from->is_plain;
    to->text = from->text;
    to->len = from->len;
    tail = &to->first;
    for (const struct yaml_node *c = from->first; c; c = c->next) {
        struct yaml_node *copy = NULL;

        if (expand(r, c, mark, depth + 1, &copy) < 0)
            return -1;
        copy->key = c->key;
        copy->key_line = to->line;
        copy->key_column = to->column;
        copy->place = c->place;
        copy->parent = to;
        *tail = copy;
        tail = &copy->next;
    }
    *ret = to;
    return 0;
}

/* ---- events to nodes -------------------------------------------------------------------------- */

static int read_node(struct reader *r, const yaml_event_t *event, int depth, struct yaml_node **ret);

static int check_key(struct reader *r, const struct yaml_node *map, const yaml_event_t *event)
{
    struct slice key;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(r, event->start_mark, "a key has to be plain text");
    key = scalar_text(event);
    if (slice_eq(key, SL("<<")))
        return refuse(r, event->start_mark, "merge keys ('<<') are not read; write the keys out, or put "
                                            "the alias under a key of its own");
    if (map->len >= YAML_KEYS_MAX)
        return refuse(r, event->start_mark, "more than %d keys in one map", YAML_KEYS_MAX);
    if (key.len == 0 || memchr(key.at, '\0', key.len))
        return refuse(r, event->start_mark, "a key is empty or holds a NUL byte");
    for (const struct yaml_node *c = map->first; c; c = c->next)
        if (slice_eq(c->key, key))
            return refuse(r, event->start_mark, "key '%.*s' is already in line %d",
                          SLF(slice_cut(key, 60)), c->key_line);
    return 0;
}

/* Take the key's event, then read its value. */
static int read_pair(struct reader *r, const struct yaml_node *map, const yaml_event_t *key, int depth,
                     struct yaml_node **ret)
{
    yaml_event_t value;
    struct slice name;
    int rc;

    if (check_key(r, map, key) < 0)
        return -1;
    if (!arena_copy(r->arena, scalar_text(key), &name))
        return refuse_nomem(r, key->start_mark);
    if (next_event(r, &value) < 0)
        return -1;
    rc = read_node(r, &value, depth, ret);
    yaml_event_delete(&value);
    if (rc < 0)
        return -1;
    (*ret)->key = name;
    (*ret)->key_line = mark_line(key->start_mark);
    (*ret)->key_column = mark_column(key->start_mark);
    return 0;
}

static int read_children(struct reader *r, struct yaml_node *n, int depth)
{
    const struct yaml_node **tail = &n->first;

    for (;;) {
        struct yaml_node *child = NULL;
        yaml_event_t event;
        int rc;

        if (next_event(r, &event) < 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        rc = n->kind == YAML_NODE_MAP ? read_pair(r, n, &event, depth, &child)
                                      : read_node(r, &event, depth, &child);
        yaml_event_delete(&event);
        if (rc < 0)
            return -1;
        child->parent = n;
        child->place = n->len++;
        *tail = child;
        tail = &child->next;
    }
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct yaml_node **ret)
{
    struct yaml_node *n = node_new(r, event->start_mark, YAML_NODE_SCALAR);

    if (!n)
        return -1;
    n->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!arena_copy(r->arena, scalar_text(event), &n->text))
        return refuse_nomem(r, event->start_mark);
    *ret = n;
    return 0;
}

static int read_collection(struct reader *r, const yaml_event_t *event, int depth,
                           struct yaml_node **ret)
{
    struct yaml_node *n = node_new(
        r, event->start_mark, event->type == YAML_MAPPING_START_EVENT ? YAML_NODE_MAP : YAML_NODE_LIST);

    if (!n || read_children(r, n, depth + 1) < 0)
        return -1;
    *ret = n;
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, int depth, struct yaml_node **ret)
{
    const void *anchor = NULL;

    if (depth > YAML_DEPTH_MAX)
        return refuse(r, event->start_mark, "nested more than %d deep", YAML_DEPTH_MAX);
    if (event->type == YAML_ALIAS_EVENT) {
        const void *name = event->data.alias.anchor;
        const struct yaml_node *from = anchor_find(r, name);

        if (!from)
            return refuse(r, event->start_mark, "alias '*%.60s' has no anchor before it",
                          (const char *)name);
        return expand(r, from, event->start_mark, depth, ret);
    }
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        if (read_scalar(r, event, ret) < 0)
            return -1;
    } else {
        anchor = event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                         : event->data.sequence_start.anchor;
        if (read_collection(r, event, depth, ret) < 0)
            return -1;
    }
    return anchor ? anchor_keep(r, anchor, *ret, event->start_mark) : 0;
}

/* The one document of the stream; *ret stays NULL when there is none. */
static int read_stream(struct reader *r, struct yaml_node **ret)
{
    bool is_end = false;

    while (!is_end) {
        yaml_event_t event;
        int rc = 0;

        if (next_event(r, &event) < 0)
            return -1;
        if (event.type == YAML_STREAM_END_EVENT)
            is_end = true;
        else if (event.type == YAML_DOCUMENT_START_EVENT && *ret)
            rc = refuse(r, event.start_mark, "a second document; one file holds one");
        else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
                 event.type != YAML_DOCUMENT_END_EVENT)
            rc = read_node(r, &event, 0, ret);
        yaml_event_delete(&event);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int read_text(struct yaml_tree *t, struct slice text, const char *file,
                     struct settings_errors *errors)
{
    static const yaml_mark_t start = { 0 };
    struct reader r = { .arena = &t->arena, .errors = errors };
    const void *bytes = text.at ? text.at : "";
    struct slice name;
    int rc;

    r.file = file;
    if (text.len > YAML_TEXT_MAX)
        return refuse(&r, start, "larger than %zu MiB", YAML_TEXT_MAX >> 20);
    if (!arena_copy(&t->arena, slice_of(file), &name) || !yaml_parser_initialize(&r.parser))
        return refuse_nomem(&r, start);
    r.file = name.at;
    yaml_parser_set_input_string(&r.parser, bytes, text.len);
    rc = read_stream(&r, &t->root);
    yaml_parser_delete(&r.parser);
    if (rc == 0 && !t->root) {
        t->root = node_new(&r, start, YAML_NODE_SCALAR);
        if (!t->root)
            return -1;
        t->root->is_plain = true;
        t->root->text = SL("");
    }
    return rc;
}

int yaml_tree_parse(struct slice text, const char *file, struct yaml_tree **ret,
                    struct settings_errors *errors)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = calloc(1, sizeof(*t));

    if (!t) {
        settings_errors_add_at(errors, file, 0, 0, "no memory");
        return -1;
    }
    t->arena = ARENA_INIT(TREE_BYTES_MAX);
    if (read_text(t, text, file, errors) < 0)
        return -1;
    *ret = TAKE(t);
    return 0;
}

void yaml_tree_free(struct yaml_tree *t)
{
    if (!t)
        return;
    arena_release(&t->arena);
    free(t);
}

void yaml_tree_freep(struct yaml_tree **t)
{
    yaml_tree_free(*t);
    *t = NULL;
}

const struct yaml_node *yaml_tree_root(const struct yaml_tree *t)
{
    return t->root;
}

/* ---- looking at nodes ------------------------------------------------------------------------- */

const struct yaml_node *yaml_node_get(const struct yaml_node *map, const char *key)
{
    struct slice wanted = slice_of(key);

    for (const struct yaml_node *c = map->kind == YAML_NODE_MAP ? map->first : NULL; c; c = c->next)
        if (slice_eq(c->key, wanted))
            return c;
    return NULL;
}

bool yaml_node_is_null(const struct yaml_node *n)
{
    return n->kind == YAML_NODE_SCALAR && n->is_plain &&
           (n->text.len == 0 || slice_eq(n->text, SL("~")) || slice_eq_nocase(n->text, SL("null")));
}

const char *yaml_node_kind_name(const struct yaml_node *n)
{
    return n->kind == YAML_NODE_MAP ? "a map" : n->kind == YAML_NODE_LIST ? "a list" : "a text";
}

void yaml_node_add_path(const struct yaml_node *n, struct buf *out)
{
    const struct yaml_node *way[YAML_DEPTH_MAX + 2];
    size_t len = 0, start = out->len;

    for (; n->parent && len < ARRAY_LEN(way); n = n->parent)
        way[len++] = n;
    while (len > 0) {
        n = way[--len];
        if (n->parent->kind == YAML_NODE_LIST) {
            buf_addf(out, "[%zu]", n->place);
            continue;
        }
        if (out->len > start)
            buf_add_char(out, '.');
        buf_add_slice(out, slice_cut(n->key, 60));
    }
}

int yaml_node_refuse(const struct yaml_node *n, struct error *err, const char *fmt, ...)
{
    char text[sizeof(err->msg)];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return error_set(err, ERR_CONFIG, "%s:%d:%d: %s", n->file, n->line, n->column, text);
}
