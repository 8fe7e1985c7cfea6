/* statements_apart.c - see statements_apart.h.
 *
 * The question: numbers, what is known of the client (query_asker.h), the text. While the reader judges it may ask for
 * more of the client's history; that is answered at once. The answer: a last word of numbers and places; a text in front of
 * it when there is one that does not stand in the question: an unwrapped statement, a shape.
 *
 * The agent's end believes nothing: numbers have to be in their ranges, places within the text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/statements_apart.h"

#include "apart/apart.h"
#include "base/map.h"
#include "detectors/kit/judges.h"
#include "detectors/kit/mongo_case.h"
#include "detectors/kit/statements_wire.h"

#include <stdatomic.h>
#include <stdio.h>

#define QUESTIONS_MAX 4096 /* messages about one statement; a search that fills each asks for 16 million things */

/* ---- both ends: catalogue ids as numbers --------------------------------------------------------------------------- */

static const char *const types[] = { NULL, MONGO_TYPE_OPERATOR, MONGO_TYPE_SCRIPT, MONGO_TYPE_REGEX, MONGO_TYPE_PIPELINE };

static uint32_t number_of_type(const char *type)
{
    for (uint32_t i = 1; type && i < ARRAY_LEN(types); i++)
        if (strcmp(types[i], type) == 0)
            return i;
    return 0;
}

/* ---- the reader's end ----------------------------------------------------------------------------------------------- */

static struct judges *the_judges(void)
{
    static struct judges *j; /* the reader's */

    if (!j)
        j = judges_new();
    return j;
}

static uint64_t ask_agent(void *self, enum query_question q, const uint64_t *what, size_t n)
{
    static struct statement_more m;

    m.question = (uint32_t)q;
    m.len = (uint32_t)n;
    memcpy(m.what, what, n * sizeof *what);
    return apart_ask(self, &m, offsetof(struct statement_more, what) + n * sizeof *what);
}

static struct statement_place place_in(struct slice all, struct slice part)
{
    if (part.len == 0 || part.at < all.at || part.at + part.len > all.at + all.len)
        return (struct statement_place){ 0 };
    return (struct statement_place){ .at = (uint32_t)(part.at - all.at), .len = (uint32_t)part.len };
}

static bool send_text(struct apart_inside *in, struct slice text)
{
    char *room = text.len > 0 ? apart_room(in, text.len) : NULL;

    if (!room)
        return text.len == 0;
    memcpy(room, text.at, text.len);
    apart_wrote(in, text.len);
    return true;
}

static void pack(const struct query_case *k, struct slice text, struct slice statement, struct statement_answer *a)
{
    a->verdict = k->verdict;
    a->severity = k->severity;
    a->confidence = k->confidence;
    a->grade = k->lesson.grade;
    a->type = number_of_type(k->type);
    a->series_type = number_of_type(k->series_type);
    a->variant = query_variant_number(k->variant);
    a->note = (uint32_t)k->note;
    a->flags |= (k->is_extension ? STATEMENT_IS_EXTENSION : 0) | (k->cuts_tail ? STATEMENT_CUTS_TAIL : 0) |
                (k->is_masked ? STATEMENT_IS_MASKED : 0) | (k->is_known ? STATEMENT_IS_KNOWN : 0) |
                (k->is_plain ? STATEMENT_IS_PLAIN : 0);
    a->id = k->id;
    a->base_shape = k->base_shape;
    a->series = k->series;
    a->shape = k->lesson.shape;
    a->middle = k->lesson.middle;
    a->with_list = k->lesson.with_list;
    a->reach = k->lesson.reach;
    a->statement = place_in(a->flags & STATEMENT_TEXT_IS_COPY ? statement : text, statement);
    a->inserted = place_in(statement, k->inserted);
    for (size_t i = 0; i < k->findings_len; i++) {
        a->findings[i].rule = k->findings[i].rule;
        a->findings[i].text = place_in(statement, k->findings[i].text);
    }
    a->findings_len = (uint32_t)k->findings_len;
    a->words_len = k->lesson.words ? (uint32_t)k->lesson.words_len : 0;
    memcpy(a->words, k->lesson.words ? k->lesson.words : a->words, a->words_len * sizeof *a->words);
}

static void serve_judge(struct apart_inside *in, const struct statement_question *q, struct slice text,
                        struct statement_answer *a)
{
    static struct query_asker asker; /* 32 KiB */
    const struct query_client c = { .asker = &asker, .slot = q->facts.slot, .len = q->facts.len };
    struct query_case k;
    struct slice statement;

