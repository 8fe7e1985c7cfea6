/* alert.c - merging facts. Everything here must be commutative and associative: the rows of a day end
 * in the same alert whether they came in one batch or in a thousand, forwards or backwards. That is why
 * a set keeps its smallest entries (a dropped one can never come back) and a variant is chosen by
 * severity and then by its name, not by who came first.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/num.h"
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>

/* Namespace of our name-based alert ids: a constant of this project, itself a v4 uuid. */
static const uint8_t alert_namespace[16] = { 0x6f, 0x1d, 0x3c, 0x52, 0x8a, 0x0e, 0x4b, 0x77,
                                             0x9c, 0x41, 0xd2, 0x5a, 0x10, 0xe8, 0x63, 0xbf };

const char *severity_name(enum severity s)
{
    switch (s) {
    case SEVERITY_LOW: return "Low";
    case SEVERITY_MEDIUM: return "Medium";
    case SEVERITY_HIGH: return "High";
    case SEVERITY_INFORMATIONAL: break;
    }
    return "Informational";
}

/* A C string of foreign text: cut, and with NUL bytes replaced, so that char * carries all of it. */
static char *text_copy(struct slice s, size_t max)
{
    struct slice cut = slice_cut(s, max);
    char *copy = malloc(cut.len + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < cut.len; i++)
        copy[i] = cut.at[i] ? cut.at[i] : '?';
    copy[cut.len] = '\0';
    return copy;
}

struct alert *alert_new(void)
{
    return calloc(1, sizeof(struct alert));
}

static void fact_release(struct fact *f)
{
    for (size_t i = 0; i < f->len; i++)
        free(f->entries[i].text);
    free(f->entries);
    free(f->name);
}

void alert_free(struct alert *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->facts_len; i++)
        fact_release(&a->facts[i]);
    free(a->facts);
    free(a->detector);
    free(a->variant);
    free(a->account);
    free(a->resource_id);
    free(a->subject);
    free(a);
}

void alert_freep(struct alert **a)
{
    alert_free(*a);
    *a = NULL;
}

const struct fact *alert_fact(const struct alert *a, const char *name)
{
    for (size_t i = 0; i < a->facts_len; i++)
        if (a->facts[i].name[0] == name[0] && strcmp(a->facts[i].name, name) == 0) /* asked dozens of times an alert */
            return &a->facts[i];
    return NULL;
}

int64_t alert_number(const struct alert *a, const char *name, int64_t otherwise)
{
    const struct fact *f = alert_fact(a, name);

    return f && (f->kind == FACT_SUM || f->kind == FACT_MAX || f->kind == FACT_MIN) ? f->number
                                                                                   : otherwise;
}

const char *alert_text(const struct alert *a, const char *name)
{
    const struct fact *f = alert_fact(a, name);

    return f && f->len > 0 ? f->entries[0].text : "";
}

bool alert_is_about(const struct alert *a, const char *account)
{
    const struct fact *f = alert_fact(a, "accounts");

    if (slice_eq_nocase(slice_of(account), slice_of(a->account)))
        return true;
    for (size_t i = 0; f && i < f->len; i++)
        if (slice_eq_nocase(slice_of(account), slice_of(f->entries[i].text)))
            return true;
    return false;
}

/* The fact of that name, made when missing; facts stay sorted by name. */
static struct fact *fact_at(struct alert *a, const char *name, enum fact_kind kind, bool *ret_new)
{
    size_t at = 0;

    while (at < a->facts_len && strcmp(a->facts[at].name, name) < 0)
        at++;
    *ret_new = false;
    if (at < a->facts_len && strcmp(a->facts[at].name, name) == 0)
        return &a->facts[at];

    char *copy = strdup(name);
    struct fact *grown = copy ? realloc(a->facts, (a->facts_len + 1) * sizeof *grown) : NULL;

    if (!grown) {
        free(copy);
        return NULL;
    }
    a->facts = grown;
    memmove(&grown[at + 1], &grown[at], (a->facts_len - at) * sizeof *grown);
    grown[at] = (struct fact){ .name = copy, .kind = kind };
    a->facts_len++;
    *ret_new = true;
    return &grown[at];
}

static bool fact_put(struct fact *f, size_t at, struct fact_entry entry)
{
    struct fact_entry *grown = realloc(f->entries, (f->len + 1) * sizeof *grown);

    if (!grown)
        return false;
    f->entries = grown;
    memmove(&grown[at + 1], &grown[at], (f->len - at) * sizeof *grown);
    grown[at] = entry;
    f->len++;
    return true;
}

static void fact_drop(struct fact *f, size_t at)
{
    free(f->entries[at].text);
    f->len--;
    memmove(&f->entries[at], &f->entries[at + 1], (f->len - at) * sizeof *f->entries);
}

/* Add to a SAMPLE: the smallest text of each share stays. Sorted by text, then by share. */
static bool fact_sample(struct fact *f, struct slice text, int64_t number)
{
    int64_t share = (int64_t)((uint64_t)number % FACT_SAMPLES);
    char *copy = text_copy(text, FACT_TEXT_MAX);
    size_t at = 0;

    if (!copy)
        return false;
    for (size_t i = 0; i < f->len; i++) {
        if (f->entries[i].number != share)
            continue;
        if (strcmp(f->entries[i].text, copy) <= 0) {
            free(copy);
            return true;
        }
        fact_drop(f, i);
        break;
    }
    while (at < f->len && (strcmp(f->entries[at].text, copy) < 0 ||
                           (strcmp(f->entries[at].text, copy) == 0 && f->entries[at].number < share)))
        at++;
    if (fact_put(f, at, (struct fact_entry){ .text = copy, .number = share }))
        return true;
    free(copy);
    return false;
}

