/* bench.c - how fast a query answer becomes observations, and against what that is to be measured.
 *
 * 100 MB of a made-up answer in memory, buffers warm, median of five rounds, processor time of one core
 * (so that other programs on the machine cost less of the truth):
 *   memchr      what memory allows: find every newline in bytes that have none
 *   bare_parse  the JSON library alone, every value touched (tree and on demand; the faster one counts)
 *   decode      records, dropped        fold  records into observations, sorted
 *   detect      and judged by every detector that is linked in
 *   split.*     decode and fold as the running agent does it, with the reader apart: by the clock on the wall, since two
 *               processes work at once (home.*: the same in this one, by the same clock), and what each of the two costs
 *   judge       one query text of each dialect (judge.h)
 *   deliver     an output beside a dead one (deliver.h); from the store to accepted by receivers (receivers.h)
 * Prints a table; writes build/bench.json as a list of {name, value, unit}.
 * Usage: bench [MB [FILE]]
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include "apart/apart.h"
#include "apart/inside.h"
#include "base/buf.h"
#include "base/num.h"
#include "fold/fold.h"
#include "record/decode.h"
#include "record/decode_apart.h"
#include "sample.h"
#include "tests/bench/bare.h"
#include "tests/bench/deliver.h"
#include "tests/bench/encode.h"
#include "tests/bench/judge.h"
#include "tests/bench/make_rows.h"
#include "tests/bench/receivers.h"
#include "tests/bench/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define RUNS 5
#define FOLD_MAX ((size_t)1 << 30)
#define RESULTS_MAX 256

#pragma weak bench_detect
#pragma weak bench_bytes_per_subject

struct result {
    const char *name, *unit;
    double value;
};

struct bench {
    struct buf answer;
    struct made_rows made;
    struct decoder *decoder, *decoder_apart;
    struct apart *apart;
    struct fold *fold;
    struct bare *bare;
    uint64_t sum;
    struct result results[RESULTS_MAX];
    size_t results_n;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_result(struct bench *b, const char *name, double value, const char *unit)
{
    if (b->results_n < RESULTS_MAX)
        b->results[b->results_n++] = (struct result){ .name = name, .unit = unit, .value = value };
}

static int die(const char *what, const struct error *err)
{
    fprintf(stderr, "bench: %s: %s\n", what, err->msg);
    exit(1);
}

/* ---- what is measured ------------------------------------------------------------------------- */

static void run_memchr(struct bench *b)
{
    const char *at = b->answer.at, *end = at + b->answer.len;

    while (at && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        b->sum++;
        at++;
    }
}

static void run_dom(struct bench *b)
{
    b->sum += bare_dom(b->bare, b->answer.at, b->answer.len);
}

static void run_ondemand(struct bench *b)
{
    b->sum += bare_ondemand(b->bare, b->answer.at, b->answer.len);
}

static int drop(void *self, const struct record *rec, struct error *err)
{
    struct bench *b = self;

    (void)err;
    b->sum += (uint64_t)rec->ru_milli + rec->text[F_ACCOUNT].len;
    return 0;
}

static int add(void *self, const struct record *rec, struct error *err)
{
    struct bench *b = self;

    return fold_add(b->fold, rec, err);
}

static void decode_by(struct bench *b, struct decoder *d, int (*on_record)(void *, const struct record *, struct error *))
{
    struct decode_sink sink = { .self = b, .on_record = on_record };
    struct decode_result r;
    struct error err = { 0 };

    if (decode_answer(d, b->answer.at, b->answer.len, TABLE_NONE, &sink, &r, &err) < 0)
        (void)die("decode", &err);
    if ((size_t)r.records != b->made.rows || r.bad) {
        fprintf(stderr, "bench: %lld of %zu rows, %lld bad\n", (long long)r.records, b->made.rows,
                (long long)r.bad);
        exit(1);
    }
}

static void decode_with(struct bench *b, int (*on_record)(void *, const struct record *, struct error *))
{
    decode_by(b, b->decoder, on_record);
}

static void run_decode(struct bench *b)
{
    decode_with(b, drop);
}

static void run_fold(struct bench *b)
{
    const struct observation *o;

    fold_reset(b->fold);
    decode_with(b, add);
    o = fold_sorted(b->fold);
    b->sum += o ? o[0].key : 0;
}

static void run_detect(struct bench *b)
{
    run_fold(b);
    if (bench_detect && bench_detect(b->fold) < 0) {
        fprintf(stderr, "bench: detectors failed\n");
        exit(1);
    }
}

