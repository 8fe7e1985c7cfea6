/* gist.c - see gist.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/gist.h"

#include "alert/catalogue.h"
#include "base/num.h"
#include "outputs/kit/attack.h"

#define TEXT_USUAL 512            /* bytes that most texts fit in */
#define TEXT_MAX ((size_t)4 << 20) /* one rendered text; what is longer than a receiver takes is cut later */

static bool has_words(const struct alert *a, const char *part)
{
    return strstr(a->type->id, part) != NULL;
}

static enum gist_method find_method(const struct alert *a)
{
    if (alert_fact(a, "feed"))
        return GIST_LISTED;
    if (has_words(a, "Injection"))
        return GIST_STATEMENT;
    if (has_words(a, "Anomaly") || alert_fact(a, "usualBytes") || alert_fact(a, "usualValues") ||
        alert_fact(a, "baseline"))
        return GIST_BEHAVIOUR;
    return GIST_RULE;
}

static void read_statuses(struct gist *g)
{
    const struct fact *f = alert_fact(g->alert, "statusCodes");
    bool is_good = false, is_bad = false;
    int64_t status = -1;

    g->status = -1;
    for (size_t i = 0; f && i < f->len; i++) {
        if (!parse_i64(slice_of(f->entries[i].text), 100, 599, &status))
            return;
        is_good |= status < 400;
        is_bad |= status >= 400;
    }
    if (is_good != is_bad)
        g->outcome = is_good ? GIST_SUCCESS : GIST_FAILURE;
    if (f && f->len == 1 && !f->more)
        g->status = status;
}

/* The operation seen most. */
static struct slice main_operation(const struct alert *a)
{
    const struct fact *f = alert_fact(a, "operations");
    size_t best = 0;

    if (!f || f->len == 0)
        return (struct slice){ 0 };
    for (size_t i = 1; i < f->len; i++)
        if (f->entries[i].number > f->entries[best].number)
            best = i;
    return slice_of(f->entries[best].text);
}

/* The place's texts are borrowed from a parse that ends with the walk. */
static void keep_place(struct gist *g, const struct entity_place *from)
{
    struct slice *const texts[] = { &g->place.country, &g->place.state, &g->place.city };
    size_t at = 0;

    g->place = *from;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        buf_add_slice(&g->place_text, *texts[i]);
    for (size_t i = 0; i < ARRAY_LEN(texts) && !g->place_text.failed; at += texts[i++]->len)
        texts[i]->at = g->place_text.at + at;
}

static void read_entity(void *self, const struct entity *e)
{
    struct gist *g = self;
    enum fit_family family;

    if (e->kind == ENTITY_ACCOUNT && slice_empty(g->principal))
        g->principal = e->id;
    if (e->kind == ENTITY_APPLICATION && slice_empty(g->application))
        g->application = e->id;
    if (e->kind == ENTITY_IP && slice_empty(g->address) && (family = fit_address(e->id)) != FIT_NO_ADDRESS) {
        g->address = e->id;
        g->family = family;
    }
    if (g->entities_len == GIST_ENTITIES_MAX)
        return;
    g->entities[g->entities_len] = *e;
    if (e->place) { /* only a lone address has a place or threats */
        keep_place(g, e->place);
        g->entities[g->entities_len].place = &g->place;
    }
    if (e->threats_len > 0) {
        g->entities[g->entities_len].threats_len = e->threats_len < FACT_SET_MAX ? e->threats_len : FACT_SET_MAX;
        memcpy(g->threats, e->threats, g->entities[g->entities_len].threats_len * sizeof *g->threats);
        g->entities[g->entities_len].threats = g->threats;
    }
    g->entities_len++;
}

void gist_each_entity(const struct gist *g, void (*fn)(void *self, const struct entity *e), void *self)
{
    for (size_t i = 0; i < g->entities_len; i++)
        fn(self, &g->entities[i]);
}

static void render(struct gist *g, bool all_words)
{
    const struct alert *a = g->alert;

    alert_title(a, &g->title);
    alert_why(a, &g->why);
    if (all_words) {
        alert_description(a, &g->description);
        alert_kql(a, &g->query);
    }
    alert_portal_link(a, &g->link);
    if (g->title.len == 0)
        buf_add_str(&g->title, a->type->id);
    if (g->description.len == 0)
        buf_add_slice(&g->description, buf_slice(&g->title));
    if (g->why.len == 0)
        buf_add_slice(&g->why, buf_slice(&g->title));
    g->has_arm = arm_id_parse(slice_of(a->resource_id), &g->arm);
    if (g->has_arm)
        arm_id_add(&g->resource, &g->arm);
    else
        buf_add_str(&g->resource, a->resource_id);
}

static void start(struct buf *text, size_t usual)
{
    *text = BUF_INIT(TEXT_MAX);
    if (usual > 0)
        (void)buf_reserve(text, usual); /* told by buf_check() */
}

int gist_init(struct gist *g, const struct alert *a, bool all_words, struct error *err)
{
    struct buf *const texts[] = { &g->title, &g->why, &g->link, &g->resource, &g->description, &g->query,
                                  &g->place_text };

    *g = (struct gist){ .alert = a };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        start(texts[i], i < 4 || (all_words && i < 6) ? TEXT_USUAL : 0);
    render(g, all_words);
    parts_each_entity(a, read_entity, g);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (buf_check(texts[i], err) < 0)
            return error_wrap(err, "words of alert %s", a->id);
    g->user_agent = slice_of(alert_text(a, "userAgent"));
    g->region = slice_of(alert_text(a, "region"));
    g->operation = main_operation(a);
    g->method = find_method(a);
    read_statuses(g);
    return 0;
}

void gist_release(struct gist *g)
{
    buf_release(&g->title);
    buf_release(&g->description);
    buf_release(&g->why);
    buf_release(&g->query);
    buf_release(&g->link);
    buf_release(&g->resource);
    buf_release(&g->place_text);
}

void gist_add_correlation(struct buf *out, const struct alert *a)
{
    buf_add_str(out, a->account);
    buf_add_char(out, '|');
    buf_add_str(out, a->subject);
}

void gist_add_techniques(struct buf *out, const struct alert *a)
{
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++)
        buf_addf(out, "%s%s", i > 0 ? "," : "", a->type->techniques[i]);
}

void gist_add_technique_names(struct buf *out, const struct alert *a)
{
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++) {
        const char *id = a->type->techniques[i], *name = attack_technique(id, strlen(id));

        buf_add_str(out, i > 0 ? ", " : "");
        if (name)
            buf_addf(out, "%s (%s)", name, id);
        else
            buf_add_str(out, id);
    }
}

void gist_add_key_kinds(struct buf *out, const struct alert *a)
{
    const struct fact *f = alert_fact(a, "keyKind");

    if (f)
        parts_add_list(out, f, FACT_SET_MAX);
}

void gist_add_container(struct buf *out, const struct alert *a)
{
    const struct fact *database = alert_fact(a, "database"), *container = alert_fact(a, "container");

    if (database)
        parts_add_list(out, database, FACT_SET_MAX);
    if (database && container)
        buf_add_char(out, '/');
    if (container)
        parts_add_list(out, container, FACT_SET_MAX);
}

void gist_add_milli(struct buf *out, int64_t milli)
{
    uint64_t size = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;

    buf_addf(out, "%s%" PRIu64 ".%03u", milli < 0 ? "-" : "", size / 1000, (unsigned)(size % 1000));
}
