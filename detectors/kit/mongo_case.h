/* mongo_case.h - a MongoDB command of one client: judged by itself and against what the client is known for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MONGO_CASE_H
#define COSMOWATCH_MONGO_CASE_H

#include "detectors/kit/mongo_read.h"

#define MONGO_TYPE_OPERATOR "CosmosDBX_MongoInjection.Operator"
#define MONGO_TYPE_SCRIPT "CosmosDBX_MongoInjection.JavaScript"
#define MONGO_TYPE_REGEX "CosmosDBX_MongoInjection.RegexBlind"
#define MONGO_TYPE_PIPELINE "CosmosDBX_MongoInjection.Pipeline"

/* Slices in *ret live until r is used again. */
void mongo_judge(struct mongo_reading *r, const struct query_client *c, struct slice text, enum query_run run,
                 struct query_case *ret);

#endif
