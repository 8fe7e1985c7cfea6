/* status.c - see status.h. Built with json-c: it is small and rare.
 * SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "apart/apart.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "certificates.h"
#include "delivery/delivery.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "enrich/trusted.h"
#include "feeder.h"
#include "net/peers.h"
#include "store/store.h"

#include <json-c/json.h>
#include <unistd.h>

static struct json_object *text_or_null(const char *s)
{
    return s && s[0] ? json_object_new_string(s) : NULL;
}

static struct json_object *time_or_null(int64_t ns)
{
    CLEANUP(buf_release) struct buf t = BUF_HERE(64);

    if (ns <= 0)
        return NULL;
    time_add_iso(&t, ns, 0);
    return json_object_new_string(buf_cstr(&t));
}

static void add(struct json_object *o, const char *key, struct json_object *value)
{
    (void)json_object_object_add(o, key, value);
}

/* How long something has not worked: health has patience with what is short. */
static void add_broken(struct json_object *o, const struct services *sv, int64_t since_ms)
{
    if (since_ms > 0)
        add(o, "brokenForSeconds", json_object_new_int64((sv_mono_ms(sv) - since_ms) / 1000 + 1));
}

static struct json_object *source_json(const struct services *sv, const struct source_status *s, int64_t now_ns)
{
    struct json_object *o = json_object_new_object();

    add(o, "name", json_object_new_string(s->name));
    add(o, "type", json_object_new_string(s->type));
    add(o, "state", json_object_new_string(s->state));
    add(o, "reason", text_or_null(s->reason));
    add(o, "readUpTo", time_or_null(s->read_to_ns));
    add(o, "lagSeconds", s->read_to_ns > 0 ? json_object_new_int64((now_ns - s->read_to_ns) / NS_PER_S) : NULL);
    add(o, "backfilling", json_object_new_boolean(s->is_backfilling));
    add(o, "historyPercent", json_object_new_int(s->is_backfilling ? s->history_percent : 100));
    add(o, "lastSuccess", time_or_null(s->last_success_ns));
    add_broken(o, sv, s->broken_since_ms);
    add(o, "clockSkewMs", json_object_new_int64(s->skew_ns / NS_PER_MS));
    add(o, "windows", json_object_new_int64(s->windows));
    add(o, "queries", json_object_new_int64(s->queries));
    add(o, "rows", json_object_new_int64(s->rows));
    add(o, "lateRows", json_object_new_int64(s->late_rows));
    add(o, "unreadableRows", json_object_new_int64(s->bad_rows));
    return o;
}

static struct json_object *output_json(const struct services *sv, const struct delivery_status *d)
{
    static const char *const states[] = { "idle", "working", "waiting", "held" };
    struct json_object *o = json_object_new_object();

    add(o, "name", json_object_new_string(d->name));
    add(o, "type", json_object_new_string(d->type));
    add(o, "format", json_object_new_string(d->format));
    add(o, "state", json_object_new_string(states[d->state]));
    add(o, "reason", text_or_null(d->reason));
    add(o, "accepted", json_object_new_int64(d->accepted));
    add(o, "pending", json_object_new_int64(d->pending));
    add(o, "parked", json_object_new_int64(d->parked));
    add(o, "dropped", json_object_new_int64(d->dropped));
    add(o, "retried", json_object_new_int64(d->retried));
    add(o, "lastAccepted", time_or_null(d->last_accepted_ns));
    add_broken(o, sv, d->broken_since_ms);
    return o;
}

/* Outputs that left the configuration and still owe alerts. */
struct left {
    const struct delivery_status *there;
    size_t there_len;
    struct json_object *list;
};

static int left_json(void *self, const char *name, const struct output_counts *n, struct error *err UNUSED)
{
    struct left *l = self;
    struct json_object *o = NULL;

    for (size_t i = 0; i < l->there_len; i++)
        if (strcmp(l->there[i].name, name) == 0)
            return 0;
    if (n->pending + n->parked == 0)
        return 0;
    o = json_object_new_object();
    add(o, "name", json_object_new_string(name));
    add(o, "state", json_object_new_string("not configured"));
    add(o, "accepted", json_object_new_int64(n->accepted));
    add(o, "pending", json_object_new_int64(n->pending));
    add(o, "parked", json_object_new_int64(n->parked));
    add(o, "dropped", json_object_new_int64(n->dropped));
    add(o, "reason", json_object_new_string("it is no longer configured; configure it again, or give its alerts up with "
                                            "'cosmowatch outputs drop'"));
    json_object_array_add(l->list, o);
    return 0;
}

