/* What fold/fold.h promises: the same rows give the same observations in any order, sums do not wrap, memory is
 * bounded, and what was seen is taken off exactly.
 * SPDX-License-Identifier: Apache-2.0 */
#include "fold/fold.h"

#include "test_record_kit.h"

#include <stdio.h>
#include <zlib.h>

#define ROWS 3000
#define MINUTE0 (INT64_C(1777888800) * NS_PER_S)
#define FOLD_MAX ((size_t)256 << 20)

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct record plain(enum table t)
{
    struct record r;

    record_clear(&r);
    r.table = t;
    r.api = API_NOSQL;
    r.time_ns = r.first_ns = r.last_ns = MINUTE0 + 5 * NS_PER_S;
    r.status = 200;
    return r;
}

/* A made-up row; its texts live in `texts`. */
struct row {
    struct record rec;
    char texts[6][48];
};

static void make_row(struct row *row, uint64_t *rng)
{
    static const enum table tables[] = { TABLE_DATA_PLANE, TABLE_DATA_PLANE, TABLE_DATA_PLANE,
                                         TABLE_DATA_PLANE_5M, TABLE_MONGO, TABLE_CONTROL_PLANE,
                                         TABLE_ACTIVITY, TABLE_SECURITY_ALERT, TABLE_QUERY_STATS };
    struct record *r = &row->rec;

    *r = plain(tables[next(rng) % ARRAY_LEN(tables)]);
    r->time_ns = r->first_ns = r->last_ns = MINUTE0 + (int64_t)(next(rng) % (3 * 60)) * NS_PER_S;
    r->status = next(rng) % 3 ? 200 : 403;
    r->count = 1 + (int64_t)(next(rng) % 3);
    r->ru_milli = next(rng) % 5 ? (int64_t)(next(rng) % 10000) : NUM_ABSENT;
    r->bytes_in = (int64_t)(next(rng) % 1000);
    r->bytes_out = (int64_t)(next(rng) % 100000);
    r->duration_us = (int64_t)(next(rng) % 100000);
    snprintf(row->texts[0], sizeof row->texts[0], "account-%d", (int)(next(rng) % 2));
    snprintf(row->texts[1], sizeof row->texts[1], "192.0.2.%d", (int)(next(rng) % 5));
    snprintf(row->texts[2], sizeof row->texts[2], "%08x-0000-4000-8000-0000000000aa", (unsigned)next(rng));
    snprintf(row->texts[3], sizeof row->texts[3], "%s", next(rng) % 2 ? "Read" : "Query");
    snprintf(row->texts[4], sizeof row->texts[4], "command %d", (int)(next(rng) % 3));
    r->text[F_ACCOUNT] = slice_of(row->texts[0]);
    r->text[F_ADDRESS] = slice_of(row->texts[1]);
    r->text[F_ACTIVITY_ID] = slice_of(row->texts[2]);
    r->text[F_OPERATION] = slice_of(row->texts[3]);
    if (r->table == TABLE_MONGO || r->table == TABLE_QUERY_STATS)
        r->text[F_QUERY_TEXT] = slice_of(row->texts[4]);
}

static struct row *make_rows(uint64_t seed)
{
    struct row *rows = calloc(ROWS, sizeof *rows);

    ck_assert_ptr_nonnull(rows);
    for (size_t i = 0; i < ROWS; i++)
        make_row(&rows[i], &seed);
    return rows;
}

static void shuffle(struct row *rows, uint64_t seed)
{
    for (size_t i = ROWS - 1; i > 0; i--) {
        size_t k = next(&seed) % (i + 1);
        struct row tmp = rows[i];

        rows[i] = rows[k];
        rows[k] = tmp;
    }
    for (size_t i = 0; i < ROWS; i++) { /* texts have moved */
        struct record *r = &rows[i].rec;

        r->text[F_ACCOUNT].at = rows[i].texts[0];
        r->text[F_ADDRESS].at = rows[i].texts[1];
        r->text[F_ACTIVITY_ID].at = rows[i].texts[2];
        r->text[F_OPERATION].at = rows[i].texts[3];
        if (r->text[F_QUERY_TEXT].len)
            r->text[F_QUERY_TEXT].at = rows[i].texts[4];
    }
}

