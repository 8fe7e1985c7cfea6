/* answer_apart.c - see answer_apart.h. The names of the columns come as the first row. What fn does cannot be undone: the
 * rows wait until the answer has come whole, since a reader that dies is followed by one that says them again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/answer_apart.h"

#include "apart/apart.h"
#include "apart/inside.h"
#include "base/arena.h"
#include "base/secret.h"

#include <stdlib.h>

#define ROWS_MAX 100000
#define TEXTS_MAX ((size_t)64 << 20)

struct told_row { /* its cells stand behind it */
    uint32_t size, cells;
};

struct told_cell { /* its text stands behind it */
    int64_t number;
    uint32_t len, kind; /* enum answer_kind */
};

struct ending {
    int32_t is_failure, code;
    uint64_t rows; /* with the columns */
    char msg[sizeof((struct error *)0)->msg];
};

/* ---- the reader's end ----------------------------------------------------------------------------------------------- */

struct telling {
    struct apart_inside *in;
    uint64_t rows;
};

static int tell(struct telling *t, const struct answer_cell *cells, size_t len, struct error *err)
{
    struct told_row row = { .size = sizeof row, .cells = (uint32_t)len };
    char *at;

    for (size_t i = 0; i < len; i++)
        row.size += (uint32_t)(sizeof(struct told_cell) + cells[i].text.len);
    at = apart_room(t->in, row.size); /* there is room for the widest row of the longest texts */
    if (!at)
        return error_set(err, ERR_SERVER, "nobody listens");
    memcpy(at, &row, sizeof row);
    at += sizeof row;
    for (size_t i = 0; i < len; i++) {
        const struct told_cell c = { .number = cells[i].number, .len = (uint32_t)cells[i].text.len,
                                     .kind = (uint32_t)cells[i].kind };

        memcpy(at, &c, sizeof c);
        if (c.len > 0)
            memcpy(at + sizeof c, cells[i].text.at, c.len);
        at += sizeof c + c.len;
    }
    apart_wrote(t->in, row.size);
    t->rows++;
    return 0;
}

static int tell_row(void *self, const struct answer_row *row, struct error *err)
{
    struct telling *t = self;
    struct answer_cell names[ANSWER_COLUMNS_MAX];

    if (t->rows == 0) {
        for (size_t i = 0; i < row->len; i++)
            names[i] = (struct answer_cell){ .kind = ANSWER_TEXT, .text = row->columns[i] };
        if (tell(t, names, row->len, err) < 0)
            return -1;
    }
    return tell(t, row->cells, row->len, err);
}

void answer_serve(struct apart_inside *in)
{
    struct telling t = { .in = in };
    struct error err = { 0 };
    struct ending end = { .is_failure = answer_each_row(apart_body(in), tell_row, &t, &err) < 0 };

    end.code = (int32_t)err.code;
    end.rows = t.rows;
    memcpy(end.msg, err.msg, sizeof end.msg);
    apart_end(in, &end, sizeof end);
}

/* ---- the agent's end ------------------------------------------------------------------------------------------------ */

struct asking {
    struct arena texts;
    struct answer_cell *cells; /* of all rows, one behind the other */
    size_t len, cap;
    size_t columns, rows; /* rows: with the columns */
};

static void begin(void *self)
{
    struct asking *k = self;

    arena_reset(&k->texts);
    k->len = k->columns = k->rows = 0;
}

static enum apart_verdict stop(struct error *err, enum error_code code, const char *what)
{
    (void)error_set(err, code, "%s", what);
    return APART_STOP;
}

static bool grow(struct asking *k, size_t more)
{
    size_t cap = k->cap ? k->cap : 64;
    struct answer_cell *cells;

    while (cap < k->len + more)
        cap *= 2;
    if (cap == k->cap)
        return true;
    cells = realloc(k->cells, cap * sizeof *cells);
    if (!cells)
        return false;
    k->cells = cells;
    k->cap = cap;
    return true;
}

static enum apart_verdict take_cell(struct asking *k, struct slice *rest, struct error *err)
{
    struct told_cell c;
    struct slice text;