    asker = (struct query_asker){ .facts = q->facts, .self = in, .ask = ask_agent };
    if (!the_judges() || !judges_judge(the_judges(), (enum api)q->api, &c, text, (enum query_run)q->run, &k)) {
        a->failed = ERR_NOMEM;
        return;
    }
    statement = k.statement;
    if (statement.at < text.at || statement.at + statement.len > text.at + text.len) {
        statement = slice_cut(statement, STATEMENT_BACK_MAX);
        a->flags |= STATEMENT_TEXT_IS_COPY;
        (void)send_text(in, statement);
    }
    pack(&k, text, statement, a);
}

static void serve_print(struct apart_inside *in, const struct statement_question *q, struct slice text,
                        struct statement_answer *a)
{
    CLEANUP(buf_release) struct buf shape = BUF_INIT(STATEMENT_SHAPE_MAX);

    if (!the_judges() || !judges_print_shape(the_judges(), (enum api)q->api, text, &shape))
        a->failed = ERR_NOMEM;
    else
        (void)send_text(in, buf_slice(&shape)); /* a longer one stays cut: that is enough to read */
}

void statements_serve(struct apart_inside *in)
{
    struct slice body = apart_body(in), text;
    struct statement_answer a = { 0 };
    struct statement_question q;
    size_t left_out;

    memcpy(&q, body.at, sizeof q); /* the agent's word */
    text = slice_make(body.at + sizeof q, body.len - sizeof q);
    (void)apart_left_out_list(in, &left_out);
    atomic_store_explicit(apart_row_mark(in), 0, memory_order_relaxed); /* what is read here is one thing, the first */
    if (left_out > 0)
        a.is_left_out = 1;
    else if (q.what == STATEMENT_PRINT)
        serve_print(in, &q, text, &a);
    else
        serve_judge(in, &q, text, &a);
    apart_end(in, &a, sizeof a);
}

/* ---- the agent's end -------------------------------------------------------------------------------------------------- */

void statement_room_init(struct statement_room *r)
{
    *r = (struct statement_room){ .statement = BUF_INIT(STATEMENT_BACK_MAX) };
}

void statement_room_release(struct statement_room *r)
{
    buf_release(&r->statement);
}

struct asking {
    struct apart *reader;
    const struct query_client *client; /* NULL: nothing is to be asked */
    struct slice text;
    struct buf *back;     /* the text that comes in front */
    size_t back_max;
    int questions;
    struct statement_answer answer;
    const char *unread; /* why; NULL: it was read */
};

static void begin(void *self)
{
    struct asking *k = self;

    buf_clear(k->back);
    k->questions = 0;
}

static enum apart_verdict take_text(void *self, struct slice batch, struct error *err)
{
    struct asking *k = self;

    if (k->back->len > 0 || batch.len > k->back_max)
        return apart_lie(err, "a text");
    buf_add_slice(k->back, batch);
    return buf_check(k->back, err) < 0 ? APART_STOP : APART_GO_ON;
}

static enum apart_verdict tell_more(void *self, struct slice asked, uint64_t *ret, struct error *err)
{
    struct asking *k = self;
    struct statement_more m;

    if (!k->client || asked.len < offsetof(struct statement_more, what) || asked.len > sizeof m ||
        ++k->questions > QUESTIONS_MAX)
        return apart_lie(err, "a question");
    memcpy(&m, asked.at, asked.len);
    if (m.question >= QUERY_QUESTIONS || m.len > QUERY_QUESTIONS_MAX ||
        asked.len != offsetof(struct statement_more, what) + m.len * sizeof *m.what)
        return apart_lie(err, "a question");
    *ret = query_history_answer(k->client, (enum query_question)m.question, m.what, m.len);
    return APART_GO_ON;
}

static bool is_within(struct statement_place p, size_t len)
{
    return p.len <= len && p.at <= len - p.len;
}

static bool are_numbers_sound(const struct statement_answer *a)
{
    return a->verdict >= VERDICT_ORDINARY && a->verdict <= VERDICT_WIDENED && a->severity >= SEVERITY_INFORMATIONAL &&
           a->severity <= SEVERITY_HIGH && a->confidence >= 0 && a->confidence <= 100 && a->grade >= GRADE_ORDINARY &&
           a->grade <= GRADE_ATTACK && a->type < ARRAY_LEN(types) && a->series_type < ARRAY_LEN(types) &&
           (a->variant == 0 ? a->verdict <= VERDICT_BROKEN : query_variant_of(a->variant) != NULL) && a->note < NOTE_COUNT &&
           a->flags < STATEMENT_FLAGS && a->reach <= 15 && a->words_len <= QUERY_FIELDS_MAX &&
           a->findings_len <= QUERY_FINDINGS_MAX && (a->series == 0) == (a->series_type == 0);
}