static void add(struct fold *f, const struct record *r)
{
    struct error err = { 0 };

    ck_assert_msg(fold_add(f, r, &err) == 0, "%s", err.msg);
    if (r->table == TABLE_QUERY_STATS)
        ck_assert_msg(fold_add_text(f, r, &err) == 0, "%s", err.msg);
}

static void add_range(struct fold *f, const struct row *rows, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        add(f, &rows[i].rec);
}

static void print_observation(struct buf *out, const struct observation *o)
{
    buf_addf(out, "%d %s %lld %lld %lld %d count %lld ru %lld in %lld out %lld us %lld rows %lld key %llx",
             (int)o->kind, table_name(o->table), (long long)o->minute_ns, (long long)o->first_ns,
             (long long)o->last_ns, (int)o->status, (long long)o->count, (long long)o->ru_milli,
             (long long)o->bytes_in, (long long)o->bytes_out, (long long)o->duration_us,
             (long long)o->rows, (unsigned long long)o->key);
    for (int i = 0; i < F_GROUP_COUNT; i++)
        buf_addf(out, "|%.*s", SLF(o->text[i]));
    for (int i = F_GROUP_COUNT; i < F_COUNT; i++)
        buf_addf(out, "|%.*s", SLF(obs_extra(o, (enum field)i)));
    buf_addf(out, " sample %.*s\n", SLF(o->sample));
}

static struct buf print_fold(struct fold *f)
{
    struct buf out = BUF_INIT(FOLD_MAX);
    const struct observation *o = fold_sorted(f);

    for (size_t i = 0; i < fold_len(f); i++)
        print_observation(&out, &o[i]);
    ck_assert(!out.failed);
    return out;
}

START_TEST(any_order_gives_the_same_observations)
{
    struct row *rows = make_rows(1);
    struct fold *f = fold_new(FOLD_MAX);
    struct buf want;

    add_range(f, rows, 0, ROWS);
    want = print_fold(f);
    ck_assert_uint_gt(fold_len(f), 100);
    for (uint64_t seed = 2; seed < 12; seed++) {
        struct buf got;

        shuffle(rows, seed);
        fold_reset(f);
        for (size_t i = 0; i < ROWS; i++) {
            add(f, &rows[i].rec);
            if (i % 700 == seed)
                (void)fold_sorted(f); /* in between, and on */
        }
        got = print_fold(f);
        ck_assert_msg(slice_eq(buf_slice(&want), buf_slice(&got)), "order %d differs", (int)seed);
        buf_release(&got);
    }
    buf_release(&want);
    fold_free(f);
    free(rows);
}
END_TEST

/* What a workspace would have summarised: the observations of parts, added as rows. */
START_TEST(summaries_of_parts_fold_to_the_same_observations)
{
    struct row *rows = make_rows(3);
    struct fold *all = fold_new(FOLD_MAX), *part = fold_new(FOLD_MAX), *joined = fold_new(FOLD_MAX);
    struct buf want, got;
    struct error err = { 0 };

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].rec.table == TABLE_DATA_PLANE || rows[i].rec.table == TABLE_QUERY_STATS)
            add(all, &rows[i].rec);
    }
    for (size_t from = 0; from < ROWS; from += 500) {
        const struct observation *o;

        fold_reset(part);
        for (size_t i = from; i < from + 500; i++) {
            if (rows[i].rec.table == TABLE_DATA_PLANE || rows[i].rec.table == TABLE_QUERY_STATS)
                add(part, &rows[i].rec);
        }
        o = fold_sorted(part);
        for (size_t i = 0; i < fold_len(part); i++) {
            struct record r;

            record_clear(&r);
            r.table = o[i].table;
            r.api = o[i].api;
            r.time_ns = o[i].minute_ns;
            r.first_ns = o[i].first_ns;
            r.last_ns = o[i].last_ns;
            r.status = o[i].status;
            r.count = o[i].count;
            r.ru_milli = o[i].ru_milli;
            r.bytes_in = o[i].bytes_in;
            r.bytes_out = o[i].bytes_out;
            r.duration_us = o[i].duration_us;
            memcpy(r.text, o[i].text, sizeof o[i].text);
            r.text[F_ACTIVITY_ID] = o[i].sample;
            ck_assert_int_eq(o[i].kind == OBS_TEXT ? fold_add_text(joined, &r, &err)
                                                   : fold_add(joined, &r, &err), 0);
        }
    }
    want = print_fold(all);
    got = print_fold(joined);
    ck_assert(slice_eq(buf_slice(&want), buf_slice(&got)));
    buf_release(&want);
    buf_release(&got);
    fold_free(all);
    fold_free(part);
    fold_free(joined);
    free(rows);
}
END_TEST

