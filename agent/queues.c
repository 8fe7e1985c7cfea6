/* queues.c - see queues.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "queues.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/num.h"
#include "delivery/delivery.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTPUTS_MAX 512 /* named here at once; further ones are delivered all the same */

struct seen { /* an output, and how many of its dropped alerts the log has told of */
    char name[64];
    int64_t dropped;
};

struct queues {
    struct queues_config cfg;
    struct seen seen[OUTPUTS_MAX];
    size_t seen_len;
    bool has_looked;
};

int queues_new(const struct queues_config *cfg, struct queues **ret, struct error *err)
{
    struct queues *q = calloc(1, sizeof *q);

    if (!q)
        return error_set(err, ERR_NOMEM, "no memory for queues");
    q->cfg = *cfg;
    *ret = q;
    return 0;
}

void queues_free(struct queues *q)
{
    free(q);
}

/* ---- bounds -------------------------------------------------------------------------------------------- */

int queues_bound(struct queues *q, struct error *err)
{
    for (size_t i = 0; i < q->cfg.outputs_len; i++) {
        const struct delivery_output_config *o = &q->cfg.outputs[i];
        int64_t n = 0;
        char text[24];

        if (o->queue_max <= 0 || !o->parks_when_full)
            continue;
        if (store_park_surplus(q->cfg.store, o->name, o->queue_max, "its queue was full and on_full says park",
                               sv_wall_ns(q->cfg.sv), &n, err) < 0)
            return error_wrap(err, "queue of output '%s'", o->name);
        (void)snprintf(text, sizeof text, "%lld", (long long)n);
        if (n > 0)
            log_event(LOG_LEVEL_WARN, "queue", "full, the oldest alerts are parked", "output", o->name, "alerts", text,
                      "remedy", "see 'cosmowatch outputs parked', then retry or drop them", NULL);
    }
    return 0;
}

const char *queues_full(struct queues *q)
{
    for (size_t i = 0; i < q->cfg.outputs_len; i++) {
        const struct delivery_output_config *o = &q->cfg.outputs[i];
        struct output_counts n = { 0 };
        struct error ignored = { 0 }; /* a store that fails says so at the next commit */

        if (o->queue_max > 0 && !o->parks_when_full &&
            store_count_output(q->cfg.store, o->name, &n, &ignored) == 0 && n.pending >= o->queue_max)
            return o->name;
    }
    return NULL;
}

/* ---- what changed ---------------------------------------------------------------------------------------- */

static bool is_configured(const struct queues *q, const char *name)
{
    for (size_t i = 0; i < q->cfg.outputs_len; i++)
        if (strcmp(q->cfg.outputs[i].name, name) == 0)
            return true;
    return false;
}

static void say_left(const char *name, const struct output_counts *n)
{
    char pending[24], parked[24];

    (void)snprintf(pending, sizeof pending, "%lld", (long long)n->pending);
    (void)snprintf(parked, sizeof parked, "%lld", (long long)n->parked);
    log_event(LOG_LEVEL_WARN, "queue", "an output is no longer configured but owes alerts", "output", name, "pending",
              pending, "parked", parked, "remedy",
              "configure it again and they are delivered, or give them up with 'cosmowatch outputs drop'", NULL);
}

static void say_dropped(const char *name, int64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    log_event(LOG_LEVEL_WARN, "queue", "the operator dropped alerts, they will not be delivered", "output", name,
              "alerts", text, NULL);
}

static void said_name(struct buf *out, const char *name)
{
    buf_addf(out, "dropped/%s", name);
}

/* Durable, so that what was dropped while no agent ran is told at its next start, and once. */
static int read_said(struct store *s, const char *name, int64_t *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf key = BUF_HERE(128);
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);
    bool is_found = false;

    said_name(&key, name);
    if (store_get_blob(s, buf_cstr(&key), &text, &is_found, err) < 0)
        return -1;
    if (!is_found || !parse_i64(buf_slice(&text), 0, INT64_MAX, ret))
        *ret = 0;
    return 0;
}

static int write_said(struct store *s, const struct seen *seen, struct error *err)
{
    CLEANUP(buf_release) struct buf key = BUF_HERE(128);
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);

    said_name(&key, seen->name);
    buf_add_i64(&text, seen->dropped);
    return store_put_blob(s, buf_cstr(&key), buf_slice(&text), err);
}

/* *ret NULL: one too many. */
static int find_seen(struct queues *q, const char *name, struct seen **ret, struct error *err)
{
    struct seen fresh = { .dropped = 0 };

    *ret = NULL;
    for (size_t i = 0; i < q->seen_len; i++)
        if (strcmp(q->seen[i].name, name) == 0)
            *ret = &q->seen[i];
    if (*ret || q->seen_len == OUTPUTS_MAX)
        return 0;
    (void)snprintf(fresh.name, sizeof fresh.name, "%s", name);
    if (read_said(q->cfg.store, name, &fresh.dropped, err) < 0)
        return -1;
    q->seen[q->seen_len] = fresh;
    *ret = &q->seen[q->seen_len++];
    return 0;
}

static int look_at(void *self, const char *name, const struct output_counts *n, struct error *err)
{
    struct queues *q = self;
    struct seen *s = NULL;

    if (!q->has_looked && n->pending + n->parked > 0 && !is_configured(q, name))
        say_left(name, n);
    if (find_seen(q, name, &s, err) < 0)
        return -1;
    if (!s || n->dropped == s->dropped)
        return 0;
    if (n->dropped > s->dropped)
        say_dropped(name, n->dropped - s->dropped);
    s->dropped = n->dropped;
    return write_said(q->cfg.store, s, err);
}

void queues_look(struct queues *q)
{
    struct error err = { 0 };

    if (store_each_output(q->cfg.store, look_at, q, &err) < 0) {
        log_event(LOG_LEVEL_WARN, "queue", "could not be looked at", "cause", err.msg, NULL);
        return;
    }
    q->has_looked = true;
}
