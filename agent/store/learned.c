/* learned.c - what was learned, row by row, for the operator.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "store/inside.h"

int store_each_baseline(struct store *s, const char *account, const char *memory,
                        int (*fn)(void *self, const struct baseline_row *row, struct error *err), void *self,
                        struct error *err)
{
    static const char sql[] =
        "SELECT memory, id, version, account, key, label, value, seen_ns, crc FROM baseline"
        " WHERE (?1 IS NULL OR account = ?1) AND (?2 IS NULL OR memory = ?2) ORDER BY account, memory, label, id";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    if (account)
        query_add_bytes(&q, slice_of(account));
    else
        query_add_null(&q);
    if (memory)
        query_add_text(&q, memory);
    else
        query_add_null(&q);
    while ((more = query_step(&q, err)) == 1) {
        char name[128];
        struct baseline_row row = { .memory = name, .version = (uint16_t)query_i64(&q, 2), .account = query_bytes(&q, 3),
                                    .key = query_bytes(&q, 4), .label = query_bytes(&q, 5), .value = query_bytes(&q, 6),
                                    .seen_ns = query_i64(&q, 7) };

        if (!query_row_is_sound(&q, 0, 8) || query_bytes(&q, 1).len != sizeof row.id)
            continue; /* reported when baselines are loaded */
        query_text(&q, 0, name, sizeof name);
        memcpy(row.id, query_bytes(&q, 1).at, sizeof row.id);
        if (fn(self, &row, err) < 0)
            return -1;
    }
    return more;
}
