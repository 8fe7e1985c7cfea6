/* view.h - one request, and the functions that answer it. Each page appends to `out` and returns an HTTP status; an
 * error it cannot show goes up.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_VIEW_H
#define COSMOWATCH_CONSOLE_VIEW_H

#include "base/buf.h"
#include "base/services.h"

struct baseline;
struct engine_detector;
struct json_object;
struct store;
struct suppress;
struct trusted;

struct view {
    const struct services *sv;
    struct store *store;
    const struct baseline *baseline;
    const struct suppress *suppress;
    const struct trusted *trusted;
    const struct engine_detector *detectors;
    size_t detectors_len;
    struct json_object *status;   /* what the agent last left; NULL: nothing yet */
    const char *path;             /* decoded, with the leading slash */
    const char *rest;             /* what follows the page's own path: an id, an account */
    void *query_self;             /* of query() */
    const char *(*query)(void *self, const char *key); /* decoded; NULL when absent */
    bool wants_openmetrics;       /* the Accept header names it */
    struct buf *out;
};

int overview_page(struct view *v, struct error *err);
int alerts_page(struct view *v, struct error *err);
int alert_page(struct view *v, struct error *err);
int accounts_page(struct view *v, struct error *err);
int account_page(struct view *v, struct error *err);
int rules_page(struct view *v, struct error *err);
int metrics_page(struct view *v, struct error *err);
int healthz_page(struct view *v, struct error *err);
int readyz_page(struct view *v, struct error *err);

#endif