static int count_one(void *self, const struct alert *a, struct error *err UNUSED)
{
    *(int64_t *)self += a->is_suppressed;
    return 0;
}

static int64_t count_suppressed(struct engine *e)
{
    struct error err = { 0 };
    int64_t n = 0;

    return stage_each(engine_stage(e), count_one, &n, &err) == 0 ? n : 0;
}

static struct json_object *judgement_json(struct engine *e)
{
    struct json_object *o = json_object_new_object(), *blind = json_object_new_array();
    struct baseline_stats st = { 0 };
    const char *name = NULL, *why = NULL;
    size_t i = 0;

    baseline_get_stats(engine_baseline(e), &st);
    add(o, "accounts", json_object_new_int64(st.accounts));
    add(o, "learningAccounts", json_object_new_int64(st.learning));
    add(o, "subjects", json_object_new_int64(st.keys));
    add(o, "evicted", json_object_new_int64(st.evicted));
    add(o, "beyondHorizon", json_object_new_int64(st.late));
    add(o, "openAlerts", json_object_new_int64((int64_t)stage_len(engine_stage(e))));
    add(o, "openSuppressedAlerts", json_object_new_int64(count_suppressed(e)));
    while ((why = engine_blind(e, &i, &name)) != NULL) {
        struct json_object *b = json_object_new_object();

        add(b, "detector", json_object_new_string(name));
        add(b, "why", json_object_new_string(why));
        json_object_array_add(blind, b);
    }
    add(o, "cannotJudge", blind);
    return o;
}

static struct json_object *reader_json(struct apart *reader)
{
    struct json_object *o = json_object_new_object();
    struct apart_status st;

    apart_look(reader, &st);
    add(o, "pid", st.pid > 0 ? json_object_new_int64(st.pid) : NULL);
    add(o, "ended", json_object_new_int64(st.ended));
    add(o, "leftOut", json_object_new_int64(st.left_out));
    add(o, "passedOver", json_object_new_int64(st.passed_over));
    add(o, "lastEnd", text_or_null(st.last_end));
    return o;
}

/* Those that are ours and could be read. */
static struct json_object *certificates_json(const struct certificates *all, int64_t now_ns)
{
    struct json_object *list = json_object_new_array();
    const struct certificate *c = NULL;

    for (size_t i = 0; (c = certificates_at(all, i)) != NULL; i++) {
        CLEANUP(buf_release) struct buf says = BUF_INIT(256);
        struct json_object *o = NULL;

        if (c->is_trust || c->not_after_ns == 0)
            continue;
        o = json_object_new_object();
        (void)certificate_says(c, now_ns, &says);
        add(o, "name", json_object_new_string(c->where));
        add(o, "notAfter", time_or_null(c->not_after_ns));
        add(o, "reason", text_or_null(buf_cstr(&says)));
        add(o, "hasEnded", json_object_new_boolean(c->not_after_ns <= now_ns));
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *peers_json(const struct certificates *all, int64_t now_ns)
{
    struct json_object *list = json_object_new_array();
    struct peer p;

    for (size_t i = 0; certificates_peer(all, i, &p); i++) {
        CLEANUP(buf_release) struct buf says = BUF_INIT(256);
        struct json_object *o = json_object_new_object();

        (void)certificate_says_peer(&p, now_ns, &says);
        add(o, "name", json_object_new_string(p.place));
        add(o, "certificate", text_or_null(p.chain.subject));
        add(o, "notAfter", time_or_null(p.chain.to_ns));
        add(o, "reason", text_or_null(buf_cstr(&says)));
        add(o, "hasEnded", json_object_new_boolean(p.chain.to_ns <= now_ns));
        json_object_array_add(list, o);
    }
    return list;
}

/* By number: values are whoever the operator trusts, and are no label of a metric. */
static struct json_object *trusted_json(const struct trusted *t)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < trusted_len(t); i++) {
        CLEANUP(buf_release) struct buf number = BUF_HERE(32);
        struct json_object *o = json_object_new_object();
        struct trusted_view look;

        trusted_look(t, i, &look);
        buf_addf(&number, "%zu", i + 1);
        add(o, "name", json_object_new_string(buf_cstr(&number)));
        add(o, "type", json_object_new_string(look.kind));
        add(o, "value", json_object_new_string(look.value));
        add(o, "note", text_or_null(look.note));
        add(o, "lastUsed", time_or_null(trusted_use(t, i).last_ns));
        add(o, "daysUsed", json_object_new_int(trusted_use(t, i).days));
        json_object_array_add(list, o);
    }
    return list;
}

