/* console.h - the local web page, the metrics and the health of the running agent, over HTTP.
 *
 * Read-only, and apart from the agent's work: it has its own thread and its own read-only view of the store, and what it
 * shows of the running parts is what they last left there (status.h). A page that is slow or broken delays nothing.
 *
 *     /            health, sources, outputs, coverage, alerts over time
 *     /alerts      list with filters          /alerts/ID      all about one
 *     /accounts    what was learned           /rules          detectors, suppressions
 *     /metrics     OpenMetrics                /healthz /readyz
 *
 * It listens on loopback or on a Unix socket. Anywhere else it wants a token, and TLS unless told otherwise. Requests
 * that name another host than it knows are refused: a page in somebody's browser cannot read it by pointing its own
 * name at 127.0.0.1 (DNS rebinding).
 *
 * Threads: any one starts and stops it; requests are served by its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_H
#define COSMOWATCH_CONSOLE_H

#include "base/services.h"
#include "settings/option.h"

struct baseline;
struct engine_detector;
struct console;
struct store_config;
struct suppress;
struct trusted;

struct console_settings { /* the section `console:` */
    char *listen;               /* NULL: no console */
    struct secret token;
    char *token_ref;
    struct string_list hosts;
    char *cert, *key;
    bool allow_plain_http;
};
extern const struct option_spec console_options[];

struct console_config {
    const struct services *sv;
    const struct console_settings *settings;
    const struct store_config *store;    /* where to read */
    const struct baseline *baseline;     /* only to describe rows: what is declared, not what it holds */
    const struct suppress *suppress;     /* may be NULL */
    const struct trusted *trusted;       /* may be NULL */
    const struct engine_detector *detectors; /* those that are on, with their options */
    size_t detectors_len;
};

/* Would it be safe to listen there? ERR_CONFIG says what is missing. */
MUST_CHECK int console_check(const struct console_settings *s, struct error *err);
/* ERR_CONFIG, ERR_IO with a sentence. A configuration without `listen` gives NULL and 0. */
MUST_CHECK int console_start(const struct console_config *cfg, struct console **ret, struct error *err);
void console_stop(struct console *c); /* and free; NULL is fine */

#endif