static bool are_places_sound(const struct statement_answer *a, size_t text_len, size_t back_len)
{
    if (!is_within(a->statement, a->flags & STATEMENT_TEXT_IS_COPY ? back_len : text_len) ||
        !is_within(a->inserted, a->statement.len))
        return false;
    for (size_t i = 0; i < a->findings_len; i++)
        if (!query_finding_is(a->findings[i].rule) || !is_within(a->findings[i].text, a->statement.len))
            return false;
    return true;
}

static enum apart_verdict take_answer(void *self, struct slice text, struct error *err)
{
    struct asking *k = self;
    struct statement_answer *a = &k->answer;

    if (text.len != sizeof *a)
        return apart_lie(err, "a last word");
    memcpy(a, text.at, sizeof *a);
    if (a->failed) {
        (void)error_set(err, ERR_NOMEM, "the reader has no memory for a statement");
        return APART_STOP;
    }
    k->unread = apart_left_out(k->reader, 0);
    if ((k->unread != NULL) != (a->is_left_out != 0))
        return apart_lie(err, "a text left out");
    if (!are_numbers_sound(a) || !are_places_sound(a, k->text.len, k->back->len))
        return apart_lie(err, "a judgement");
    return APART_GO_ON;
}

static int ask(const struct statement_question *q, struct asking *k, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(sizeof *q + k->text.len);
    uint64_t id = 0;
    struct apart_work w = { .service = STATEMENT_SERVICE, .piece = "statement", .body_id = &id, .self = k, .begin = begin,
                            .batch = take_text, .answer = tell_more, .end = take_answer };

    buf_add(&body, q, sizeof *q);
    buf_add_slice(&body, k->text);
    if (buf_check(&body, err) < 0)
        return -1;
    w.body = buf_slice(&body);
    return apart_do(k->reader, &w, err);
}

static struct slice part(struct slice all, struct statement_place p)
{
    return slice_make(all.at + p.at, p.len);
}

static void unpack(const struct asking *k, struct statement_room *room, struct query_case *ret)
{
    const struct statement_answer *a = &k->answer;
    struct slice back = slice_make(buf_cstr(&room->statement), room->statement.len); /* of nothing too */
    struct slice statement = part(a->flags & STATEMENT_TEXT_IS_COPY ? back : k->text, a->statement);

    memcpy(room->words, a->words, sizeof room->words);
    *ret = (struct query_case){
        .verdict = (enum query_verdict)a->verdict, .severity = (enum severity)a->severity, .confidence = a->confidence,
        .type = types[a->type], .variant = query_variant_of(a->variant), .id = a->id, .base_shape = a->base_shape,
        .is_extension = (a->flags & STATEMENT_IS_EXTENSION) != 0, .cuts_tail = (a->flags & STATEMENT_CUTS_TAIL) != 0,
        .is_masked = (a->flags & STATEMENT_IS_MASKED) != 0, .is_known = (a->flags & STATEMENT_IS_KNOWN) != 0,
        .is_plain = (a->flags & STATEMENT_IS_PLAIN) != 0,
        .inserted = part(statement, a->inserted), .statement = statement, .findings_len = a->findings_len,
        .note = (enum query_note)a->note, .series = a->series, .series_type = types[a->series_type],
        .lesson = { .shape = a->shape, .middle = a->middle, .with_list = a->with_list, .reach = a->reach,
                    .grade = (enum query_grade)a->grade, .words = room->words, .words_len = a->words_len } };
    for (size_t i = 0; i < a->findings_len; i++)
        ret->findings[i] = (struct query_finding_text){ .rule = a->findings[i].rule,
                                                        .text = part(statement, a->findings[i].text) };
}

/* What an application sends it sends again with other values: the shape need not be asked for. */
static struct statement_recent *recent_of(struct statement_room *room, const struct query_client *c)
{
    struct statement_recent *r = &room->recent[c->hash % STATEMENT_CLIENTS];

    if (r->client != c->hash)
        *r = (struct statement_recent){ .client = c->hash };
    return r;
}

static void tell_recent(struct statement_room *room, const struct query_client *c, struct query_facts *f)
{
    const struct statement_recent *r = recent_of(room, c);

    for (size_t i = 0; i < QUERY_FACTS_KNOWN; i++)
        f->known[i] = r->shapes[i] != 0 && query_shape_is_known(c, r->shapes[i]) ? r->shapes[i] : 0;
}

static void keep_recent(struct statement_room *room, const struct query_client *c, const struct query_case *k)
{
    struct statement_recent *r = recent_of(room, c);

    for (size_t i = 0; i < QUERY_FACTS_KNOWN; i++)
        if (r->shapes[i] == k->lesson.shape)
            return;
    r->shapes[r->next] = k->lesson.shape;
    r->next = (r->next + 1) % QUERY_FACTS_KNOWN;
}

/* ---- what is left out ------------------------------------------------------------------------------------------------- */