void status_build(struct buf *out, const struct status_parts *p)
{
    struct json_object *o = json_object_new_object();
    struct json_object *sources = json_object_new_array(), *outputs = json_object_new_array();
    struct delivery_status d[64];
    int64_t now = sv_wall_ns(p->sv), bad = 0;
    struct error err = { 0 };
    size_t n = delivery_get_status(p->delivery, d, ARRAY_LEN(d));

    add(o, "version", json_object_new_string(COSMOWATCH_VERSION));
    add(o, "pid", json_object_new_int64(getpid()));
    add(o, "writtenAt", time_or_null(now));
    for (size_t i = 0; i < p->sources_len; i++)
        json_object_array_add(sources, source_json(p->sv, &p->sources[i], now));
    for (size_t i = 0; i < n; i++)
        json_object_array_add(outputs, output_json(p->sv, &d[i]));
    if (store_each_output(p->store, left_json, &(struct left){ .there = d, .there_len = n, .list = outputs }, &err) < 0)
        err.code = ERR_NONE; /* a store that fails says so at the next commit */
    add(o, "sources", sources);
    add(o, "outputs", outputs);
    if (p->feeder)
        add(o, "feeds", feeder_status(p->feeder));
    add(o, "certificates", certificates_json(p->certificates, now));
    add(o, "peerCertificates", peers_json(p->certificates, now));
    add(o, "trusted", trusted_json(enrich_trusted(engine_enrich(p->engine))));
    add(o, "judgement", judgement_json(p->engine));
    if (p->sv->reader)
        add(o, "reader", reader_json(p->sv->reader));
    if (p->sv->statement_reader)
        add(o, "statementReader", reader_json(p->sv->statement_reader));
    add(o, "storeBytes", json_object_new_int64(store_size(p->store)));
    add(o, "storeRecovery", text_or_null(store_recovery(p->store)));
    if (store_count_bad_rows(p->store, &bad, &err) == 0)
        add(o, "unreadableRowsKept", json_object_new_int64(bad));
    buf_add_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}

int status_read(struct store *store, struct buf *text, struct json_object **ret, struct error *err)
{
    struct error why = { 0 };
    bool found = false;

    *ret = NULL;
    if (store_get_blob(store, STORE_BLOB_STATUS, text, &found, err) < 0 || buf_check(text, err) < 0)
        return -1;
    if (!found || json_read(buf_slice(text), ret, &why) == 0 || why.code == ERR_INPUT)
        return 0;
    *err = why;
    return error_wrap(err, "what the agent left");
}

enum status_grade status_grade(const char *state)
{
    if (strcmp(state, "failing") == 0 || strcmp(state, "held") == 0)
        return STATUS_BAD;
    return strcmp(state, "waiting") == 0 || strcmp(state, "paused") == 0 ? STATUS_SLOW : STATUS_GOOD;
}

static void add_count(struct buf *out, struct json_object *o, const char *key, const char *words)
{
    fmt_count(out, json_number(o, key));
    buf_addf(out, " %s", words);
}

void status_add_source_words(struct buf *out, struct json_object *s)
{
    if (json_number(s, "backfilling")) {
        buf_addf(out, "learning from history, %" PRId64 " %% done", json_number(s, "historyPercent"));
    } else if (json_text(s, "readUpTo", "")[0]) {
        fmt_duration_ms(out, json_number(s, "lagSeconds") * 1000);
        buf_add_str(out, " behind");
    } else {
        buf_add_str(out, "nothing read yet");
    }
    buf_add_str(out, ", ");
    add_count(out, s, "rows", "rows, ");
    add_count(out, s, "lateRows", "late");
    if (json_number(s, "unreadableRows") > 0) {
        buf_add_str(out, ", ");
        add_count(out, s, "unreadableRows", "unreadable");
    }
}

void status_add_output_words(struct buf *out, struct json_object *o, int64_t now_ns)
{
    int64_t at = 0;

    add_count(out, o, "accepted", "accepted, ");
    add_count(out, o, "pending", "pending, ");
    add_count(out, o, "parked", "parked");
    if (!time_parse_iso(slice_of(json_text(o, "lastAccepted", "")), &at))
        return;
    buf_add_str(out, ", last accepted ");
    fmt_duration_ms(out, now_ns > at ? (now_ns - at) / NS_PER_S * 1000 : 0);
    buf_add_str(out, " ago");
}
