/* fuzz_record.h - bytes into records, each looked at whole. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FUZZ_RECORD_H
#define COSMOWATCH_FUZZ_RECORD_H

#include "enrich/caller.h"
#include "enrich/user_agent.h"
#include "fold/fold.h"
#include "record/decode.h"
#include "source/concern.h"
#include "tests/fuzz/fuzz.h"

struct seen_rows {
    struct fold *fold;
    int64_t records, bad;
};

static inline int fuzz_on_record(void *self, const struct record *rec, struct error *err)
{
    struct seen_rows *seen = self;
    struct user_agent agent;

    PROMISE(rec->table > TABLE_NONE && rec->table < TABLE_COUNT && rec->count >= 0);
    for (size_t f = 0; f < F_COUNT; f++)
        fuzz_touch(rec->text[f]);
    user_agent_parse(rec->text[F_USER_AGENT], &agent);
    (void)key_kind_parse(rec->text[F_KEY_KIND], NULL);
    seen->records++;
    if (!concern_has(rec))
        return 0;
    return fold_add(seen->fold, rec, err);
}

static inline void fuzz_on_bad(void *self, struct slice raw, const char *reason)
{
    struct seen_rows *seen = self;

    PROMISE(reason && reason[0]);
    fuzz_touch(raw);
    seen->bad++;
}

/* A decoder of its own each time: nothing of the last input may be left in it. */
static inline void fuzz_decode(struct slice bytes, bool is_export, enum table table)
{
    struct decoder *d = decoder_new();
    struct seen_rows seen = { .fold = fold_new((size_t)64 << 20) };
    struct decode_sink sink = { .self = &seen, .on_record = fuzz_on_record, .on_bad = fuzz_on_bad };
    struct decode_result result = { 0 };
    char *at = fuzz_padded(bytes, DECODE_PADDING);
    struct error err = { 0 };
    int rc;

    PROMISE(d && seen.fold);
    rc = is_export ? decode_export(d, at, bytes.len, table, &sink, &result, &err)
                   : decode_answer(d, at, bytes.len, table, &sink, &result, &err);
    PROMISE(rc == 0 || err.code != ERR_NONE);
    PROMISE(rc < 0 || (result.records == seen.records && result.bad == seen.bad));
    free(at);
    fold_free(seen.fold);
    decoder_free(d);
}

#endif
