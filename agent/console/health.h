/* health.h - is the agent doing its work? Judged by progress, from what it last said of itself: a process that lives
 * and gets nowhere is not healthy.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_HEALTH_H
#define COSMOWATCH_CONSOLE_HEALTH_H

#include "base/buf.h"

struct json_object;

/* The flow thread writes its status every two seconds; one older than this is stuck. */
#define HEALTH_STATUS_MAX_AGE_S 60
/* A source further behind than this, and not learning from history, is not keeping up. */
#define HEALTH_LAG_MAX_S 7200
/* What worked before and fails is given so long to work again: a throttled query or a receiver's restart wakes nobody.
 * What has never worked since the start needs somebody at once. */
#define HEALTH_PATIENCE_S 900

enum health_problem_kind { HEALTH_AGENT, HEALTH_SOURCE, HEALTH_OUTPUT, HEALTH_NOTE /* to look at, not unhealthy */ };

/* Call fn for each problem: whose (kind, name) and one sentence. Returns their number,
 * without the notes. `status` NULL is one. */
size_t health_judge(struct json_object *status, int64_t now_ns,
                    void (*fn)(void *self, enum health_problem_kind kind, const char *name, const char *what), void *self);
/* The same as an object for programs: {"healthy": bool, "problems": [{kind, name, what}]}; the caller's. */
struct json_object *health_json(struct json_object *status, int64_t now_ns, bool *ret_is_good);
/* Has every source been read once since the start? */
bool health_is_ready(struct json_object *status, int64_t now_ns);

#endif
