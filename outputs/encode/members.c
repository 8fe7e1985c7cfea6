/* members.c - see members.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/encode/members.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"

#include <stdio.h>

/* ---- one member --------------------------------------------------------------------------------- */

/* The comma as json_add_comma() sets it, and the key, which is ours and needs no escaping: one add. */
static void begin(struct pen *p, const char *key)
{
    size_t len = key ? strlen(key) : 0;
    char text[72];
    char *at = text;
    char last = p->out->len > 0 ? p->out->at[p->out->len - 1] : '\0';

    if (len > sizeof text - 4) {
        json_add_key(p->out, key);
        return;
    }
    if (last != '\0' && last != '{' && last != '[' && last != '\n')
        *at++ = ',';
    if (key) {
        *at++ = '"';
        memcpy(at, key, len);
        at += len;
        *at++ = '"';
        *at++ = ':';
    }
    buf_add(p->out, text, (size_t)(at - text));
}

void pen_limited(struct pen *p, const char *key, struct slice value, size_t max_chars)
{
    size_t max = max_chars < p->text_max ? max_chars : p->text_max, mark = sizeof(FIT_MARK) - 1;

    begin(p, key);
    if (fit_bytes(value, max) == value.len) {
        json_add_string(p->out, value);
        return;
    }
    p->cuts++;
    json_add_string(p->out, slice_make(value.at, fit_bytes(value, max > mark ? max - mark : 0)));
    if (!p->out->failed) {
        p->out->len--; /* the quote */
        buf_add_str(p->out, FIT_MARK "\"");
    }
}

void pen_slice(struct pen *p, const char *key, struct slice value)
{
    pen_limited(p, key, value, SIZE_MAX);
}

void pen_text(struct pen *p, const char *key, const char *value)
{
    pen_limited(p, key, slice_of(value), SIZE_MAX);
}

void pen_known(struct pen *p, const char *key, struct slice value)
{
    if (!slice_empty(value))
        pen_slice(p, key, value);
}

void pen_known_limited(struct pen *p, const char *key, struct slice value, size_t max_chars)
{
    if (!slice_empty(value))
        pen_limited(p, key, value, max_chars);
}

void pen_id(struct pen *p, const char *key, struct slice value)
{
    begin(p, key);
    json_add_string(p->out, value);
}

void pen_null(struct pen *p, const char *key)
{
    begin(p, key);
    buf_add_str(p->out, "null");
}

void pen_i64(struct pen *p, const char *key, int64_t value)
{
    begin(p, key);
    json_add_i64(p->out, value);
}

void pen_real(struct pen *p, const char *key, double value)
{
    begin(p, key);
    json_add_real(p->out, value);
}

void pen_bool(struct pen *p, const char *key, bool value)
{
    begin(p, key);
    json_add_bool(p->out, value);
}

void pen_time(struct pen *p, const char *key, int64_t ns)
{
    begin(p, key);
    buf_add_char(p->out, '"');
    time_add_iso(p->out, ns, 7);
    buf_add_char(p->out, '"');
}

void pen_ms(struct pen *p, const char *key, int64_t ns)
{
    pen_i64(p, key, time_floor(ns, NS_PER_MS) / NS_PER_MS);
}

void pen_open(struct pen *p, const char *key, char bracket)
{
    begin(p, key);
    buf_add_char(p->out, bracket);
}

void pen_close(struct pen *p, char bracket)
{
    buf_add_char(p->out, bracket);
}

/* ---- groups ------------------------------------------------------------------------------------- */

static void add_step(void *self, struct slice text)
{
    struct pen *p = self;

    if (!slice_empty(text))
        pen_slice(p, NULL, text);
}

void pen_steps(struct pen *p, const char *key, const struct alert *a, const char *const *steps)
{
    pen_open(p, key, '[');
    p->out->failed |= !parts_each_step(a, steps, add_step, p);
    pen_close(p, ']');
}

void pen_strings(struct pen *p, const char *key, const char *const *texts, size_t max)
{
    pen_open(p, key, '[');
    for (size_t i = 0; i < max && texts[i]; i++)
        pen_text(p, NULL, texts[i]);
    pen_close(p, ']');
}

void pen_techniques(struct pen *p, const char *key, const struct alert *a, bool subs)
{
    const char *const *each = a->type->techniques;

    pen_open(p, key, '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && each[i]; i++) {
        bool is_new = true;

        for (size_t j = 0; j < i; j++)
            is_new &= !slice_eq(parts_technique(each[i]), parts_technique(each[j]));
        if (subs ? strchr(each[i], '.') != NULL : is_new)
            pen_id(p, NULL, subs ? slice_of(each[i]) : parts_technique(each[i]));
    }
    pen_close(p, ']');
}

static void add_detail(void *self, const char *key, struct slice value)
{
    pen_slice(self, key, value);
}

void pen_details(struct pen *p, const struct alert *a)
{
    p->out->failed |= !parts_each_detail(a, add_detail, p);
}

static void add_entries(struct pen *p, const struct fact *f)
{
    size_t n = f->len < p->list_max ? f->len : p->list_max;

    pen_open(p, f->name, '[');
    for (size_t i = 0; i < n; i++) {
        if (f->kind != FACT_MAP) {
            pen_text(p, NULL, f->entries[i].text);
            continue;
        }
        pen_open(p, NULL, '{');
        pen_text(p, "value", f->entries[i].text);
        pen_i64(p, "count", f->entries[i].number);
        pen_close(p, '}');
    }
    pen_close(p, ']');
    p->cuts += n < f->len || f->more;
}