START_TEST(every_grouping_field_separates_and_nothing_else_does)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);

    add(f, &r);
    for (int i = 0; i < F_COUNT; i++) {
        size_t before = fold_len(f);

        r = plain(TABLE_DATA_PLANE);
        r.text[i] = SL("x");
        add(f, &r);
        add(f, &r);
        ck_assert_msg(fold_len(f) - before == (i < F_QUERY_TEXT), "field %d", i);
    }
    r = plain(TABLE_DATA_PLANE);
    r.status = -1;
    add(f, &r);
    r = plain(TABLE_DATA_PLANE);
    r.time_ns += 60 * NS_PER_S;
    add(f, &r);
    r = plain(TABLE_MONGO);
    add(f, &r);
    ck_assert_uint_eq(fold_len(f), 1 + F_QUERY_TEXT + 3);
    for (size_t i = 0; i < fold_len(f); i++) { /* and each row counts where it belongs */
        const struct observation *o = &fold_sorted(f)[i];
        bool is_single = o->status < 0 || o->table == TABLE_MONGO || o->minute_ns != MINUTE0;
        int64_t want = is_single ? 1 : 1 + 2 * (F_COUNT - F_QUERY_TEXT);

        for (int k = 0; k < F_QUERY_TEXT; k++)
            want = o->text[k].len ? 2 : want;
        ck_assert_int_eq(o->count, want);
    }
    fold_free(f);
}
END_TEST

START_TEST(texts_do_not_run_into_each_other)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);
    const struct observation *o;

    r.text[F_DATABASE] = SL("ab");
    add(f, &r);
    r = plain(TABLE_DATA_PLANE);
    r.text[F_DATABASE] = SL("a");
    r.text[F_CONTAINER] = SL("b");
    add(f, &r);
    r = plain(TABLE_DATA_PLANE);
    r.text[F_CONTAINER] = SL("ab");
    add(f, &r);
    r.text[F_CONTAINER] = SL("a\0b");
    add(f, &r);
    r.text[F_CONTAINER] = SL("a\0c");
    add(f, &r);
    o = fold_sorted(f);
    ck_assert_uint_eq(fold_len(f), 5);
    for (size_t i = 1; i < 5; i++)
        ck_assert_uint_ne(o[i - 1].key, o[i].key);
    fold_free(f);
}
END_TEST

/* Texts that look alike to the memo: same length, same bytes where it looks. */
START_TEST(alike_texts_stay_apart)
{
    struct fold *f = fold_new(FOLD_MAX);
    char text[128];

    for (size_t len = 1; len <= 100; len++) {
        size_t before = fold_len(f);

        memset(text, 'a', sizeof text);
        for (size_t at = 0; at < len; at++) {
            struct record r = plain(TABLE_DATA_PLANE);

            text[at] = 'b';
            r.text[F_USER_AGENT] = slice_make(text, len);
            add(f, &r);
            text[at] = 'a';
            add(f, &r);
        }
        ck_assert_msg(fold_len(f) - before == len + 1, "length %zu", len);
    }
    fold_free(f);
}
END_TEST

START_TEST(minutes_floor_also_before_1970)
{
    static const struct {
        int64_t time, minute;
    } cases[] = {
        { 0, 0 }, { 1, 0 }, { NS_PER_MIN - 1, 0 }, { NS_PER_MIN, NS_PER_MIN }, { -1, -NS_PER_MIN },
        { -NS_PER_MIN, -NS_PER_MIN }, { MINUTE0 + 59 * NS_PER_S, MINUTE0 },
        { INT64_MAX, INT64_MAX / NS_PER_MIN * NS_PER_MIN },
        { INT64_MIN + 2 * NS_PER_MIN, (INT64_MIN + 2 * NS_PER_MIN) / NS_PER_MIN * NS_PER_MIN - NS_PER_MIN },
    };
    struct fold *f = fold_new(FOLD_MAX);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record r = plain(TABLE_DATA_PLANE);

        fold_reset(f);
        r.time_ns = cases[i].time;
        r.first_ns = r.last_ns = NUM_ABSENT;
        add(f, &r);
        ck_assert_int_eq(fold_sorted(f)[0].minute_ns, cases[i].minute);
        ck_assert_int_eq(fold_sorted(f)[0].first_ns, cases[i].time);
    }
    fold_free(f);
}
END_TEST

