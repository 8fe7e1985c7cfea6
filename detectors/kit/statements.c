/* statements.c - see statements.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/statements.h"

#include "base/buf.h"
#include "base/map.h"
#include "detectors/kit/judges.h"
#include "detectors/kit/statements_apart.h"

#include <stdlib.h>

#define MEMO_SLOTS 8192u /* a text takes the place of another one */

struct memo_entry {
    uint64_t id[2]; /* the case's, and a hash of API and text; 0,0: free */
    uint64_t shape;
    bool is_masked;
};

struct statements {
    struct apart *reader;             /* NULL: the judges are here */
    struct judges *judges, *printer;  /* two: what one says lives until it is asked again */
    struct statement_room room;       /* what the reader's last answer borrows */
    statements_unread *unread;
    void *unread_self;
    bool has_last;                    /* of this observation */
    enum api last_api;
    enum query_run last_run;
    uint64_t last_client;
    struct query_case last;
    struct memo_entry memo[MEMO_SLOTS];
};

int statements_new(struct apart *reader, struct statements **ret, struct error *err)
{
    struct statements *s = calloc(1, sizeof *s);

    if (!s)
        return error_set(err, ERR_NOMEM, "no memory for statements");
    s->reader = reader;
    statement_room_init(&s->room);
    if (!reader && (!(s->judges = judges_new()) || !(s->printer = judges_new()))) {
        statements_free(s);
        return error_set(err, ERR_NOMEM, "no memory for statements");
    }
    *ret = s;
    return 0;
}

void statements_free(struct statements *s)
{
    if (!s)
        return;
    judges_free(s->judges);
    judges_free(s->printer);
    statement_room_release(&s->room);
    free(s);
}

void statements_tell_unread(struct statements *s, statements_unread *fn, void *self)
{
    s->unread = fn;
    s->unread_self = self;
}

void statements_next(struct statements *s)
{
    s->has_last = false;
}

static struct statement_text text_of(enum api api, struct slice text)
{
    return (struct statement_text){
        .api = api, .at = text,
        .id = { judges_text_id(api, text), hash64(text.at, text.len, UINT64_C(0x6d656d3200) + (uint64_t)api) | 1 } };
}

static int judge(struct statements *s, const struct query_client *c, const struct statement_text *t, enum query_run run,
                 struct query_case *ret, struct error *err)
{
    if (s->reader) {
        if (statement_judge_apart(s->reader, c, t, run, &s->room, ret, err) < 0)
            return -1;
        if (s->room.unread[0] && !s->room.is_told && s->unread)
            s->unread(s->unread_self, t->at, s->room.unread);
        return 0;
    }
    return judges_judge(s->judges, t->api, c, t->at, run, ret) ? 0 : error_set(err, ERR_NOMEM, "no memory for statements");
}

/* A filter that had to be decoded is another text than the one that the memo would know it by. */
static bool is_the_text(const struct query_case *k, enum api api, struct slice text)
{
    return api != API_TABLE || (k->statement.at == text.at);
}

int statements_judge(struct statements *s, enum api api, const struct query_client *c, struct slice text, enum query_run run,
                     struct query_case *ret, struct error *err)
{
    struct statement_text t;
    struct memo_entry *memo;

    if (s->has_last && s->last_api == api && s->last_run == run && s->last_client == c->hash) {
        *ret = s->last;
        return 0;
    }
    s->has_last = false;
    t = text_of(api, text);
    memo = &s->memo[t.id[0] % MEMO_SLOTS];
    if (run != RUN_REFUSED && memo->id[0] == t.id[0] && memo->id[1] == t.id[1] && query_shape_is_settled(c, memo->shape)) {
        *ret = (struct query_case){ .statement = text, .id = t.id[0], .is_known = true, .is_plain = true,
                                    .is_masked = memo->is_masked, .lesson = { .shape = memo->shape } };
    } else {
        if (judge(s, c, &t, run, ret, err) < 0)
            return -1;
        if (ret->is_plain && is_the_text(ret, api, text))
            *memo = (struct memo_entry){ .id = { t.id[0], t.id[1] }, .shape = ret->lesson.shape,
                                         .is_masked = ret->is_masked };
    }
    s->has_last = true;
    s->last_api = api;
    s->last_run = run;
    s->last_client = c->hash;
    s->last = *ret;
    return 0;
}

int statements_print_shape(struct statements *s, enum api api, struct slice text, struct buf *out, struct error *err)
{
    if (s->reader) {
        struct statement_text t = text_of(api, text);

        return statement_print_apart(s->reader, &t, &s->room, out, err);
    }
    return judges_print_shape(s->printer, api, text, out) ? 0 : error_set(err, ERR_NOMEM, "no memory for statements");
}