/* Add to a SET or MAP: the FACT_SET_MAX smallest texts stay. */
static bool fact_unite(struct fact *f, struct slice text, int64_t number)
{
    char *copy = text_copy(text, FACT_TEXT_MAX);
    size_t at = 0;

    if (!copy)
        return false;
    while (at < f->len && strcmp(f->entries[at].text, copy) < 0)
        at++;
    if (at < f->len && strcmp(f->entries[at].text, copy) == 0) {
        f->entries[at].number = i64_add_sat(f->entries[at].number, number);
        free(copy);
        return true;
    }
    if (f->len == FACT_SET_MAX) {
        f->more = true;
        if (at == f->len) {
            free(copy);
            return true;
        }
        free(f->entries[--f->len].text);
    }
    if (fact_put(f, at, (struct fact_entry){ .text = copy, .number = number }))
        return true;
    free(copy);
    return false;
}

static bool fact_add(struct alert *a, const struct fact_value *v)
{
    bool is_new = false;
    struct fact *f = NULL;

    if ((v->kind == FACT_SET || v->kind == FACT_MAP || v->kind == FACT_SAMPLE) && slice_empty(v->text))
        return true;
    f = fact_at(a, v->name, v->kind, &is_new);
    if (!f)
        return false;
    switch (v->kind) {
    case FACT_SUM: f->number = i64_add_sat(f->number, v->number); break;
    case FACT_MAX: f->number = is_new || v->number > f->number ? v->number : f->number; break;
    case FACT_MIN: f->number = is_new || v->number < f->number ? v->number : f->number; break;
    case FACT_SET:
    case FACT_MAP: return fact_unite(f, v->text, v->number);
    case FACT_SAMPLE: return fact_sample(f, v->text, v->number);
    }
    return true;
}

/* Replace *text when the other is not empty and smaller (or *text is empty). */
static bool take_smaller(char **text, struct slice other, size_t max)
{
    char *copy = NULL;

    if (slice_empty(other))
        return true;
    copy = text_copy(other, max);
    if (!copy)
        return false;
    if (**text == '\0' || strcmp(copy, *text) < 0) {
        free(*text);
        *text = copy;
    } else {
        free(copy);
    }
    return true;
}

int alert_merge(struct alert *a, const struct alert_draft *d, struct error *err)
{
    struct slice variant = slice_of(d->variant);
    bool ok = true;

    if (d->severity > a->severity) {
        a->severity = d->severity;
        a->variant[0] = '\0';
    }
    if (d->severity == a->severity)
        ok = take_smaller(&a->variant, variant, 64);
    ok = ok && take_smaller(&a->resource_id, d->resource_id, 1024);
    if (d->confidence > a->confidence)
        a->confidence = d->confidence;
    if (d->api > a->api)
        a->api = d->api;
    if (d->first_ns < a->first_ns)
        a->first_ns = d->first_ns;
    if (d->last_ns > a->last_ns)
        a->last_ns = d->last_ns;
    a->count = i64_add_sat(a->count, d->count);
    for (size_t i = 0; ok && i < d->facts_len; i++)
        ok = fact_add(a, &d->facts[i]);
    if (!ok)
        return error_set(err, ERR_NOMEM, "no memory for the facts of an alert");
    return 0;
}

/* A name that is not whole would be another alert's. */
static int identify(struct alert *a, int state_version, struct error *err)
{
    CLEANUP(buf_release) struct buf name = BUF_HERE(16384);

    buf_addf(&name, "%s/%d/%s/%s/", a->detector, state_version, a->type->id, a->account);
    buf_add_str(&name, a->subject);
    buf_addf(&name, "/%" PRId64, a->bucket_ns);
    if (buf_check(&name, err) < 0)
        return error_wrap(err, "name of an alert");
    return uuid_v5(alert_namespace, buf_slice(&name), a->id)
               ? 0
               : error_set(err, ERR_NOMEM, "no memory for the name of an alert (SHA-1), or OpenSSL refuses to make it");
}

static void take_id(struct alert *a, const char *id)
{
    for (size_t i = 0; i < sizeof a->id - 1; i++)
        a->id[i] = (char)(id[i] >= 'A' && id[i] <= 'F' ? id[i] + ('a' - 'A') : id[i]);
}

int alert_from_draft(const struct alert_draft *d, struct alert **ret, struct error *err)
{
    CLEANUP(alert_freep) struct alert *a = alert_new();

    if (!a)
        return error_set(err, ERR_NOMEM, "no memory for an alert");
    a->type = alert_type_find(d->type);
    if (!a->type)
        return error_set(err, ERR_BUG, "alert type '%s' is not in the catalogue", d->type);
    a->detector = text_copy(slice_of(d->detector), 64);
    a->variant = strdup("");
    a->account = text_copy(d->account, 256);
    a->resource_id = strdup("");
    a->subject = text_copy(d->subject, 1024);
    if (!a->detector || !a->variant || !a->account || !a->resource_id || !a->subject)
        return error_set(err, ERR_NOMEM, "no memory for an alert");
    a->severity = SEVERITY_INFORMATIONAL;
    a->bucket_ns = d->bucket_ns;
    a->first_ns = INT64_MAX;
    a->last_ns = INT64_MIN;
    if (d->id && uuid_is_valid(slice_of(d->id)))
        take_id(a, d->id);
    else if (identify(a, d->state_version, err) < 0)
        return -1;
    (void)snprintf(a->record_id, sizeof a->record_id, "%s-0", a->id);
    if (alert_merge(a, d, err) < 0)
        return -1;
    *ret = TAKE(a);
    return 0;
}