/* As if it were not there: it teaches nothing, and is nothing new. */
static struct query_case unread(const struct statement_text *t)
{
    return (struct query_case){ .statement = t->at, .id = t->id[0], .is_known = true, .lesson = { .grade = GRADE_ATTACK } };
}

static uint64_t hash_account(struct slice account)
{
    return hash64(account.at, account.len, 1);
}

static struct statement_deadly *find_deadly(struct statement_room *room, const uint64_t id[2])
{
    for (size_t i = 0; i < room->deadly_len; i++)
        if (room->deadly[i].id[0] == id[0] && room->deadly[i].id[1] == id[1])
            return &room->deadly[i];
    return NULL;
}

/* A new one takes the place of the oldest. */
static void keep_deadly(struct statement_room *room, const uint64_t id[2], uint64_t account, const char *reason)
{
    struct statement_deadly *d = &room->deadly[room->deadly_next];

    *d = (struct statement_deadly){ .id = { id[0], id[1] }, .account = account, .times = 1 };
    (void)snprintf(d->reason, sizeof d->reason, "%s", reason);
    room->deadly_next = (room->deadly_next + 1) % STATEMENT_DEADLY;
    if (room->deadly_len < STATEMENT_DEADLY)
        room->deadly_len++;
}

static bool has_deadly(const struct statement_room *room, uint64_t account)
{
    for (size_t i = 0; i < room->deadly_len; i++)
        if (room->deadly[i].account == account)
            return true;
    return false;
}

/* Each telling is a write to disk, and pushes another text out of what is kept. */
static bool is_worth_telling(int64_t n)
{
    return n <= 16 || (n & (n - 1)) == 0;
}

/* Who can write one deadly text can make any of his texts deadly: leaving out more of them gives him nothing, where leaving
 * out those of other accounts would. Hence the account, which nobody chooses who sends requests. */
static bool is_passed_over(struct apart *reader, const struct statement_room *room, uint64_t account)
{
    return has_deadly(room, account) && apart_is_worn(reader);
}

/* Is the text left out without a reader? Then room->unread says why. */
static bool leave_out(struct apart *reader, struct statement_room *room, const uint64_t id[2], uint64_t account)
{
    struct statement_deadly *d = find_deadly(room, id);
    bool is_worn = !d && is_passed_over(reader, room, account);
    int64_t passed;

    if (!d && !is_worn)
        return false;
    (void)snprintf(room->unread, sizeof room->unread, "%s",
                   d ? d->reason : "not read: statements in this account ended the reader too often");
    passed = apart_pass_over(reader, is_worn);
    room->is_told = !is_worth_telling(d ? ++d->times : passed);
    return true;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

int statement_judge_apart(struct apart *reader, const struct query_client *c, const struct statement_text *text,
                          enum query_run run, struct statement_room *room, struct query_case *ret, struct error *err)
{
    struct statement_question q = { .what = STATEMENT_JUDGE, .api = text->api, .run = run };
    struct asking k = { .reader = reader, .client = c, .text = text->at, .back = &room->statement,
                        .back_max = STATEMENT_BACK_MAX };
    uint64_t account = hash_account(c->account);

    room->unread[0] = '\0';
    room->is_told = false;
    if (leave_out(reader, room, text->id, account)) {
        *ret = unread(text);
        return 0;
    }
    query_facts_of(c, &q.facts);
    tell_recent(room, c, &q.facts);
    if (ask(&q, &k, err) < 0)
        return -1;
    if (k.unread) {
        (void)snprintf(room->unread, sizeof room->unread, "%s", k.unread);
        keep_deadly(room, text->id, account, k.unread);
        *ret = unread(text);
        return 0;
    }
    unpack(&k, room, ret);
    if (ret->is_known)
        keep_recent(room, c, ret);
    return 0;
}

/* Of a text that was judged. One that ends the reader only here goes on being judged. */
int statement_print_apart(struct apart *reader, const struct statement_text *text, struct statement_room *room,
                          struct buf *out, struct error *err)
{
    struct statement_question q = { .what = STATEMENT_PRINT, .api = text->api };
    CLEANUP(buf_release) struct buf shape = BUF_INIT(STATEMENT_SHAPE_MAX);
    struct asking k = { .reader = reader, .text = text->at, .back = &shape, .back_max = STATEMENT_SHAPE_MAX };
    const uint64_t id[2] = { text->id[0], ~text->id[1] };

    if (find_deadly(room, id)) {
        (void)apart_pass_over(reader, false);
        return 0;
    }
    if (ask(&q, &k, err) < 0)
        return -1;
    if (k.unread)
        keep_deadly(room, id, 0, k.unread);
    buf_add_slice(out, buf_slice(&shape));
    return 0;
}
