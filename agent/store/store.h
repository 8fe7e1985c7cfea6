/* store.h - everything durable, in one SQLite file: ledger of windows, baselines, alerts, deliveries,
 * feeds, parked rows.
 *
 * WAL, synchronous=FULL. What a window changes becomes durable in ONE transaction (store_begin ..
 * store_commit): baseline rows, alerts, one delivery row per routed output, the ledger row. Only after
 * the commit may an output see an alert. Payloads carry a CRC-32 that is verified on reading. A file
 * that is damaged is moved aside, what is readable is saved, the doubtful windows are read again, and
 * store_open tells (store_recovery). A newer format is refused (ERR_STATE), never overwritten.
 *
 * Threads: one struct store may be used by several threads; it locks itself. Between store_begin and
 * store_commit/rollback the calling thread owns it (others wait).
 * One process runs the agent on a store (lock file beside it); command-line readers open read-only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STORE_H
#define COSMOWATCH_STORE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct alert;
struct baseline;
struct baseline_row;
struct store;

enum store_mode { STORE_RUN /* create, lock, repair */, STORE_WRITE /* command line */, STORE_READ };

struct store_config {
    const char *dir;          /* state directory; created 0700 by STORE_RUN */
    int64_t max_bytes;        /* store_is_full() above it; 0: no ceiling */
};

MUST_CHECK int store_open(const struct store_config *cfg, enum store_mode mode, struct store **ret,
                          struct error *err);
void store_close(struct store *s);
void store_closep(struct store **s);
/* What had to be repaired at open, one sentence, or NULL. */
const char *store_recovery(const struct store *s);
bool store_is_full(struct store *s);
int64_t store_size(struct store *s); /* bytes on disk, WAL included */

MUST_CHECK int store_begin(struct store *s, struct error *err);
MUST_CHECK int store_commit(struct store *s, struct error *err);
void store_rollback(struct store *s); /* fine without a transaction */

/* ---- ledger of windows: half-open [from, to) of a source's ingestion time --------------------- */
enum window_state { WINDOW_PENDING, WINDOW_READING, WINDOW_CLOSED, WINDOW_RECHECKED /* final */, WINDOW_GAP };
const char *window_state_name(enum window_state s);

struct window {
    char source[64];
    int64_t from_ns, to_ns;
    enum window_state state;
    bool is_backfill;
    int attempts;           /* failed reads so far */
    int rechecks;           /* done */
    int64_t read_ns;        /* source time at which it was last read completely, 0 never */
    int64_t records, observations;
    char reason[200];       /* last failure, or why it is a gap */
};

MUST_CHECK int store_put_window(struct store *s, const struct window *w, struct error *err);
/* What the window was seen to hold (fold_seen); kept until the last re-check. */
MUST_CHECK int store_put_seen(struct store *s, const struct window *w, struct slice seen, struct error *err);
MUST_CHECK int store_get_seen(struct store *s, const struct window *w, struct buf *ret, struct error *err);
/* Windows of a source (NULL: all) with from >= since, in order. fn returning -1 stops. */
MUST_CHECK int store_each_window(struct store *s, const char *source, int64_t since_ns,
                                 int (*fn)(void *self, const struct window *w, struct error *err),
                                 void *self, struct error *err);
/* The same, neighbours that say the same as one: `records` are their sum. `joins` is asked of two that touch and are of
 * one source and kind (learned from, or read). */
struct window_run { struct window w; int64_t windows; };
bool window_says_the_same(const struct window *a, const struct window *b); /* for people: state and reason */
MUST_CHECK int store_each_run(struct store *s, const char *source, int64_t since_ns,
                              bool (*joins)(const struct window *a, const struct window *b),
                              int (*fn)(void *self, const struct window_run *r, struct error *err),
                              void *self, struct error *err);
/* Merge neighbouring final windows older than before_ns into one row; drop their `seen`. */
MUST_CHECK int store_compact_ledger(struct store *s, int64_t before_ns, struct error *err);

/* ---- baselines --------------------------------------------------------------------------------- */
MUST_CHECK int store_put_baseline(struct store *s, const struct baseline_row *row, struct error *err);
MUST_CHECK int store_load_baselines(struct store *s, struct baseline *b, struct error *err);

/* Of an account (NULL: all; "": across accounts) and a memory (NULL: all), by account, memory, label. fn may change
 * baseline rows. */