void pen_facts(struct pen *p, const char *key, const struct alert *a)
{
    pen_open(p, key, '{');
    for (size_t i = 0; i < a->facts_len; i++) {
        const struct fact *f = &a->facts[i];

        if (fact_is_list(f))
            add_entries(p, f);
        else if (parts_is_time(f->name))
            pen_time(p, f->name, f->number);
        else
            pen_i64(p, f->name, f->number);
    }
    pen_close(p, '}');
}

/* ---- entities ----------------------------------------------------------------------------------- */

struct entity_pen {
    struct pen *pen;
    const struct gist *gist;
    int *next_id;
    size_t left;
};

static void add_place(struct pen *p, const struct entity_place *place)
{
    pen_open(p, "Location", '{');
    pen_known(p, "CountryName", place->country);
    pen_known(p, "State", place->state);
    pen_known(p, "City", place->city);
    if (place->has_point) {
        pen_real(p, "Longitude", place->longitude);
        pen_real(p, "Latitude", place->latitude);
    }
    pen_close(p, '}');
}

static void add_threats(struct pen *p, const struct entity *e)
{
    pen_open(p, "ThreatIntelligence", '[');
    for (size_t i = 0; i < e->threats_len; i++) {
        const struct entity_threat *t = &e->threats[i];

        pen_open(p, NULL, '{');
        pen_text(p, "ProviderName", t->feed);
        pen_known(p, "ThreatType", slice_of(t->category));
        if (t->confidence >= 0 && t->confidence <= 100)
            pen_real(p, "Confidence", t->confidence / 100.0);
        if (t->since_ns != INT64_MIN) {
            CLEANUP(buf_release) struct buf text = BUF_HERE(64);

            buf_add_str(&text, "Listed since ");
            time_add_iso(&text, t->since_ns, 0);
            pen_slice(p, "ThreatDescription", buf_slice(&text));
        }
        pen_close(p, '}');
    }
    pen_close(p, ']');
}

static void add_account(struct pen *p, const struct entity *e)
{
    if (!slice_empty(e->suffix)) {
        pen_slice(p, "Name", e->name);
        pen_slice(p, "UPNSuffix", e->suffix);
    } else {
        pen_slice(p, fit_is_uuid(e->id) ? "AadUserId" : "Name", e->id);
    }
}

static void add_entity(void *self, const struct entity *e)
{
    static const char *const types[] = {
        [ENTITY_RESOURCE] = "azure-resource", [ENTITY_IP] = "ip",
        [ENTITY_ACCOUNT] = "account", [ENTITY_APPLICATION] = "cloud-application",
    };
    struct entity_pen *w = self;
    struct pen *p = w->pen;
    char id[16];

    /* What is no address or no resource id would be refused, or worse, taken for one. */
    if ((e->kind == ENTITY_IP && fit_address(e->id) == FIT_NO_ADDRESS) ||
        (e->kind == ENTITY_RESOURCE && !w->gist->has_arm))
        return;
    if (w->left == 0) {
        p->cuts++;
        return;
    }
    w->left--;
    pen_open(p, NULL, '{');
    (void)snprintf(id, sizeof id, "%d", (*w->next_id)++);
    pen_text(p, "$id", id);
    switch (e->kind) {
    case ENTITY_RESOURCE:
        pen_id(p, "ResourceId", buf_slice(&w->gist->resource));
        break;
    case ENTITY_IP:
        pen_id(p, "Address", e->id);
        if (e->place)
            add_place(p, e->place);
        if (e->threats_len > 0)
            add_threats(p, e);
        break;
    case ENTITY_ACCOUNT:
        add_account(p, e);
        break;
    case ENTITY_APPLICATION:
        pen_slice(p, "Name", e->id); /* the name is not in the logs */
        pen_slice(p, "AppId", e->id);
        break;
    }
    pen_bool(p, "Asset", e->kind == ENTITY_RESOURCE);
    pen_text(p, "Type", types[e->kind]);
    pen_close(p, '}');
}

void pen_entities(struct pen *p, const char *key, const struct gist *g, int *next_id)
{
    struct entity_pen w = { .pen = p, .gist = g, .next_id = next_id, .left = 3 * p->list_max };

    pen_open(p, key, '[');
    gist_each_entity(g, add_entity, &w);
    pen_close(p, ']');
}

/* ---- the document ------------------------------------------------------------------------------- */

int document_write(const struct alert *a, struct buf *out, size_t max_bytes,
                   void (*fn)(struct pen *p, const struct gist *g), struct error *err)
{
    static const struct { size_t text_max, list_max; } fineness[] = {
        { 16384, FACT_SET_MAX }, { 4096, FACT_SET_MAX }, { 1024, FACT_SET_MAX }, { 256, 10 }, { 96, 5 }, { 40, 2 },
    };
    CLEANUP(gist_release) struct gist g = { 0 };
    size_t start = out->len;

    if (gist_init(&g, a, true, err) < 0 || buf_check(out, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(fineness); i++) {
        struct pen p = { .out = out, .text_max = fineness[i].text_max, .list_max = fineness[i].list_max };

        buf_add_char(out, '{');
        fn(&p, &g);
        buf_add_char(out, '}');
        if (!out->failed && out->len - start <= max_bytes)
            return 0;
        if (out->failed && !out->is_full)
            break; /* memory: a finer pen would not help */
        out->failed = out->is_full = false;
        out->len = start;
        if (out->at)
            out->at[start] = '\0';
    }
    if (out->failed)
        return buf_check(out, err);
    return error_set(err, ERR_LIMIT, "an alert needs more than %zu bytes",
                     max_bytes < out->max ? max_bytes : out->max);
}
