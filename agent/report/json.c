/* json.c - a report as JSON, for whoever counts further. SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/controls.h"
#include "report/report.h"

#include <json-c/json.h>

#define ROWS_MAX 1000 /* of each list */

static const struct { enum report_by by; const char *key; } lists[] = {
    { BY_ACCOUNT, "byAccount" }, { BY_TYPE, "byType" }, { BY_TACTIC, "byTactic" }, { BY_PLACE, "byPlace" },
    { BY_SUBJECT, "bySubject" }, { BY_DETECTOR, "byDetector" }, { BY_SUPPRESSION, "suppressed" },
};

static void add(struct json_object *o, const char *key, struct json_object *value)
{
    (void)json_object_object_add(o, key, value);
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
    add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, int64_t n)
{
    add(o, key, json_object_new_int64(n));
}

static void add_time(struct json_object *o, const char *key, int64_t ns)
{
    CLEANUP(buf_release) struct buf t = BUF_HERE(64);

    time_add_iso(&t, ns, 0);
    add_text(o, key, buf_cstr(&t));
}

static struct json_object *severities(const int64_t n[SEVERITY_HIGH + 1])
{
    struct json_object *o = json_object_new_object();

    for (int s = SEVERITY_HIGH; s >= 0; s--)
        add_number(o, severity_name((enum severity)s), n[s]);
    return o;
}

static void add_sums(struct json_object *o, const struct report_sums *s)
{
    add_number(o, "alerts", s->alerts);
    add_number(o, "incidents", s->incidents);
    add_number(o, "suppressedAlerts", s->suppressed);
    add_number(o, "requestsInAlerts", s->requests);
    add(o, "bySeverity", severities(s->n));
}

static struct json_object *tally(const struct report_tally *t)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < t->len && i < ROWS_MAX; i++) {
        struct json_object *o = json_object_new_object();

        add(o, "name", json_object_new_string_len(t->lines[i].name.at, (int)t->lines[i].name.len));
        add_number(o, "alerts", t->lines[i].row->total);
        add_number(o, "before", t->lines[i].row->before);
        add(o, "bySeverity", severities(t->lines[i].row->n));
        (void)json_object_array_add(list, o);
    }
    return list;
}

/* Alerts under names that no list shows; 0 when the list is whole. */
static int64_t left_off(const struct report_tally *t)
{
    int64_t n = t->others;

    for (size_t i = ROWS_MAX; i < t->len; i++)
        n += t->lines[i].row->total;
    return n;
}

static struct json_object *over_time(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->bars_len; i++) {
        struct json_object *o = json_object_new_object();

        add_time(o, "from", r->bars[i].from_ns);
        add(o, "bySeverity", severities(r->bars[i].n));
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *worst(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->worst_len; i++) {
        const struct report_worst *w = &r->worst[i];
        struct json_object *o = json_object_new_object();

        add_text(o, "systemAlertId", w->id);
        add_text(o, "severity", severity_name(w->severity));
        add_text(o, "alertDisplayName", w->title);
        add_text(o, "account", w->account);
        add_time(o, "endTimeUtc", w->last_ns);
        add_text(o, "why", w->why);
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *coverage(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->sources_len; i++) {
        const struct report_source *s = &r->sources[i];
        struct json_object *o = json_object_new_object();

        add_text(o, "source", s->name);
        add_number(o, "readSeconds", s->read_ns / NS_PER_S);
        add_number(o, "learnedFromSeconds", s->learned_ns / NS_PER_S);
        add_number(o, "gapSeconds", s->gap_ns / NS_PER_S);
        add_number(o, "openSeconds", s->open_ns / NS_PER_S);
        add_number(o, "unseenSeconds", report_unseen(r, s) / NS_PER_S);
        add_number(o, "readSecondsBefore", s->read_before_ns / NS_PER_S);
        if (s->reason[0])
            add_text(o, "reason", s->reason);
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *deliveries(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->outputs_len; i++) {
        const struct report_output *output = &r->outputs[i];
        struct json_object *o = json_object_new_object();

        add_text(o, "output", output->name);
        add(o, "isConfigured", json_object_new_boolean(output->is_configured));
        add_number(o, "accepted", output->n.accepted);
        add_number(o, "pending", output->n.pending);
        add_number(o, "parked", output->n.parked);
        add_number(o, "dropped", output->n.dropped);
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *suppressions(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < suppress_len(r->suppress); i++) {
        struct json_object *o = json_object_new_object();
        struct suppress_view look;

        suppress_look(r->suppress, i, &look);
        add_text(o, "name", look.name);
        add_text(o, "reason", look.reason);
        add_text(o, "comment", look.comment);
        if (look.expires_ns != INT64_MAX)
            add_time(o, "expires", look.expires_ns);
        add_number(o, "alerts", r->of_rule[i]);
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *trusted(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < trusted_len(r->trusted); i++) {
        struct json_object *o = json_object_new_object();
        struct trusted_use use = trusted_use(r->trusted, i);
        struct trusted_view look;

        trusted_look(r->trusted, i, &look);
        add_text(o, "kind", look.kind);
        add_text(o, "value", look.value);
        add_text(o, "note", look.note);
        if (look.until_ns != INT64_MAX)
            add_time(o, "until", look.until_ns);
        if (use.days > 0)
            add_time(o, "lastUsed", use.last_ns);
        add_number(o, "daysUsed", use.days);
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *controls(const struct report *r)
{
    struct json_object *list = json_object_new_array();
    const struct control *c = NULL;

    for (size_t i = 0; (c = control_at(i)) != NULL; i++) {
        struct json_object *o = json_object_new_object(), *by = json_object_new_array();
        const struct control_part *p = NULL;

        add_text(o, "framework", c->frame);
        add_text(o, "control", c->id);
        add_text(o, "title", c->title);
        add(o, "servedBy", by);
        for (size_t k = 0; (p = control_part_at(k)) != NULL; k++) {
            struct json_object *part = NULL;

            if (!control_is_served_by(c, p))
                continue;
            part = json_object_new_object();
            add_text(part, "part", p->name);
            add(part, "isOn", json_object_new_boolean(report_part_is_on(r, p)));
            add_number(part, "alerts", report_alerts_of(r, p->name));
            (void)json_object_array_add(by, part);
        }
        (void)json_object_array_add(list, o);
    }
    return list;
}

int report_add_json(const struct report *r, struct buf *out, struct error *err)
{
    struct json_object *o = json_object_new_object(), *before = json_object_new_object(), *more = json_object_new_object();

    add_time(o, "from", r->from_ns);
    add_time(o, "to", r->to_ns);
    add_time(o, "madeAt", r->made_ns);
    add_text(o, "version", COSMOWATCH_VERSION);
    add_sums(o, &r->now);
    add(o, "before", before);
    add_time(before, "from", report_before_ns(r));
    add_sums(before, &r->before);
    add(o, "overTime", over_time(r));
    add(o, "worst", worst(r));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        add(o, lists[i].key, tally(&r->by[lists[i].by]));
        if (left_off(&r->by[lists[i].by]) > 0)
            add_number(more, lists[i].key, left_off(&r->by[lists[i].by]));
    }
    add(o, "alertsLeftOff", more);
    add(o, "suppressions", suppressions(r));
    add(o, "trusted", trusted(r));
    add(o, "coverage", coverage(r));
    add(o, "deliveries", deliveries(r));
    add(o, "controls", controls(r));
    buf_add_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                           JSON_C_TO_STRING_NOSLASHESCAPE));
    buf_add_char(out, '\n');
    json_object_put(o);
    return buf_check(out, err);
}