START_TEST(sums_stick_at_the_top_and_absent_is_nothing)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);
    const struct observation *o;

    r.bytes_out = INT64_MAX - 1;
    r.count = INT64_MAX;
    add(f, &r);
    add(f, &r);
    o = fold_sorted(f);
    ck_assert_int_eq(o->bytes_out, INT64_MAX);
    ck_assert_int_eq(o->count, INT64_MAX);
    ck_assert_int_eq(o->ru_milli, 0);
    ck_assert_int_eq(o->rows, 0);
    fold_free(f);
}
END_TEST

START_TEST(every_amount_is_summed)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);
    const struct observation *o;

    for (int i = 0; i < 2; i++) {
        r.count = 1 + i;
        r.ru_milli = 10 + i;
        r.bytes_in = 100 + i;
        r.bytes_out = 1000 + i;
        r.duration_us = 10000 + i;
        r.rows = 100000 + i;
        add(f, &r);
    }
    o = fold_sorted(f);
    ck_assert_int_eq(o->count, 3);
    ck_assert_int_eq(o->ru_milli, 21);
    ck_assert_int_eq(o->bytes_in, 201);
    ck_assert_int_eq(o->bytes_out, 2001);
    ck_assert_int_eq(o->duration_us, 20001);
    ck_assert_int_eq(o->rows, 200001);
    fold_free(f);
}
END_TEST

START_TEST(a_summary_of_no_row_makes_no_observation)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);
    struct error err = { 0 };

    r.count = 0;
    r.text[F_QUERY_TEXT] = SL("SELECT 1");
    add(f, &r);
    ck_assert_int_eq(fold_add_text(f, &r, &err), 0);
    ck_assert_uint_eq(fold_len(f), 0);
    fold_free(f);
}
END_TEST

START_TEST(the_smallest_activity_id_is_the_sample)
{
    static const char long_one[] = "long enough to need a place of its own, beyond a GUID's 36";
    static const char *const ids[] = { "m", "", long_one, "b", "bb", "z", "a-longer-one", "a" };
    struct fold *f = fold_new(FOLD_MAX);

    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct record r = plain(TABLE_DATA_PLANE);

        r.text[F_ACTIVITY_ID] = slice_of(ids[i]);
        add(f, &r);
    }
    ck_assert(slice_eq(fold_sorted(f)[0].sample, SL("a")));
    fold_reset(f);
    for (int i = 0; i < 4; i++) { /* a longer one leaves its neighbour's alone */
        const char *const turns[] = { "z", "neighbour", long_one, "zz" };
        struct record r = plain(TABLE_DATA_PLANE);

        r.status = i % 2 ? 403 : 200;
        r.text[F_ACTIVITY_ID] = slice_of(turns[i]);
        add(f, &r);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct observation *o = &fold_sorted(f)[i];

        ck_assert_msg(slice_eq(o->sample, slice_of(o->status == 403 ? "neighbour" : long_one)), "%.*s", SLF(o->sample));
    }
    fold_free(f);
}
END_TEST

