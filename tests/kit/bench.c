/* bench.c - see bench.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/timeutil.h"
#include "enrich/feeds.h"
#include "detectors/kit/access.h"
#include "detectors/kit/request.h"
#include "detectors/kit/statements.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct saved_row {
    char memory[64];
    struct baseline_row row;
    char *value;
};

struct bench {
    const struct detector_ops *ops;
    void *self;
    struct yaml_tree *yaml;
    struct baseline *baseline;
    struct enrich *enrich;
    struct alert **alerts; /* sorted by id */
    size_t alerts_len, drafts;
    struct agent_memo agents;
    struct statements *statements;
    bool is_backfill;
    int64_t watermark_ns;
    struct saved_row *rows; /* the store */
    size_t rows_len;
};

static const struct baseline_config preset_config = { .horizon_ns = 4 * NS_PER_HOUR,
                                                      .learn_ns = 14 * NS_PER_DAY };

static void need(bool ok, const char *what, const struct error *err)
{
    if (!ok)
        ck_abort_msg("%s: %s", what, err ? err->msg : "no memory");
}

static void read_options(struct bench *b, const char *yaml)
{
    struct settings_errors errors = { 0 };
    struct error err = { 0 };
    bool ok;

    ok = yaml_tree_parse(slice_of(yaml), "bench", &b->yaml, &errors) == 0 &&
         (!b->ops->options || settings_table_apply(b->ops->options, yaml_tree_root(b->yaml), b->self,
                                                   &errors) == 0);
    if (!ok)
        (void)settings_errors_first(&errors, &err); /* fills err, which is all we want */
    settings_errors_release(&errors);
    need(ok, "options", &err);
}

struct bench *bench_open_with(const struct detector_ops *ops, const char *yaml,
                              const struct baseline_config *cfg)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct error err = { 0 };

    ck_assert_ptr_nonnull(b);
    b->ops = ops;
    b->self = calloc(1, ops->size + 1);
    b->baseline = baseline_new(cfg);
    b->enrich = enrich_new();
    ck_assert(b->self && b->baseline && b->enrich);
    need(baseline_declare(b->baseline, &request_tables_memory, &err) == 0, "memory", &err);
    for (size_t i = 0; ops->memories && ops->memories[i]; i++)
        need(baseline_declare(b->baseline, ops->memories[i], &err) == 0, "memory", &err);
    need(statements_new(NULL, &b->statements, &err) == 0, "statements", &err);
    read_options(b, yaml);
    if (ops->open)
        need(ops->open(b->self, &err) == 0, "open", &err);
    return b;
}

struct bench *bench_open(const struct detector_ops *ops, const char *yaml)
{
    return bench_open_with(ops, yaml, &preset_config);
}

void bench_forget_alerts(struct bench *b)
{
    for (size_t i = 0; i < b->alerts_len; i++)
        alert_free(b->alerts[i]);
    free(b->alerts);
    b->alerts = NULL;
    b->alerts_len = b->drafts = 0;
}

static void forget_rows(struct bench *b)
{
    for (size_t i = 0; i < b->rows_len; i++)
        free(b->rows[i].value);
    free(b->rows);
    b->rows = NULL;
    b->rows_len = 0;
}

void bench_free(struct bench *b)
{
    if (!b)
        return;
    if (b->ops->close)
        b->ops->close(b->self);
    if (b->ops->options)
        settings_table_release(b->ops->options, b->self);
    yaml_tree_free(b->yaml);
    free(b->self);
    bench_forget_alerts(b);
    forget_rows(b);
    baseline_free(b->baseline);
    statements_free(b->statements);
    enrich_free(b->enrich);
    free(b);
}

struct enrich *bench_enrich(struct bench *b)
{
    return b->enrich;
}

struct baseline *bench_baseline(struct bench *b)
{
    return b->baseline;
}

void bench_add_feed(struct bench *b, const char *name, enum feed_category category, int confidence,
                    const char *list)
{
    struct feed_options opt = { .format = FEED_FORMAT_LIST, .category = category, .confidence = confidence };
    struct feed_table *t = NULL;
    struct feed_report report;
    struct error err = { 0 };

    need(feed_parse(slice_of(list), &opt, bench_time(BENCH_DAY0), &t, &report, &err) == 0, name, &err);
    need(enrich_set_feed(b->enrich, name, t, &err) == 0, name, &err);
}

