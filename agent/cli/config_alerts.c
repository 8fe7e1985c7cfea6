/* config_alerts.c - `cosmowatch config alerts`: what each detector finds and how it is tuned, in Markdown, from the
 * catalogue and the option tables. The manual's page (packaging/manual/alerts.md) is made of it and of words of its own
 * (packaging/manual/generate).
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_alerts.h"

#include "alert/catalogue.h"
#include "detectors/detector.h"
#include "settings/option.h"

#include <string.h>

/* A template without its machinery: {account} is what stands there in an alert, [[...]] what may be left out. */
static void add_template(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;

        if (end) {
            buf_addf(out, "*%.*s*", (int)strcspn(p + 1, ":}"), p + 1);
            p = end;
        } else if ((p[0] == '[' && p[1] == '[') || (p[0] == ']' && p[1] == ']')) {
            p++;
        } else {
            buf_add_char(out, *p);
        }
    }
}

static void add_type(struct buf *out, const struct alert_type *t)
{
    buf_addf(out, "### %s\n\n**%s.** Usually %s. %s", t->id, t->display_name, severity_name(t->severity), t->intent);
    for (size_t i = 0; i < TECHNIQUES_MAX && t->techniques[i]; i++)
        buf_addf(out, "%s%s", i == 0 ? " (" : ", ", t->techniques[i]);
    buf_add_str(out, t->techniques[0] ? ").\n\n" : ".\n\n");
    add_template(out, t->description);
    buf_add_str(out, "\n\nRows that prove it: ");
    for (size_t i = 0; i < ARRAY_LEN(t->tables) && t->tables[i]; i++)
        buf_addf(out, "%s`%s`", i == 0 ? "" : ", ", t->tables[i]);
    buf_add_str(out, ".\n\n");
}

static void add_cell(struct buf *out, const char *text)
{
    for (; text && *text; text++)
        buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_options(struct buf *out, const struct option_spec *specs)
{
    if (!specs || !specs->key)
        return;
    buf_add_str(out, "| option | preset | meaning |\n|---|---|---|\n");
    for (const struct option_spec *s = specs; s->key; s++) {
        buf_addf(out, "| `%s` | %s%s%s | ", s->key, s->preset ? "`" : "", s->preset ? s->preset : "unset",
                 s->preset ? "`" : "");
        add_cell(out, s->help);
        buf_add_str(out, " |\n");
    }
    buf_add_char(out, '\n');
}

static void add_detector(struct buf *out, const struct detector_ops *d)
{
    for (size_t i = 0; d->types[i]; i++)
        add_type(out, alert_type_find(d->types[i]));
    add_options(out, d->options);
}

static bool is_raised_by_a_detector(const struct alert_type *t)
{
    for (size_t d = 0; detectors_all[d]; d++)
        for (size_t i = 0; detectors_all[d]->types[i]; i++)
            if (strcmp(detectors_all[d]->types[i], t->id) == 0)
                return true;
    return false;
}

/* Those of no detector: the incidents, or what the agent says of itself. */
static void add_others(struct buf *out, bool are_incidents)
{
    const struct alert_type *t;

    for (size_t i = 0; (t = alert_type_at(i)) != NULL; i++)
        if (!is_raised_by_a_detector(t) && t->is_incident == are_incidents)
            add_type(out, t);
}

int config_alerts(struct buf *out, const char *who, struct error *err)
{
    size_t before = out->len;

    for (size_t d = 0; detectors_all[d]; d++) {
        if (who && strcmp(detectors_all[d]->name, who) != 0)
            continue;
        if (!who)
            buf_addf(out, "## %s\n\n", detectors_all[d]->name);
        add_detector(out, detectors_all[d]);
    }
    if (!who || strcmp(who, "incidents") == 0)
        add_others(out, true);
    if (!who || strcmp(who, "agent") == 0)
        add_others(out, false);
    if (out->len == before)
        return error_set(err, ERR_CONFIG, "'%.40s' is no detector; incidents and agent are the others", who);
    return buf_check(out, err);
}