START_TEST(tables_become_their_kinds)
{
    static const struct {
        enum table table;
        int kinds[2]; /* of what one row makes */
        enum table as;
    } cases[] = {
        { TABLE_DATA_PLANE, { OBS_REQUEST }, TABLE_DATA_PLANE },
        { TABLE_DATA_PLANE_5M, { OBS_REQUEST }, TABLE_DATA_PLANE },
        { TABLE_DATA_PLANE_15M, { OBS_REQUEST }, TABLE_DATA_PLANE },
        { TABLE_MONGO, { OBS_REQUEST, OBS_TEXT }, TABLE_MONGO },
        { TABLE_CASSANDRA, { OBS_REQUEST, OBS_TEXT }, TABLE_CASSANDRA },
        { TABLE_GREMLIN, { OBS_REQUEST, OBS_TEXT }, TABLE_GREMLIN },
        { TABLE_TABLE_API, { OBS_REQUEST, OBS_TEXT }, TABLE_TABLE_API },
        { TABLE_CONTROL_PLANE, { OBS_CONTROL }, TABLE_CONTROL_PLANE },
        { TABLE_ACTIVITY, { OBS_ACTIVITY }, TABLE_ACTIVITY },
        { TABLE_SECURITY_ALERT, { OBS_DEFENDER }, TABLE_SECURITY_ALERT },
        { TABLE_QUERY_STATS, { 0 }, 0 },
        { TABLE_THREAT_INTEL, { 0 }, 0 },
        { TABLE_NONE, { 0 }, 0 },
    };
    struct fold *f = fold_new(FOLD_MAX);
    struct error err = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record r = plain(cases[i].table);
        const struct observation *o;
        size_t n = 0;

        fold_reset(f);
        r.text[F_QUERY_TEXT] = SL("text");
        ck_assert_int_eq(fold_add(f, &r, &err), 0);
        o = fold_sorted(f);
        for (; n < 2 && cases[i].kinds[n]; n++) {
            ck_assert_int_eq((int)o[n].kind, cases[i].kinds[n]);
            ck_assert_int_eq(o[n].table, cases[i].as);
            if (o[n].kind == OBS_REQUEST)
                ck_assert_uint_eq(o[n].text[F_QUERY_TEXT].len, 0);
            if (o[n].kind == OBS_TEXT)
                ck_assert(slice_eq(o[n].text[F_QUERY_TEXT], SL("text")));
        }
        ck_assert_msg(fold_len(f) == n, "%s", table_name(cases[i].table));
    }
    fold_free(f);
}
END_TEST

START_TEST(a_text_is_the_same_however_it_was_joined)
{
    static const enum table others[] = { TABLE_QUERY_STATS, TABLE_DATA_PLANE_5M, TABLE_DATA_PLANE_15M, TABLE_NONE };
    struct fold *f = fold_new(FOLD_MAX);
    struct error err = { 0 };
    struct record r = plain(TABLE_DATA_PLANE);

    r.text[F_QUERY_TEXT] = SL("SELECT 1");
    ck_assert_int_eq(fold_add_text(f, &r, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        r.table = others[i];
        ck_assert_int_eq(fold_add_text(f, &r, &err), 0);
    }
    ck_assert_uint_eq(fold_len(f), 1);
    ck_assert_int_eq(fold_sorted(f)[0].count, 5);
    ck_assert_int_eq(fold_sorted(f)[0].table, TABLE_QUERY_STATS);
    r.text[F_QUERY_TEXT] = SL("");
    ck_assert_int_eq(fold_add_text(f, &r, &err), 0);
    ck_assert_uint_eq(fold_len(f), 1);
    fold_free(f);
}
END_TEST

START_TEST(control_rows_stay_alone_with_everything_they_say)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_ACTIVITY);
    const struct observation *o;

    r.time_ns += 1;
    r.text[F_APP_ID] = SL("app");
    r.text[F_PRINCIPAL] = SL("who");
    r.text[F_ACTIVITY_ID] = SL("id");
    add(f, &r);
    add(f, &r);
    o = fold_sorted(f);
    ck_assert_uint_eq(fold_len(f), 2);
    ck_assert_uint_eq(o[0].key, o[1].key);
    ck_assert_int_eq(o[0].minute_ns, r.time_ns);
    ck_assert_int_eq(o[0].count, 1);
    ck_assert(slice_eq(obs_extra(&o[0], F_APP_ID), SL("app")));
    ck_assert(slice_eq(obs_extra(&o[0], F_ACTIVITY_ID), SL("id")));
    ck_assert(slice_eq(o[0].sample, SL("id")));
    fold_free(f);
}
END_TEST

START_TEST(a_row_without_a_time_is_refused)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_DATA_PLANE);
    struct error err = { 0 };

    r.time_ns = NUM_ABSENT;
    ck_assert_int_eq(fold_add(f, &r, &err), -1);
    ck_assert_int_eq(err.code, ERR_INPUT);
    ck_assert_uint_eq(fold_len(f), 0);
    fold_free(f);
}
END_TEST

