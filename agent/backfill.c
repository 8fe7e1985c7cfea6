/* backfill.c - see backfill.h. One named value per output, "backfill/NAME": JSON with what waits and what was done.
 * SPDX-License-Identifier: Apache-2.0 */
#include "backfill.h"

#include "alert/alert.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/log.h"
#include "base/timeutil.h"
#include "delivery/delivery.h"
#include "delivery/route.h"
#include "store/store.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_ALERTS 200
#define AGAIN_MS 10000 /* after a failure */

struct id { char text[37]; };

struct backfill {
    struct backfill_config cfg;
    size_t output;     /* being served; outputs_len: none */
    int64_t since_ns;
    struct id *ids;    /* of the alerts to offer, oldest first */
    size_t len, room, at;
    int64_t offered;   /* that were new to the output */
    int64_t again_ms;  /* not before, mono */
};

/* ---- what was asked for -------------------------------------------------------------------------------- */

static void blob_name(struct buf *out, const char *output)
{
    buf_addf(out, "backfill/%s", output);
}

/* *ret_known false: nothing was ever asked for. */
static int get(struct store *s, const char *output, struct backfill_state *ret, bool *ret_known, struct error *err)
{
    CLEANUP(buf_release) struct buf name = BUF_HERE(128);
    CLEANUP(buf_release) struct buf text = BUF_HERE(4096);
    struct json_object *o = NULL;

    *ret = (struct backfill_state){ 0 };
    blob_name(&name, output);
    if (store_get_blob(s, buf_cstr(&name), &text, ret_known, err) < 0)
        return -1;
    if (*ret_known && json_read(buf_slice(&text), &o, err) < 0 && err->code == ERR_NOMEM)
        return error_wrap(err, "back-fill of '%.60s'", output);
    *ret_known = json_object_is_type(o, json_type_object); /* damage counts as nothing asked */
    if (*ret_known)
        *ret = (struct backfill_state){ .is_waiting = json_number(o, "waiting") != 0, .since_ns = json_number(o, "since"),
                                        .alerts = json_number(o, "alerts"), .done_ns = json_number(o, "done") };
    json_object_put(o);
    return 0;
}

static int put(struct store *s, const char *output, const struct backfill_state *st, struct error *err)
{
    CLEANUP(buf_release) struct buf name = BUF_HERE(128);
    CLEANUP(buf_release) struct buf text = BUF_HERE(4096);

    blob_name(&name, output);
    buf_addf(&text, "{\"waiting\":%d,\"since\":%" PRId64 ",\"alerts\":%" PRId64 ",\"done\":%" PRId64 "}",
             st->is_waiting, st->since_ns, st->alerts, st->done_ns);
    if (buf_check(&text, err) < 0)
        return -1;
    return store_put_blob(s, buf_cstr(&name), buf_slice(&text), err);
}

int backfill_get(struct store *s, const char *output, struct backfill_state *ret, struct error *err)
{
    bool is_known = false;

    return get(s, output, ret, &is_known, err);
}

static int ask(struct store *s, const char *output, int64_t since_ns, struct error *err)
{
    struct backfill_state st = { 0 };
    bool is_known = false;

    if (get(s, output, &st, &is_known, err) < 0)
        return -1;
    if (!st.is_waiting || since_ns < st.since_ns)
        st.since_ns = since_ns;
    st.is_waiting = true;
    return put(s, output, &st, err);
}

int backfill_ask(struct store *s, const char *output, int64_t since_ns, struct error *err)
{
    if (store_begin(s, err) < 0)
        return -1;
    if (ask(s, output, since_ns, err) < 0 || store_commit(s, err) < 0) {
        store_rollback(s);
        return -1;
    }
    return 0;
}

