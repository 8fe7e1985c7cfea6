/* judges.c - see judges.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/judges.h"

#include "base/buf.h"
#include "detectors/kit/cql_read.h"
#include "detectors/kit/gremlin_read.h"
#include "detectors/kit/mongo_case.h"
#include "detectors/kit/odata_read.h"
#include "detectors/kit/query_asker.h"
#include "detectors/kit/query_judge.h"
#include "detectors/kit/sql_case.h"

#include <stdlib.h>

struct judges {
    struct sql_bench *nosql;
    struct query_bench *of[API_COUNT]; /* of the dialects that share query_judge.c */
    struct mongo_reading *mongo;
    struct buf filter; /* of the Table API, decoded out of a web address */
};

struct judges *judges_new(void)
{
    struct judges *j = calloc(1, sizeof *j);

    if (j)
        j->filter = BUF_INIT(QUERY_TEXT_MAX);
    return j;
}

static void free_mongo(struct judges *j)
{
    if (j->mongo)
        mongo_reading_release(j->mongo);
    free(j->mongo);
    j->mongo = NULL;
}

void judges_free(struct judges *j)
{
    if (!j)
        return;
    sql_bench_free(j->nosql);
    for (size_t i = 0; i < API_COUNT; i++)
        query_bench_free(j->of[i]);
    free_mongo(j);
    buf_release(&j->filter);
    free(j);
}

static const struct query_dialect *dialect_of(enum api api)
{
    static const struct query_dialect *const dialects[API_COUNT] = { [API_CASSANDRA] = &cql_dialect,
                                                                     [API_GREMLIN] = &gremlin_dialect,
                                                                     [API_TABLE] = &odata_dialect };

    return dialects[api < API_COUNT ? api : API_UNKNOWN];
}

static bool make_mongo(struct judges *j)
{
    if (j->mongo)
        return true;
    j->mongo = calloc(1, sizeof *j->mongo);
    if (j->mongo && mongo_reading_init(j->mongo))
        return true;
    free_mongo(j);
    return false;
}

/* The dialect's bench. */
static bool prepare(struct judges *j, enum api api)
{
    const struct query_dialect *dialect = dialect_of(api);

    if (api == API_MONGODB)
        return make_mongo(j);
    if (dialect) {
        if (!j->of[api])
            j->of[api] = query_bench_new(dialect);
        return j->of[api] != NULL;
    }
    if (!j->nosql)
        j->nosql = sql_bench_new();
    return j->nosql != NULL;
}

bool judges_judge(struct judges *j, enum api api, const struct query_client *c, struct slice text, enum query_run run,
                  struct query_case *ret)
{
    if (!prepare(j, api))
        return false;
    if (api == API_MONGODB)
        mongo_judge(j->mongo, c, text, run, ret);
    else if (dialect_of(api))
        query_judge(j->of[api], c, api == API_TABLE ? odata_filter_of(text, &j->filter) : text, run, ret);
    else
        sql_case_judge(j->nosql, c, text, run, ret);
    return true;
}

/* Read by a stranger's eyes: the shape is the same. */
static uint64_t know_nothing(void *self UNUSED, enum query_question q UNUSED, const uint64_t *what UNUSED, size_t n UNUSED)
{
    return 0;
}

bool judges_print_shape(struct judges *j, enum api api, struct slice text, struct buf *out)
{
    struct query_asker nobody = { .ask = know_nothing };
    const struct query_client stranger = { .asker = &nobody };
    struct query_case unused;

    if (!judges_judge(j, api, &stranger, text, RUN_UNKNOWN, &unused))
        return false;
    if (api == API_MONGODB)
        mongo_print_shape(j->mongo, out);
    else if (dialect_of(api))
        query_bench_print_shape(j->of[api], out);
    else
        sql_case_print_shape(j->nosql, out);
    return true;
}

uint64_t judges_text_id(enum api api, struct slice text)
{
    return api == API_MONGODB || dialect_of(api) ? query_text_id(text) : sql_case_id(text);
}