START_TEST(memory_ends_at_the_ceiling)
{
    struct fold *f = fold_new((size_t)2 << 20);
    struct error err = { 0 };
    int rc = 0;
    int64_t n = 0;

    for (; rc == 0 && n < 1000000; n++) {
        char agent[64];
        struct record r = plain(n % 3 ? TABLE_DATA_PLANE : TABLE_ACTIVITY);

        snprintf(agent, sizeof agent, "agent %lld", (long long)n);
        r.text[F_USER_AGENT] = slice_of(agent);
        rc = fold_add(f, &r, &err);
    }
    ck_assert_int_eq(rc, -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert_int_gt(n, 500);
    ck_assert_ptr_nonnull(fold_sorted(f)); /* what is in stays usable */
    fold_reset(f);
    struct record r = plain(TABLE_DATA_PLANE);
    add(f, &r);
    ck_assert_uint_eq(fold_len(f), 1);
    fold_free(f);
}
END_TEST

START_TEST(long_texts_end_at_the_ceiling_too_wherever_they_stand)
{
    static const struct { enum table table; enum field field; } places[] = {
        { TABLE_DATA_PLANE, F_USER_AGENT }, { TABLE_DATA_PLANE, F_ACTIVITY_ID }, { TABLE_ACTIVITY, F_APP_ID },
    };
    static char text[64 << 10];

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct fold *f = fold_new((size_t)4 << 20);
        struct error err = { 0 };
        int rc = 0, n = 0;

        for (; rc == 0 && n < 1000; n++) {
            struct record r = plain(places[i].table);

            r.status = n;
            (void)snprintf(text, 8, "%07d", n);
            text[7] = 'x';
            r.text[places[i].field] = slice_make(text, sizeof text);
            rc = fold_add(f, &r, &err);
        }
        ck_assert_int_eq(err.code, ERR_LIMIT);
        ck_assert_msg(n > 32 && n <= 64, "%zu: %d texts of 64 KiB in 4 MiB", i, n);
        fold_free(f);
    }
}
END_TEST

START_TEST(what_a_window_held_is_forgotten_with_it)
{
    struct fold *f = fold_new((size_t)2 << 20);

    for (int window = 0; window < 200; window++) {
        fold_reset(f);
        for (int i = 0; i < 500; i++) {
            struct record r = plain(TABLE_DATA_PLANE);
            char agent[32];

            (void)snprintf(agent, sizeof agent, "agent %d of %d", i, window);
            r.text[F_USER_AGENT] = slice_of(agent);
            add(f, &r); /* never too many: each window is small */
        }
        ck_assert_uint_eq(fold_len(f), 500);
    }
    fold_free(f);
}
END_TEST

/* ---- seen and surplus ------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = ((const struct observation *)a)->key, y = ((const struct observation *)b)->key;

    return x < y ? -1 : x > y;
}

START_TEST(surplus_equals_the_fold_of_the_late_rows)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct row *rows = make_rows(seed);
        struct fold *f = fold_new(FOLD_MAX), *late = fold_new(FOLD_MAX);
        struct buf seen = BUF_INIT(FOLD_MAX), all = BUF_INIT(FOLD_MAX), both = BUF_INIT(FOLD_MAX);
        struct error err = { 0 };
        size_t cut = (size_t)((seed - 1) * ROWS / 11);
        struct observation *got, *want;

        add_range(f, rows, 0, cut);
        fold_seen(f, &seen);
        fold_reset(f);
        add_range(late, rows, cut, ROWS);
        shuffle(rows, seed); /* the whole window, read again in another order */
        add_range(f, rows, 0, ROWS);
        fold_seen(f, &all);
        ck_assert_msg(fold_surplus(f, buf_slice(&seen), &err) == 0, "%s", err.msg);
        fold_seen(f, &both);
        ck_assert_msg(slice_eq(buf_slice(&all), buf_slice(&both)), "seed %d: seen + surplus is all",
                      (int)seed);

        ck_assert_uint_eq(fold_len(f), fold_len(late));
        got = calloc(fold_len(f) + 1, sizeof *got);
        want = calloc(fold_len(f) + 1, sizeof *want);
        if (fold_len(f)) {
            memcpy(got, fold_sorted(f), fold_len(f) * sizeof *got);
            memcpy(want, fold_sorted(late), fold_len(f) * sizeof *want);
        }
        qsort(got, fold_len(f), sizeof *got, compare_keys);
        qsort(want, fold_len(f), sizeof *want, compare_keys);
        for (size_t i = 0; i < fold_len(f); i++) {
            ck_assert_uint_eq(got[i].key, want[i].key);
            ck_assert_int_eq(got[i].count, want[i].count);
            ck_assert_int_eq(got[i].ru_milli, want[i].ru_milli);
            ck_assert_int_eq(got[i].bytes_in, want[i].bytes_in);
            ck_assert_int_eq(got[i].bytes_out, want[i].bytes_out);
            ck_assert_int_eq(got[i].duration_us, want[i].duration_us);
        }
        add_range(f, rows, 0, ROWS); /* and on, as if nothing had been taken off */
        for (size_t i = 0; i < fold_len(f); i++)
            for (size_t k = 0; k < i && fold_sorted(f)[i].kind == OBS_REQUEST; k++)
                ck_assert_msg(fold_sorted(f)[i].key != fold_sorted(f)[k].key, "one observation in two");
        free(got);
        free(want);
        buf_release(&seen);
        buf_release(&all);
        buf_release(&both);
        fold_free(f);
        fold_free(late);
        free(rows);
    }
}
END_TEST