/* ---- alerts ------------------------------------------------------------------------------------ */

/* A draft without requests and without an address cannot be held against a suppression: it has to say so. */
static bool is_honest(const struct alert_draft *d)
{
    bool has_address = false;

    for (size_t i = 0; i < d->facts_len; i++)
        has_address = has_address || strcmp(d->facts[i].name, "address") == 0;
    return d->is_aside ? d->count == 0 : d->count > 0 || has_address;
}

static int collect(void *self, const struct alert_draft *d, struct error *err)
{
    struct bench *b = self;
    struct alert *a = NULL, **alerts;
    size_t at = 0;

    b->drafts++;
    ck_assert_msg(is_honest(d), "%s of %s is an aside, or is none", d->type, d->detector);
    if (b->is_backfill)
        return error_set(err, ERR_BUG, "a draft during backfill");
    if (alert_from_draft(d, &a, err) < 0)
        return -1;
    while (at < b->alerts_len && strcmp(b->alerts[at]->id, a->id) < 0)
        at++;
    if (at < b->alerts_len && strcmp(b->alerts[at]->id, a->id) == 0) {
        alert_free(a);
        return alert_merge(b->alerts[at], d, err);
    }
    alerts = realloc(b->alerts, (b->alerts_len + 1) * sizeof(struct alert *));
    if (!alerts) {
        alert_free(a);
        return error_set(err, ERR_NOMEM, "alerts");
    }
    b->alerts = alerts;
    memmove(&alerts[at + 1], &alerts[at], (b->alerts_len - at) * sizeof(struct alert *));
    alerts[at] = a;
    b->alerts_len++;
    return 0;
}

size_t bench_alerts(const struct bench *b)
{
    return b->alerts_len;
}

size_t bench_drafts(const struct bench *b)
{
    return b->drafts;
}

const struct alert *bench_alert(const struct bench *b, size_t i)
{
    ck_assert_uint_lt(i, b->alerts_len);
    return b->alerts[i];
}

const struct alert *bench_only(const struct bench *b, const char *type)
{
    const struct alert *found = NULL;

    for (size_t i = 0; i < b->alerts_len; i++) {
        if (strcmp(b->alerts[i]->type->id, type) != 0)
            continue;
        if (found)
            ck_abort_msg("more than one %s: '%s' and '%s'", type, found->subject, b->alerts[i]->subject);
        found = b->alerts[i];
    }
    if (!found)
        ck_abort_msg("no %s", type);
    return found;
}

char *bench_text(const struct bench *b, const char *without)
{
    struct buf out = BUF_INIT((size_t)1 << 26);

    buf_add_str(&out, "");
    for (size_t i = 0; i < b->alerts_len; i++) {
        const struct alert *a = b->alerts[i];

        buf_addf(&out, "%s %s%s %s [%s] %s conf=%d api=%d bucket=%lld %lld..%lld n=%lld\n", a->id, a->type->id,
                 a->variant, a->account, a->subject, severity_name(a->severity), a->confidence, (int)a->api,
                 (long long)a->bucket_ns, (long long)a->first_ns, (long long)a->last_ns,
                 (long long)a->count);
        for (size_t k = 0; k < a->facts_len; k++) {
            const struct fact *f = &a->facts[k];

            if (without && strcmp(f->name, without) == 0)
                continue;
            buf_addf(&out, "  %s/%d = %lld%s", f->name, (int)f->kind, (long long)f->number,
                     f->more ? " more" : "");
            for (size_t e = 0; e < f->len; e++)
                buf_addf(&out, " '%s':%lld", f->entries[e].text, (long long)f->entries[e].number);
            buf_add_char(&out, '\n');
        }
    }
    return buf_take(&out);
}

/* ---- observations ------------------------------------------------------------------------------ */

void bench_set_backfill(struct bench *b, bool is_backfill)
{
    b->is_backfill = is_backfill;
}

