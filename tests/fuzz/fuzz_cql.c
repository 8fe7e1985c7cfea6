/* fuzz_cql - any bytes as a CQL text: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "detectors/kit/cql_read.h"
#include "detectors/kit/query_judge.h"

#include <stdlib.h>

int fuzz_cql(const uint8_t *data, size_t size);

int fuzz_cql(const uint8_t *data, size_t size)
{
    static struct query_bench *bench; /* scratch: once */
    struct baseline *memory = baseline_new(&(struct baseline_config){ .horizon_ns = NS_PER_HOUR, .learn_ns = 0 });
    const struct baseline_memory *const memories[] = { &query_memory_client, &query_memory_shape, &query_memory_word };
    struct query_client client = { .baseline = memory, .account = SL("a"), .hash = 1, .slot = 100, .len = 1, .label = SL("l") };
    struct slice text = slice_make((const char *)data, size);
    struct buf out = BUF_INIT(65536);
    struct error err = { 0 };
    struct query_case k;

    if (!bench)
        bench = query_bench_new(&cql_dialect);
    for (size_t i = 0; bench && memory && i < ARRAY_LEN(memories); i++)
        if (baseline_declare(memory, memories[i], &err) < 0)
            abort();
    if (bench && memory) {
        /* The first half of the text is what the client usually sends; then the whole is judged. */
        query_judge(bench, &client, slice_make(text.at, size / 2), RUN_OK, &k);
        k.lesson.requests = 1;
        (void)query_history_learn(&client, &k.lesson);
        client.slot += 5;
        for (int run = RUN_OK; run <= RUN_UNKNOWN; run++) {
            query_judge(bench, &client, text, (enum query_run)run, &k);
            if (k.confidence < 0 || k.confidence > 100 || k.findings_len > QUERY_FINDINGS_MAX ||
                (k.verdict == VERDICT_ATTACK && !k.variant))
                abort();
            for (size_t i = 0; i < k.findings_len; i++) /* a finding quotes the text, nothing else */
                if (k.findings[i].text.at < k.statement.at || k.findings[i].text.len > k.statement.len ||
                    k.findings[i].text.at + k.findings[i].text.len > k.statement.at + k.statement.len)
                    abort();
            query_bench_print_shape(bench, &out);
        }
    }
    buf_release(&out);
    baseline_free(memory);
    return 0;
}
#ifdef COSMOWATCH_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz_cql(data, size); }
#endif