MUST_CHECK int store_each_baseline(struct store *s, const char *account, const char *memory,
                                   int (*fn)(void *self, const struct baseline_row *row, struct error *err),
                                   void *self, struct error *err);

/* ---- alerts ------------------------------------------------------------------------------------ */
MUST_CHECK int store_put_alert(struct store *s, const struct alert *a, struct error *err); /* by id */
MUST_CHECK int store_get_alert(struct store *s, const char *id, struct alert **ret, struct error *err);
                                    /* id may be a unique prefix of 4+ characters; ERR_NOT_FOUND */
/* Who was told of an alert, by the state of its deliveries. */
enum alert_told { TOLD_ANY, TOLD_WAITING, TOLD_REFUSED /* parked */, TOLD_ACCEPTED, TOLD_NOBODY, TOLD_SUPPRESSED };
/* By last_ns, newest first unless asked otherwise. since/until on last_ns, both included. */
struct alert_filter { int64_t since_ns, until_ns /* 0: no end */; int min_severity;
                      const char *type, *account /* those over several accounts as well */;
                      const char *types;    /* ",A,B,": any of these; NULL: all */
                      enum alert_told told;
                      const char *after_id; /* newest first: of those at until_ns only the ids after it, as the page
                                             * before ended there */
                      bool only_open /* not final */, oldest_first; size_t limit; };
/* fn borrows; 1 stops, -1 as a failure. */
MUST_CHECK int store_each_alert(struct store *s, const struct alert_filter *f,
                                int (*fn)(void *self, const struct alert *a, struct error *err),
                                void *self, struct error *err);
/* How many there are, without reading them. */
struct alert_tally { int64_t day_ns /* of last_ns */; const char *type; int severity; bool is_suppressed; int64_t n; };
MUST_CHECK int store_tally_alerts(struct store *s, int64_t since_ns,
                                  int (*fn)(void *self, const struct alert_tally *t, struct error *err),
                                  void *self, struct error *err);
MUST_CHECK int store_count_alerts(struct store *s, int64_t since_ns, int64_t until_ns, int64_t *ret, struct error *err);
MUST_CHECK int store_forget_alerts(struct store *s, int64_t before_ns, struct error *err);
                                    /* retention; never one with an unfinished delivery */

/* ---- deliveries -------------------------------------------------------------------------------- */
struct delivery_row {
    int64_t seq;            /* order of offering; ascending */
    char output[64], alert_id[37], record_id[64];
    int attempts;
    int64_t first_try_ns, last_try_ns; /* wall, 0 never */
    struct alert *alert;    /* the snapshot to send; owned by the row */
    char reason[200];
    bool is_parked;
    struct buf refused;     /* parked: the exact bytes that were refused */
};
void delivery_row_release(struct delivery_row *r);

MUST_CHECK int store_add_delivery(struct store *s, const char *output, const struct alert *a, struct error *err);
                                    /* idempotent on (output, record_id) */
/* The same, and was it new? */
MUST_CHECK int store_offer(struct store *s, const char *output, const struct alert *a, bool *ret_new, struct error *err);
/* Oldest pending rows of an output, in order: up to max. Caller releases each. */
MUST_CHECK int store_take(struct store *s, const char *output, size_t max, struct delivery_row *ret,
                          size_t *ret_n, struct error *err);
struct settlement { int64_t seq; enum { SETTLE_ACCEPTED, SETTLE_TRIED, SETTLE_PARKED } what;
                    int64_t now_ns; const char *reason; struct slice refused; };
/* All in one transaction. */
MUST_CHECK int store_settle(struct store *s, const struct settlement *each, size_t n, struct error *err);
struct output_counts { int64_t pending, parked, accepted, dropped; int64_t oldest_pending_ns /* last_ns of alert */; };
MUST_CHECK int store_count_output(struct store *s, const char *output, struct output_counts *ret, struct error *err);
/* Every output that has, or ever had, deliveries, by name; also those that no configuration names any more. */
MUST_CHECK int store_each_output(struct store *s, int (*fn)(void *self, const char *output,
                                                           const struct output_counts *counts, struct error *err),
                                 void *self, struct error *err);
/* Deliveries of alerts last seen from .. to, an update counting for itself; by output. Only those that have any. */
MUST_CHECK int store_each_output_between(struct store *s, int64_t from_ns, int64_t to_ns,
                                         int (*fn)(void *self, const char *output, const struct output_counts *counts,
                                                   struct error *err),
                                         void *self, struct error *err);