    if (rest->len < sizeof c)
        return apart_lie(err, "a size");
    memcpy(&c, rest->at, sizeof c);
    if (c.len > rest->len - sizeof c || c.len > ANSWER_TEXT_MAX || (c.len > 0 && c.kind != ANSWER_TEXT))
        return apart_lie(err, "a size");
    if (c.kind >= ANSWER_KINDS || (k->rows == 0 && c.kind != ANSWER_TEXT))
        return apart_lie(err, "a cell");
    if (!arena_copy(&k->texts, slice_make(rest->at + sizeof c, c.len), &text))
        return stop(err, ERR_NOMEM, "no memory to read the answer");
    k->cells[k->len++] = (struct answer_cell){ .kind = (enum answer_kind)c.kind, .number = c.number, .text = text };
    *rest = slice_make(rest->at + sizeof c + c.len, rest->len - sizeof c - c.len);
    return APART_GO_ON;
}

static enum apart_verdict take_row(struct asking *k, struct slice cells, size_t n, struct error *err)
{
    enum apart_verdict v = APART_GO_ON;

    if (n > ANSWER_COLUMNS_MAX || (k->rows > 0 && n != k->columns))
        return apart_lie(err, "a number of cells");
    if (k->rows > ROWS_MAX)
        return stop(err, ERR_LIMIT, "the answer has more rows than a small one");
    if (!grow(k, n))
        return stop(err, ERR_NOMEM, "no memory to read the answer");
    for (size_t i = 0; i < n && v == APART_GO_ON; i++)
        v = take_cell(k, &cells, err);
    if (v == APART_GO_ON && cells.len > 0)
        return apart_lie(err, "a size");
    k->columns = n;
    k->rows++;
    return v;
}

static enum apart_verdict take_batch(void *self, struct slice batch, struct error *err)
{
    enum apart_verdict v = APART_GO_ON;

    while (batch.len > 0 && v == APART_GO_ON) {
        struct told_row row;

        if (batch.len < sizeof row)
            return apart_lie(err, "a size");
        memcpy(&row, batch.at, sizeof row);
        if (row.size < sizeof row || row.size > batch.len)
            return apart_lie(err, "a size");
        v = take_row(self, slice_make(batch.at + sizeof row, row.size - sizeof row), row.cells, err);
        batch = slice_make(batch.at + row.size, batch.len - row.size);
    }
    return v;
}

static enum apart_verdict take_end(void *self, struct slice text, struct error *err)
{
    const struct asking *k = self;
    struct ending end;

    if (text.len != sizeof end)
        return apart_lie(err, "a last word");
    memcpy(&end, text.at, sizeof end);
    if (end.rows != k->rows)
        return apart_lie(err, "a number of rows");
    if (!end.is_failure)
        return APART_GO_ON;
    if (end.msg[0] == '\0')
        return apart_lie(err, "a failure without a word");
    apart_tame(end.msg, sizeof end.msg);
    secrets_hide(end.msg, strlen(end.msg)); /* the reader knows none that it could hide */
    return stop(err, end.code == ERR_NOMEM || end.code == ERR_PARTIAL ? (enum error_code)end.code : ERR_SERVER, end.msg);
}

static int hand_over(const struct asking *k, int (*fn)(void *self, const struct answer_row *r, struct error *err),
                     void *self, struct error *err)
{
    struct slice names[ANSWER_COLUMNS_MAX];
    struct answer_row row = { .columns = names, .len = k->columns };

    for (size_t i = 0; k->rows > 0 && i < k->columns; i++)
        names[i] = k->cells[i].text;
    for (size_t r = 1; r < k->rows; r++) {
        row.cells = k->cells + r * k->columns;
        if (fn(self, &row, err) < 0)
            return -1;
    }
    return 0;
}

int answer_each_row_apart(struct apart *a, struct slice body,
                          int (*fn)(void *self, const struct answer_row *r, struct error *err), void *self,
                          struct error *err)
{
    struct asking k = { .texts = ARENA_INIT(TEXTS_MAX) };
    uint64_t id = 0;
    struct apart_work w = { .service = ANSWER_SERVICE, .body = body, .body_id = &id, .self = &k, .begin = begin,
                            .batch = take_batch, .end = take_end };
    int rc;

    if (!a)
        return answer_each_row(body, fn, self, err);
    rc = apart_do(a, &w, err);
    if (rc == 0)
        rc = hand_over(&k, fn, self, err);
    arena_release(&k.texts);
    free(k.cells);
    return rc;
}