/* ---- measuring -------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

enum task { TASK_MEMCHR, TASK_DOM, TASK_ONDEMAND, TASK_DECODE, TASK_FOLD, TASK_DETECT, TASK_COUNT };

static void (*const tasks[TASK_COUNT])(struct bench *) = {
    [TASK_MEMCHR] = run_memchr, [TASK_DOM] = run_dom,   [TASK_ONDEMAND] = run_ondemand,
    [TASK_DECODE] = run_decode, [TASK_FOLD] = run_fold, [TASK_DETECT] = run_detect,
};

/* Each task once a round, so that whatever else the machine does falls on all of them alike. */
static void measure(struct bench *b, double *ret_median_s)
{
    double took[TASK_COUNT][RUNS];

    for (int round = -1; round < RUNS; round++) { /* the first warms */
        for (size_t t = 0; t < TASK_COUNT; t++) {
            double start = now_s();

            tasks[t](b);
            if (round >= 0)
                took[t][round] = now_s() - start;
        }
    }
    for (size_t t = 0; t < TASK_COUNT; t++) {
        qsort(took[t], RUNS, sizeof took[t][0], compare_doubles);
        ret_median_s[t] = took[t][RUNS / 2];
    }
}

static double mb_per_s(const struct bench *b, double s)
{
    return (double)b->answer.len / 1e6 / s;
}

static void add_rows(struct bench *b, double s, const char *rows, const char *mb)
{
    add_result(b, rows, (double)b->made.rows / s, "rows/s");
    add_result(b, mb, mb_per_s(b, s), "MB/s");
}

