/* health.c - see health.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/health.h"

#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/html.h"
#include "console/view.h"
#include "status.h"

#include <json-c/json.h>
#include <stdio.h>

struct judging {
    void (*fn)(void *self, enum health_problem_kind kind, const char *name, const char *what);
    void *self;
    size_t n;
};

static void tell(struct judging *j, enum health_problem_kind kind, const char *name, const char *what)
{
    j->n += kind != HEALTH_NOTE;
    if (j->fn)
        j->fn(j->self, kind, name, what);
}

static int64_t age_s(struct json_object *status, int64_t now_ns)
{
    int64_t written = 0;

    return time_parse_iso(slice_of(json_text(status, "writtenAt", "")), &written) ? (now_ns - written) / NS_PER_S
                                                                              : INT64_MAX;
}

static void judge_agent(struct judging *j, struct json_object *status, int64_t now_ns)
{
    char what[160];
    int64_t age = age_s(status, now_ns);

    if (age <= HEALTH_STATUS_MAX_AGE_S)
        return;
    (void)snprintf(what, sizeof what, "has said nothing of itself for %" PRId64 " s: it is stuck or does not run", age);
    tell(j, HEALTH_AGENT, "agent", what);
}

/* Nothing comes or goes, and a reason is known or somebody is needed. */
static bool is_troubled(struct json_object *o)
{
    enum status_grade grade = status_grade(json_text(o, "state", ""));

    return grade == STATUS_BAD || (grade == STATUS_SLOW && json_text(o, "reason", "")[0]);
}

static bool is_short(struct json_object *o, const char *last_success)
{
    return json_text(o, last_success, "")[0] && json_number(o, "brokenForSeconds") > 0 &&
           json_number(o, "brokenForSeconds") <= HEALTH_PATIENCE_S;
}

static void judge_source(struct judging *j, struct json_object *s)
{
    const char *reason = json_text(s, "reason", "");
    char what[400];

    if (is_troubled(s)) {
        tell(j, is_short(s, "lastSuccess") ? HEALTH_NOTE : HEALTH_SOURCE, json_text(s, "name", ""), reason[0] ? reason : "cannot be read");
    } else if (!json_number(s, "backfilling") && json_number(s, "lagSeconds") > HEALTH_LAG_MAX_S) {
        CLEANUP(buf_release) struct buf lag = BUF_HERE(64);

        fmt_duration_ms(&lag, json_number(s, "lagSeconds") * 1000);
        (void)snprintf(what, sizeof what, "is %s behind%s%s", buf_cstr(&lag), reason[0] ? ": " : "", reason);
        tell(j, HEALTH_SOURCE, json_text(s, "name", ""), what);
    }
}

static void judge_output(struct judging *j, struct json_object *s)
{
    const char *reason = json_text(s, "reason", "");
    char what[400];

    if (is_troubled(s)) {
        tell(j, is_short(s, "lastAccepted") ? HEALTH_NOTE : HEALTH_OUTPUT, json_text(s, "name", ""),
             reason[0] ? reason : "does not take alerts");
    } else if (json_number(s, "parked") > 0) {
        (void)snprintf(what, sizeof what, "refused %" PRId64 " alert(s): `cosmowatch outputs parked %s` says why",
                       json_number(s, "parked"), json_text(s, "name", ""));
        tell(j, HEALTH_NOTE, json_text(s, "name", ""), what);
    }
}

static void judge_reader(struct judging *j, struct json_object *status, const char *which, const char *piece)
{
    struct json_object *r = NULL;
    char what[240], unread[96] = "";

    if (!json_object_object_get_ex(status, which, &r) || json_number(r, "leftOut") == 0)
        return;
    if (json_number(r, "passedOver") > 0)
        (void)snprintf(unread, sizeof unread, ", %" PRId64 " of them unread, for others in their account ended it too often",
                       json_number(r, "passedOver"));
    (void)snprintf(what, sizeof what,
                   "%" PRId64 " %s(s) ended the reader and were set aside%s: `cosmowatch coverage --unreadable`",
                   json_number(r, "leftOut"), piece, unread);
    tell(j, HEALTH_NOTE, "reader", what);
}

