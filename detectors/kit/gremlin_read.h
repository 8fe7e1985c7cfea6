/* gremlin_read.h - a Gremlin text: chains of steps with literals, steps and lists inside.
 *
 * The service runs one traversal and no Groovy: no closures, no second statement, no classes (Azure Cosmos DB
 * for Apache Gremlin, "Gremlin support", read 2026). Texts are joined from strings by habit, so a value can
 * add steps: start again from all vertices, write, drop. Comments // and block comments cut the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_GREMLIN_READ_H
#define COSMOWATCH_GREMLIN_READ_H

#include "detectors/kit/query_reading.h"

extern const struct query_dialect gremlin_dialect;

#endif