static double rss_of_mb(const char *statm)
{
    FILE *f = fopen(statm, "re");
    long long size, resident = 0;

    if (f) {
        if (fscanf(f, "%lld %lld", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static double rss_mb(void)
{
    return rss_of_mb("/proc/self/statm");
}

static double peak_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss * 1024 / 1e6;
}

/* ---- the reader apart --------------------------------------------------------------------------- */

static double reader_s(struct bench *b)
{
    struct apart_status st;
    struct timespec t = { 0 };
    clockid_t clock;

    apart_look(b->apart, &st);
    if (st.pid > 0 && clock_getcpuclockid(st.pid, &clock) == 0)
        clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fold_by(struct bench *b, struct decoder *d)
{
    fold_reset(b->fold);
    decode_by(b, d, add);
}

static double median(double took[RUNS])
{
    qsort(took, RUNS, sizeof took[0], compare_doubles);
    return took[RUNS / 2];
}

/* One after the other in each round, so that both meet the same machine. */
static void measure_apart(struct bench *b)
{
    double home[RUNS], alone[RUNS], split[RUNS], here[RUNS], there[RUNS], start;
    char statm[64];
    struct apart_status st;
    struct error err = { 0 };

    start = wall_s();
    if (apart_start(b->apart, &err) < 0)
        (void)die("reader", &err);
    add_result(b, "split.start_ms", (wall_s() - start) * 1e3, "ms");
    apart_look(b->apart, &st);
    (void)snprintf(statm, sizeof statm, "/proc/%d/statm", st.pid);
    add_result(b, "memory.reader_rest_mb", rss_of_mb(statm), "MB");
    for (int round = -1; round < RUNS; round++) {
        double cpu, reader;

        start = wall_s();
        cpu = now_s();
        fold_by(b, b->decoder);
        if (round >= 0) {
            home[round] = wall_s() - start;
            alone[round] = now_s() - cpu;
        }
        start = wall_s();
        cpu = now_s();
        reader = reader_s(b);
        fold_by(b, b->decoder_apart);
        if (round < 0)
            continue;
        split[round] = wall_s() - start;
        here[round] = now_s() - cpu;
        there[round] = reader_s(b) - reader;
    }
    add_result(b, "memory.reader_with_answer_mb", rss_of_mb(statm), "MB");
    add_result(b, "home.fold.rows_per_s", (double)b->made.rows / median(home), "rows/s by the wall");
    add_result(b, "split.fold.rows_per_s", (double)b->made.rows / median(split), "rows/s by the wall");
    add_result(b, "home.ns_per_row", median(alone) * 1e9 / (double)b->made.rows, "ns of processor time");
    add_result(b, "split.agent_ns_per_row", median(here) * 1e9 / (double)b->made.rows, "ns of processor time");
    add_result(b, "split.reader_ns_per_row", median(there) * 1e9 / (double)b->made.rows, "ns of processor time");
}

static void add_encoder(void *self, const char *format, double per_second, unsigned long bytes)
{
    static char names[32][48];
    static size_t n;

    (void)bytes;
    if (n < 32) {
        (void)snprintf(names[n], sizeof names[n], "encode.%s_per_s", format);
        add_result(self, names[n++], per_second, "encodes/s");
    }
}

static void measure_encoders(struct bench *b)
{
    struct alert *a = NULL;
    struct error err = { 0 };

    if (sample_alert("CosmosDB_TorAnomaly", INT64_C(1700000000) * NS_PER_S, &a, &err) < 0)
        exit(die("a sample alert", &err));
    bench_encode(a, 0.3, add_encoder, b);
    alert_free(a);
}

static void add_judged(void *self, const char *name, double value, const char *unit)
{
    add_result(self, name, value, unit);
}

static int write_json(const struct bench *b, const char *path)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return -1;
    fputs("[\n", f);
    for (size_t i = 0; i < b->results_n; i++)
        fprintf(f, "  {\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"}%s\n", b->results[i].name,
                b->results[i].value, b->results[i].unit, i + 1 < b->results_n ? "," : "");
    fputs("]\n", f);
    return fclose(f);
}

int main(int argc, char **argv)
{
    static apart_service *const services[] = { [DECODE_SERVICE] = decode_serve };
    struct bench b = { .answer = BUF_INIT((size_t)4 << 30) };
    int64_t mb = 100;
    double dom, ondemand, rest, took[TASK_COUNT];
    const char *path = argc > 2 ? argv[2] : "build/bench.json";
    struct error err = { 0 };

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    if (argc > 1 && !parse_i64(slice_of(argv[1]), 1, 2000, &mb)) {
        fprintf(stderr, "usage: bench [MB [FILE]]\n");
        return 2;
    }
    b.decoder = decoder_new();
    if (apart_new(&(struct apart_config){ .life_ms = INT64_MAX }, &b.apart, &err) < 0)
        exit(die("reader", &err));
    b.decoder_apart = decoder_new_apart(b.apart);
    b.fold = fold_new(FOLD_MAX);
    b.bare = bare_new();
    if (!b.decoder || !b.decoder_apart || !b.fold || !b.bare)
        return 1;
    rest = rss_mb();
    b.made = make_answer(&b.answer, (size_t)mb * 1000000, 1);
    if (b.answer.failed)
        return 1;

    /* Memory first: the yardstick below needs more than we do. */
    run_detect(&b);
    add_result(&b, "memory.rest_mb", rest, "MB");
    add_result(&b, "memory.peak_mb", peak_mb(), "MB");
    add_result(&b, "answer.mb", (double)b.answer.len / 1e6, "MB");
    add_result(&b, "answer.rows", (double)b.made.rows, "rows");
    add_result(&b, "fold.observations", (double)fold_len(b.fold), "observations");

    measure(&b, took);
    dom = mb_per_s(&b, took[TASK_DOM]);
    ondemand = mb_per_s(&b, took[TASK_ONDEMAND]);
    add_result(&b, "memchr.mb_per_s", mb_per_s(&b, took[TASK_MEMCHR]), "MB/s");
    add_result(&b, "bare_parse_dom.mb_per_s", dom, "MB/s");
    add_result(&b, "bare_parse_ondemand.mb_per_s", ondemand, "MB/s");
    add_result(&b, "bare_parse.mb_per_s", dom > ondemand ? dom : ondemand, "MB/s");
    add_rows(&b, took[TASK_DECODE], "decode.rows_per_s", "decode.mb_per_s");
    add_rows(&b, took[TASK_FOLD], "fold.rows_per_s", "fold.mb_per_s");
    add_rows(&b, took[TASK_DETECT], "detect.rows_per_s", "detect.mb_per_s");

    measure_apart(&b);
    measure_encoders(&b);
    bench_judge(add_judged, &b);
    if (bench_deliver(5, add_judged, &b) < 0)
        return 1;
    bench_receivers("build", add_judged, &b);
    if (bench_start("build", add_judged, &b) < 0)
        return 1;
    if (bench_bytes_per_subject)
        add_result(&b, "memory.bytes_per_subject", bench_bytes_per_subject(), "bytes");

    printf("%s, %zu rows of %zu cells, checksum %llx\n", bare_kernel(), b.made.rows,
           b.made.rows ? b.made.cells / b.made.rows : 0, (unsigned long long)b.sum);
    for (size_t i = 0; i < b.results_n; i++)
        printf("%-40s %14.1f %s\n", b.results[i].name, b.results[i].value, b.results[i].unit);
    if (write_json(&b, path) < 0)
        fprintf(stderr, "bench: '%s' was not written\n", path);

    buf_release(&b.answer);
    decoder_free(b.decoder);
    decoder_free(b.decoder_apart);
    apart_free(b.apart);
    fold_free(b.fold);
    bare_free(b.bare);
    return 0;
}