/* The option counts once: what it asks for is written down, so that a restart does not ask again. */
static int ask_for_options(struct backfill *b, struct error *err)
{
    for (size_t i = 0; i < b->cfg.outputs_len; i++) {
        const struct delivery_output_config *o = &b->cfg.outputs[i];
        struct backfill_state st = { 0 };
        bool is_known = false;

        if (o->backfill_ms <= 0)
            continue;
        if (get(b->cfg.store, o->name, &st, &is_known, err) < 0)
            return -1;
        if (!is_known &&
            backfill_ask(b->cfg.store, o->name, sv_wall_ns(b->cfg.sv) - o->backfill_ms * NS_PER_MS, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- one output after the other ------------------------------------------------------------------------ */

static int keep_id(void *self, const struct alert *a, struct error *err)
{
    struct backfill *b = self;

    if (a->is_suppressed || a->told_count == 0)
        return 0;
    if (b->len == b->room) {
        size_t room = (b->room + 64) * 2;
        struct id *ids = reallocarray(b->ids, room, sizeof *ids);

        if (!ids)
            return error_set(err, ERR_NOMEM, "no memory for the alerts of a back-fill");
        b->ids = ids;
        b->room = room;
    }
    (void)snprintf(b->ids[b->len++].text, sizeof b->ids[0].text, "%s", a->id);
    return 0;
}

static const char *name_of(const struct backfill *b)
{
    return b->cfg.outputs[b->output].name;
}

static void rest(struct backfill *b)
{
    free(b->ids);
    b->ids = NULL;
    b->len = b->room = b->at = 0;
    b->offered = 0;
    b->output = b->cfg.outputs_len;
}

static void fail(struct backfill *b, const struct error *why)
{
    log_event(LOG_LEVEL_WARN, "backfill", "could not go on, it starts over", "cause", why->msg, NULL);
    b->again_ms = sv_mono_ms(b->cfg.sv) + AGAIN_MS;
    rest(b);
}

void backfill_look(struct backfill *b)
{
    struct error err = { 0 };

    if (b->output < b->cfg.outputs_len || sv_mono_ms(b->cfg.sv) < b->again_ms || store_is_full(b->cfg.store))
        return;
    for (size_t i = 0; i < b->cfg.outputs_len; i++) {
        struct backfill_state st = { 0 };

        if (backfill_get(b->cfg.store, b->cfg.outputs[i].name, &st, &err) < 0) {
            fail(b, &err);
            return;
        }
        if (!st.is_waiting)
            continue;
        const struct alert_filter f = { .since_ns = st.since_ns, .until_ns = INT64_MAX, .oldest_first = true };

        b->output = i;
        b->since_ns = st.since_ns;
        if (store_each_alert(b->cfg.store, &f, keep_id, b, &err) < 0)
            fail(b, &err);
        return;
    }
}

static int offer_one(struct backfill *b, const char *id, int64_t *ret_n, struct error *err)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    struct error why = { 0 };
    bool is_wanted = false, is_new = false;

    if (store_get_alert(b->cfg.store, id, &a, &why) < 0) {
        if (why.code == ERR_NOT_FOUND) /* its time was over meanwhile */
            return 0;
        *err = why;
        return -1;
    }
    if (route_judge(b->cfg.routes[b->output], a, &is_wanted, NULL, err) < 0)
        return -1;
    if (!is_wanted)
        return 0;
    if (store_offer(b->cfg.store, name_of(b), a, &is_new, err) < 0)
        return -1;
    *ret_n += is_new;
    return 0;
}

/* Done, unless the operator asked for more meanwhile. */
static int finish(struct backfill *b, int64_t n, struct error *err)
{
    struct backfill_state st = { 0 };

    if (backfill_get(b->cfg.store, name_of(b), &st, err) < 0)
        return -1;
    st.is_waiting = st.since_ns < b->since_ns;
    st.alerts = b->offered + n;
    st.done_ns = sv_wall_ns(b->cfg.sv);
    return put(b->cfg.store, name_of(b), &st, err);
}

/* *ret_n: new deliveries. */
static int step(struct backfill *b, int64_t *ret_n, struct error *err)
{
    size_t end = b->len - b->at < STEP_ALERTS ? b->len : b->at + STEP_ALERTS;
    int rc = 0;

    if (store_begin(b->cfg.store, err) < 0)
        return -1;
    for (size_t i = b->at; rc == 0 && i < end; i++)
        rc = offer_one(b, b->ids[i].text, ret_n, err);
    if (rc == 0 && end == b->len)
        rc = finish(b, *ret_n, err);
    FAULT_POINT("backfill.before_commit");
    if (rc < 0 || store_commit(b->cfg.store, err) < 0) {
        store_rollback(b->cfg.store);
        return -1;
    }
    FAULT_POINT("backfill.after_commit");
    b->at = end;
    return 0;
}

static void say_done(const struct backfill *b)
{
    CLEANUP(buf_release) struct buf since = BUF_HERE(64);
    char n[24];

    time_add_iso(&since, b->since_ns, 0);
    (void)snprintf(n, sizeof n, "%" PRId64, b->offered);
    log_event(LOG_LEVEL_INFO, "backfill", "earlier alerts were handed to an output", "output", name_of(b), "since",
              buf_cstr(&since), "alerts", n, NULL);
}

bool backfill_step(struct backfill *b)
{
    struct error err = { 0 };
    int64_t n = 0;

    if (b->output >= b->cfg.outputs_len)
        return false;
    if (step(b, &n, &err) < 0) {
        fail(b, &err);
        return false;
    }
    b->offered += n;
    if (b->at == b->len) {
        say_done(b);
        rest(b);
    }
    return n > 0;
}

bool backfill_is_idle(const struct backfill *b)
{
    return b->output >= b->cfg.outputs_len;
}

int backfill_new(const struct backfill_config *cfg, struct backfill **ret, struct error *err)
{
    struct backfill *b = calloc(1, sizeof *b);

    if (!b)
        return error_set(err, ERR_NOMEM, "no memory for back-fills");
    b->cfg = *cfg;
    rest(b);
    if (ask_for_options(b, err) < 0) {
        backfill_free(b);
        return -1;
    }
    *ret = b;
    return 0;
}

void backfill_free(struct backfill *b)
{
    if (!b)
        return;
    free(b->ids);
    free(b);
}