START_TEST(rows_that_vanished_leave_nothing_below_zero)
{
    struct row *rows = make_rows(5);
    struct fold *f = fold_new(FOLD_MAX);
    struct buf seen = BUF_INIT(FOLD_MAX), again = BUF_INIT(FOLD_MAX);
    struct error err = { 0 };

    add_range(f, rows, 0, ROWS);
    fold_seen(f, &seen);
    fold_reset(f);
    add_range(f, rows, 100, 200);
    ck_assert_int_eq(fold_surplus(f, buf_slice(&seen), &err), 0);
    ck_assert_uint_eq(fold_len(f), 0);
    fold_seen(f, &again);
    ck_assert(slice_eq(buf_slice(&seen), buf_slice(&again)));
    buf_release(&seen);
    buf_release(&again);
    fold_free(f);
    free(rows);
}
END_TEST

START_TEST(identical_control_rows_are_counted_one_by_one)
{
    struct fold *f = fold_new(FOLD_MAX);
    struct record r = plain(TABLE_CONTROL_PLANE);
    struct buf seen = BUF_INIT(FOLD_MAX);
    struct error err = { 0 };

    add(f, &r);
    add(f, &r);
    fold_seen(f, &seen);
    add(f, &r);
    ck_assert_int_eq(fold_surplus(f, buf_slice(&seen), &err), 0);
    ck_assert_uint_eq(fold_len(f), 1);
    ck_assert_int_eq(fold_sorted(f)[0].count, 1);
    buf_release(&seen);
    fold_free(f);
}
END_TEST

START_TEST(an_unreadable_list_is_refused_whole)
{
    struct row *rows = make_rows(6);
    struct fold *f = fold_new(FOLD_MAX);
    struct buf seen = BUF_INIT(FOLD_MAX);
    size_t len;
    char *copy;

    add_range(f, rows, 0, 50);
    fold_seen(f, &seen);
    len = fold_len(f);
    for (size_t n = 0; n < seen.len; n++) {
        struct error err = { 0 };

        copy = malloc(n ? n : 1); /* exactly so long, for the sanitizer */
        memcpy(copy, seen.at, n);
        ck_assert_msg(fold_surplus(f, slice_make(copy, n), &err) == -1, "cut at %zu", n);
        ck_assert_int_eq(err.code, ERR_STATE);
        free(copy);
    }
    copy = malloc(seen.len);
    for (size_t at = 0; at < seen.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct error err = { 0 };

            memcpy(copy, seen.at, seen.len);
            copy[at] = (char)(copy[at] ^ (1 << bit));
            ck_assert_msg(fold_surplus(f, slice_make(copy, seen.len), &err) == -1, "bit %d at %zu", bit, at);
            ck_assert_int_eq(err.code, ERR_STATE);
        }
    }
    free(copy);
    ck_assert_uint_eq(fold_len(f), len);
    buf_release(&seen);
    fold_free(f);
    free(rows);
}
END_TEST

static void add_varint(struct buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_add_char(out, (char)(v | 0x80));
    buf_add_char(out, (char)v);
}