MUST_CHECK int store_each_parked(struct store *s, const char *output /* NULL: all */,
                                 int (*fn)(void *self, const struct delivery_row *r, struct error *err),
                                 void *self, struct error *err);
/* Parked -> pending (retry) or gone for good (drop, counted in `dropped`). NULL record_id: all of the output. */
MUST_CHECK int store_retry_parked(struct store *s, const char *output, const char *record_id, int64_t *ret_n, struct error *err);
MUST_CHECK int store_drop_parked(struct store *s, const char *output, const char *record_id, int64_t *ret_n, struct error *err);
/* What waits as well: for an output that is no more. */
MUST_CHECK int store_drop_output(struct store *s, const char *output, int64_t *ret_n, struct error *err);
/* Of the pending ones all but the newest `keep` are parked with this reason: pending -> parked. */
MUST_CHECK int store_park_surplus(struct store *s, const char *output, int64_t keep, const char *reason, int64_t now_ns,
                                  int64_t *ret_n, struct error *err);
/* Delivery state of one alert per output, for `alerts show` and the console. */
MUST_CHECK int store_each_delivery_of(struct store *s, const char *alert_id,
                                      int (*fn)(void *self, const char *output, const char *record_id,
                                                const char *state, int attempts, const char *reason),
                                      void *self, struct error *err);

/* ---- the rest ---------------------------------------------------------------------------------- */
/* A log row that could not be decoded: kept (bounded: newest 10,000) with its reason. */
MUST_CHECK int store_park_row(struct store *s, const char *source, struct slice raw, const char *reason, int64_t now_ns, struct error *err);
struct bad_row { char source[64], reason[200]; struct slice raw; int64_t seen_ns; /* wall */ };
/* Newest first. */
MUST_CHECK int store_each_bad_row(struct store *s, size_t limit,
                                  int (*fn)(void *self, const struct bad_row *r, struct error *err),
                                  void *self, struct error *err);
MUST_CHECK int store_count_bad_rows(struct store *s, int64_t *ret, struct error *err);
/* Named blobs: feeds (table + ETag), agent facts ("feed/tor", "feed/tor/etag", "agent/first_start"). */
MUST_CHECK int store_put_blob(struct store *s, const char *name, struct slice value, struct error *err);
MUST_CHECK int store_get_blob(struct store *s, const char *name, struct buf *ret, bool *ret_found, struct error *err);
/* ---- looking after it ------------------------------------------------------------------------------ */
/* Is it sound? Any mode. What is wrong comes with its remedy, tables with their rows. Damage that is found leaves a mark,
 * so that the next start goes through everything. */
struct store_examiner {
    void *self;
    int (*found)(void *self, const char *what, const char *remedy, struct error *err);
    int (*counted)(void *self, const char *table, int64_t rows, struct error *err);
    void (*looking)(void *self, const char *at, int64_t done); /* "pages", a table; how many steps or rows; may be NULL */
};
MUST_CHECK int store_examine(struct store *s, const struct store_examiner *to, struct error *err);
/* Everything durable as lines of JSON, each with its newline; see move.c. left_out: rows with a wrong checksum. */
struct store_moved { int64_t rows, left_out; };
MUST_CHECK int store_export(struct store *s, int (*line)(void *self, struct slice line, struct error *err), void *self,
                            struct store_moved *ret, struct error *err);
/* All or nothing. next: 1 and a line without its newline, 0 no more, -1. left_out: of tables that only a later
 * release has. ERR_STATE: the store is not empty and not to be replaced. */
MUST_CHECK int store_import(struct store *s, bool is_replacing,
                            int (*next)(void *self, struct slice *ret_line, struct error *err), void *self,
                            struct store_moved *ret, struct error *err);
/* Give freed room back to the disk. STORE_RUN only: the agent must not run. progress: 1..100, -1 stops. */
MUST_CHECK int store_compact(struct store *s, int (*progress)(void *self, int percent), void *self, struct error *err);
/* status.json-like text the running agent leaves for `cosmowatch status` (replaces). */
#define STORE_BLOB_STATUS "agent/status"
#define STORE_BLOB_TRUSTED "agent/trusted" /* enrich/trusted.h */

#endif