void bench_feed(struct bench *b, const struct observation *given)
{
    struct observation obs = *given;
    struct alert_sink sink = { .self = b, .emit = collect };
    struct detector_context ctx = { .baseline = b->baseline, .enrich = b->enrich, .sink = &sink,
                                    .is_backfill = b->is_backfill, .statements = b->statements };
    struct error err = { 0 };
    struct caller caller;

    if (!obs.kind)
        obs.kind = OBS_REQUEST;
    if (obs.table == TABLE_NONE)
        obs.table = TABLE_DATA_PLANE;
    if (obs.api == API_UNKNOWN)
        obs.api = API_NOSQL;
    if (!obs.status)
        obs.status = 200;
    if (!obs.count)
        obs.count = 1;
    if (slice_empty(obs.text[F_ACCOUNT]) && obs.kind != OBS_ACTIVITY) /* of these, some are about no account */
        obs.text[F_ACCOUNT] = SL("shop-prod");
    if (!obs.first_ns)
        obs.first_ns = obs.minute_ns;
    if (!obs.last_ns)
        obs.last_ns = obs.first_ns;
    if (obs.minute_ns > b->watermark_ns)
        b->watermark_ns = obs.minute_ns;
    ctx.watermark_ns = b->watermark_ns;
    if (!slice_empty(obs.text[F_ACCOUNT]))
        baseline_saw_account(b->baseline, obs.text[F_ACCOUNT], obs.minute_ns);
    if (!(b->ops->reads & obs.kind))
        return;
    statements_next(b->statements);
    caller = caller_of(&b->agents, &obs);
    ctx.caller = obs.kind == OBS_REQUEST ? &caller : NULL;
    ctx.is_learning = baseline_is_learning(b->baseline, obs.text[F_ACCOUNT], obs.minute_ns);
    ctx.is_counted_elsewhere = obs.kind == OBS_REQUEST && request_is_counted_elsewhere(b->baseline, &obs);
    need(b->ops->observe(b->self, &obs, &ctx, &err) == 0, "observe", &err);
}

void bench_settle(struct bench *b, int64_t watermark_ns)
{
    struct alert_sink sink = { .self = b, .emit = collect };
    struct detector_context ctx = { .baseline = b->baseline, .enrich = b->enrich, .sink = &sink,
                                    .statements = b->statements, .watermark_ns = watermark_ns };
    struct error err = { 0 };

    if (b->ops->settle)
        need(b->ops->settle(b->self, &ctx, &err) == 0, "settle", &err);
}

int64_t bench_time(const char *iso)
{
    char text[40];
    int64_t ns = 0;

    (void)snprintf(text, sizeof(text), "%s%s", iso, strlen(iso) == 16 ? ":00" : "");
    if (!time_parse_iso(slice_of(text), &ns))
        ck_abort_msg("'%s' is not a time", iso);
    return ns;
}

/* ---- restart ----------------------------------------------------------------------------------- */

static int save_row(void *self, const struct baseline_row *row, struct error *err)
{
    struct bench *b = self;
    struct saved_row *rows, *r = NULL;

    for (size_t i = 0; i < b->rows_len && !r; i++) {
        if (strcmp(b->rows[i].memory, row->memory) == 0 && memcmp(b->rows[i].row.id, row->id, 16) == 0)
            r = &b->rows[i];
    }
    if (!r) {
        rows = realloc(b->rows, (b->rows_len + 1) * sizeof(*rows));
        if (!rows)
            return error_set(err, ERR_NOMEM, "rows");
        b->rows = rows;
        r = &rows[b->rows_len++];
        *r = (struct saved_row){ 0 };
        (void)snprintf(r->memory, sizeof(r->memory), "%s", row->memory);
    }
    free(r->value);
    r->value = malloc(row->value.len + 1);
    if (!r->value)
        return error_set(err, ERR_NOMEM, "row");
    if (row->value.len)
        memcpy(r->value, row->value.at, row->value.len);
    r->row = *row;
    r->row.value = slice_make(r->value, row->value.len);
    return 0;
}

void bench_restart(struct bench *b)
{
    struct error err = { 0 };

    need(baseline_each_changed(b->baseline, save_row, b, &err) == 0, "save", &err);
    baseline_mark_clean(b->baseline);
    baseline_forget_all(b->baseline);
    for (size_t i = 0; i < b->rows_len; i++) {
        struct saved_row *r = &b->rows[i];

        r->row.memory = r->memory;
        r->row.account = r->row.key = r->row.label = (struct slice){ 0 };
        if (!r->row.is_deleted)
            need(baseline_load_row(b->baseline, &r->row, &err) == 0, "load", &err);
    }
}
