/* query.c - see query.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/query.h"

struct baseline *fuzz_query_memory(void)
{
    static const struct baseline_memory *const memories[] = { &query_memory_client, &query_memory_shape,
                                                              &query_memory_word };
    struct baseline *memory = baseline_new(&(struct baseline_config){ .horizon_ns = NS_PER_HOUR, .learn_ns = 0 });
    struct error err = { 0 };

    PROMISE(memory);
    for (size_t i = 0; i < ARRAY_LEN(memories); i++)
        PROMISE(baseline_declare(memory, memories[i], &err) == 0);
    return memory;
}

void fuzz_query_case(const struct query_case *k)
{
    PROMISE(k->confidence >= 0 && k->confidence <= 100 && k->findings_len <= QUERY_FINDINGS_MAX);
    PROMISE(k->verdict != VERDICT_ATTACK || k->variant);
    for (size_t i = 0; i < k->findings_len; i++) { /* a finding quotes the text, nothing else */
        struct slice quoted = k->findings[i].text, all = k->statement;

        PROMISE(quoted.at >= all.at && quoted.len <= all.len && quoted.at + quoted.len <= all.at + all.len);
    }
}

void fuzz_query(const struct fuzz_query *q, struct slice text)
{
    struct query_client client = { .account = SL("a"), .hash = 1, .slot = 100, .len = 1, .label = SL("l") };
    struct buf shape = BUF_INIT(65536);
    struct query_case k;

    client.baseline = fuzz_query_memory();
    q->judge(q->scratch, &client, slice_make(text.at, text.len / 2), RUN_OK, &k);
    k.lesson.requests = 1;
    (void)query_history_learn(&client, &k.lesson);
    client.slot += 5;
    for (int run = RUN_OK; run <= RUN_UNKNOWN; run++) {
        q->judge(q->scratch, &client, text, (enum query_run)run, &k);
        fuzz_query_case(&k);
        q->print_shape(q->scratch, &shape);
    }
    buf_release(&shape);
    baseline_free(client.baseline);
}

static void judge(void *scratch, const struct query_client *client, struct slice text, enum query_run run,
                  struct query_case *ret)
{
    query_judge(scratch, client, text, run, ret);
}

static void print_shape(void *scratch, struct buf *out)
{
    query_bench_print_shape(scratch, out);
}

void fuzz_query_dialect(struct query_bench **kept, const struct query_dialect *dialect, struct slice text)
{
    if (!*kept)
        *kept = query_bench_new(dialect);
    PROMISE(*kept);
    fuzz_query(&(struct fuzz_query){ .scratch = *kept, .judge = judge, .print_shape = print_shape }, text);
}