/* One of ours that ended is trouble even where the other side has not noticed yet. One of theirs is when it is refused,
 * and the output or the source says so. */
static void judge_certificate(struct judging *j, struct json_object *o, bool is_ours)
{
    char what[200];

    if (!json_text(o, "reason", "")[0])
        return;
    (void)snprintf(what, sizeof what, "%s a certificate that %s", is_ours ? "is" : "has", json_text(o, "reason", ""));
    tell(j, is_ours && json_number(o, "hasEnded") ? HEALTH_AGENT : HEALTH_NOTE, json_text(o, "name", ""), what);
}

size_t health_judge(struct json_object *status, int64_t now_ns,
                    void (*fn)(void *self, enum health_problem_kind kind, const char *name, const char *what), void *self)
{
    struct judging j = { .fn = fn, .self = self };
    struct json_object *list = NULL;

    if (!status) {
        tell(&j, HEALTH_AGENT, "agent", "has not said anything of itself yet");
        return j.n;
    }
    judge_agent(&j, status, now_ns);
    judge_reader(&j, status, "reader", "row");
    judge_reader(&j, status, "statementReader", "statement");
    for (size_t i = 0, n = json_list(status, "sources", &list); i < n; i++)
        judge_source(&j, json_object_array_get_idx(list, i));
    for (size_t i = 0, n = json_list(status, "outputs", &list); i < n; i++)
        judge_output(&j, json_object_array_get_idx(list, i));
    for (size_t i = 0, n = json_list(status, "certificates", &list); i < n; i++)
        judge_certificate(&j, json_object_array_get_idx(list, i), true);
    for (size_t i = 0, n = json_list(status, "peerCertificates", &list); i < n; i++)
        judge_certificate(&j, json_object_array_get_idx(list, i), false);
    return j.n;
}

bool health_is_ready(struct json_object *status, int64_t now_ns)
{
    struct json_object *list = NULL;

    if (!status || age_s(status, now_ns) > HEALTH_STATUS_MAX_AGE_S)
        return false;
    for (size_t i = 0, n = json_list(status, "sources", &list); i < n; i++)
        if (!json_text(json_object_array_get_idx(list, i), "lastSuccess", "")[0])
            return false;
    return true;
}

/* ---- /healthz, /readyz -------------------------------------------------------------------------------------------- */

static void add_problem(void *self, enum health_problem_kind kind, const char *name, const char *what)
{
    static const char *const kinds[] = { "agent", "source", "output", "note" };
    struct json_object *o = json_object_new_object();

    (void)json_object_object_add(o, "kind", json_object_new_string(kinds[kind]));
    (void)json_object_object_add(o, "name", json_object_new_string(name));
    (void)json_object_object_add(o, "what", json_object_new_string(what));
    (void)json_object_array_add(self, o);
}

static struct json_object *said(bool is_good, const char *word, struct json_object *problems)
{
    struct json_object *o = json_object_new_object();

    (void)json_object_object_add(o, word, json_object_new_boolean(is_good));
    (void)json_object_object_add(o, "problems", problems);
    return o;
}

struct json_object *health_json(struct json_object *status, int64_t now_ns, bool *ret_is_good)
{
    struct json_object *problems = json_object_new_array();

    *ret_is_good = health_judge(status, now_ns, add_problem, problems) == 0;
    return said(*ret_is_good, "healthy", problems);
}

static int answer(struct view *v, bool is_good, struct json_object *o)
{
    buf_add_str(v->out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    buf_add_char(v->out, '\n');
    json_object_put(o);
    return is_good ? 200 : 503;
}

int healthz_page(struct view *v, struct error *err UNUSED)
{
    bool is_good = false;
    struct json_object *o = health_json(v->status, sv_wall_ns(v->sv), &is_good);

    return answer(v, is_good, o);
}

int readyz_page(struct view *v, struct error *err UNUSED)
{
    bool is_ready = health_is_ready(v->status, sv_wall_ns(v->sv));

    return answer(v, is_ready, said(is_ready, "ready", json_object_new_array()));
}