/* A list as another program might write it, with a checksum that is right. */
static struct buf made_up_list(char version, uint64_t said, const uint64_t (*entries)[2] /* key's step, a sum */, size_t n,
                               bool has_more)
{
    struct buf b = BUF_INIT(1 << 16);
    unsigned long crc;

    buf_add_str(&b, "CWS");
    buf_add_char(&b, version);
    add_varint(&b, said);
    for (size_t i = 0; i < n; i++) {
        add_varint(&b, entries[i][0]);
        for (int k = 0; k < 6; k++)
            add_varint(&b, k == 0 ? entries[i][1] : 1);
    }
    if (has_more)
        buf_add_char(&b, 0);
    crc = crc32(0, (const unsigned char *)b.at, (unsigned)b.len);
    for (int i = 0; i < 4; i++)
        buf_add_char(&b, (char)(crc >> (8 * i)));
    return b;
}

START_TEST(a_list_that_says_the_impossible_is_refused)
{
    static const uint64_t fine[][2] = { { 0, 1 }, { 7, INT64_MAX }, { UINT64_MAX - 7, 1 } };
    static const uint64_t twice[][2] = { { 5, 1 }, { 0, 1 } }, beyond[][2] = { { 5, 1 }, { UINT64_MAX - 4, 1 } };
    static const uint64_t negative[][2] = { { 5, (uint64_t)INT64_MAX + 1 } };
    const struct {
        char version;
        uint64_t said; /* how many entries there are */
        const uint64_t (*entries)[2];
        size_t n;
        bool has_more;
        int want;
    } cases[] = {
        { 1, 3, fine, 3, false, 0 },   { 2, 3, fine, 3, false, -1 },     { 1, 4, fine, 3, false, -1 },
        { 1, 2, fine, 3, false, -1 },  { 1, 3, fine, 3, true, -1 },      { 1, 2, twice, 2, false, -1 },
        { 1, 2, beyond, 2, false, -1 }, { 1, 1, negative, 1, false, -1 }, { 1, UINT64_MAX, fine, 3, false, -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fold *f = fold_new(FOLD_MAX);
        struct buf list = made_up_list(cases[i].version, cases[i].said, cases[i].entries, cases[i].n, cases[i].has_more);
        struct error err = { 0 };

        ck_assert_msg(fold_surplus(f, buf_slice(&list), &err) == cases[i].want, "case %zu: %s", i, err.msg);
        ck_assert_int_eq(err.code, cases[i].want ? ERR_STATE : ERR_NONE);
        buf_release(&list);
        fold_free(f);
    }
}
END_TEST

START_TEST(a_list_larger_than_the_ceiling_is_a_limit)
{
    struct row *rows = make_rows(6);
    struct fold *f = fold_new(FOLD_MAX), *small = fold_new(4096);
    struct buf seen = BUF_INIT(FOLD_MAX);
    struct error err = { 0 };

    add_range(f, rows, 0, ROWS);
    fold_seen(f, &seen);
    ck_assert_int_eq(fold_surplus(small, buf_slice(&seen), &err), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    buf_release(&seen);
    fold_free(f);
    fold_free(small);
    free(rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        any_order_gives_the_same_observations,
        summaries_of_parts_fold_to_the_same_observations,
        every_grouping_field_separates_and_nothing_else_does,
        texts_do_not_run_into_each_other,
        alike_texts_stay_apart,
        minutes_floor_also_before_1970,
        sums_stick_at_the_top_and_absent_is_nothing,
        every_amount_is_summed,
        a_summary_of_no_row_makes_no_observation,
        the_smallest_activity_id_is_the_sample,
        tables_become_their_kinds,
        a_text_is_the_same_however_it_was_joined,
        control_rows_stay_alone_with_everything_they_say,
        a_row_without_a_time_is_refused,
        memory_ends_at_the_ceiling,
        long_texts_end_at_the_ceiling_too_wherever_they_stand,
        what_a_window_held_is_forgotten_with_it,
        surplus_equals_the_fold_of_the_late_rows,
        rows_that_vanished_leave_nothing_below_zero,
        identical_control_rows_are_counted_one_by_one,
        an_unreadable_list_is_refused_whole,
        a_list_that_says_the_impossible_is_refused,
        a_list_larger_than_the_ceiling_is_a_limit,
    };

    return run_tests("fold", tests, ARRAY_LEN(tests));
}
