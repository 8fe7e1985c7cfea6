/* inside.h - what the files of agent/store share; nobody else includes it.
 *
 * Every row of every table ends in a column `crc`: CRC-32 over its other columns in the order of
 * schema.c (the rowid is not part of it). SQLite checks the shape of pages, not what is in them: a bit
 * that flips in a BLOB passes its integrity check. query_add_* sums while it binds, query_row_is_sound
 * sums while it reads; so no statement can forget it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STORE_INSIDE_H
#define COSMOWATCH_STORE_INSIDE_H

#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#define STORE_FORMAT 1
#define SUSPECT_FILE "suspect" /* damage was seen, at run time or by a look: check at the next start */

/* Ceilings of foreign bytes in one row. */
#define STORE_ALERT_MAX ALERT_SAVED_MAX
#define STORE_REFUSED_MAX (1U << 20)
#define STORE_RAW_ROW_MAX (64U << 10)
#define STORE_BLOB_MAX (64U << 20)
#define STORE_BASELINE_TEXT_MAX 512U
#define STORE_BAD_ROWS_MAX 10000

enum { STATE_PENDING, STATE_PARKED, STATE_ACCEPTED, STATE_DROPPED }; /* delivery.state, durable */

struct store_cached {
    const char *sql; /* compared by address: one literal per place */
    sqlite3_stmt *stmt;
};

struct store {
    char *dir, *path;
    enum store_mode mode;
    int64_t max_bytes;
    pthread_mutex_t lock; /* recursive; guards everything below */
    bool has_lock;
    int lock_fd;
    sqlite3 *db;          /* NULL: to be opened again before the next use */
    dev_t dev;            /* of the open file: notices that it was removed or replaced */
    ino_t ino;
    int depth;            /* calls of the owning thread that are under way (callbacks call back) */
    bool in_txn;
    bool is_poisoned;     /* the transaction met an error of the disk: it cannot be committed */
    bool must_reopen;     /* a sync or write failed: this handle is not to be believed */
    bool is_suspect;      /* damage was seen: check and repair when opening again */
    bool is_replaced;     /* opened again with other content: the next store_begin says so once */
    struct store_cached cache[64];
    size_t cached;
    char recovery[600];
};

/* ---- sql.c -------------------------------------------------------------------------------------- */

/* One use of a statement. CLEANUP(query_close). Binding errors are kept and told by query_step. */
struct query {
    struct store *s;
    sqlite3_stmt *stmt;
    bool is_cached;
    int bound;
    uint32_t crc;
    int failed; /* SQLite code */
};

MUST_CHECK int query_open(struct query *q, struct store *s, const char *sql, struct error *err);
void query_close(struct query *q);
void query_add_i64(struct query *q, int64_t v);
void query_add_text(struct query *q, const char *text);
void query_add_bytes(struct query *q, struct slice v); /* must live until the query is closed */
void query_add_null(struct query *q);
void query_add_crc(struct query *q);
/* 1: a row, 0: no more, -1. */
MUST_CHECK int query_step(struct query *q, struct error *err);
/* Step to the end, looking at nothing. */
MUST_CHECK int query_run(struct query *q, struct error *err);
int64_t query_i64(const struct query *q, int col);
struct slice query_bytes(const struct query *q, int col); /* until the next step */
void query_text(const struct query *q, int col, char *ret, size_t size); /* cut to fit */
bool query_is_null(const struct query *q, int col);
/* The crc in column first + n is that of columns first .. first + n - 1. */
bool query_row_is_sound(const struct query *q, int first, int n);
/* Go on with a checksum over columns first .. first + n - 1. */
uint32_t stmt_crc(sqlite3_stmt *stmt, uint32_t crc, int first, int n);
bool stmt_row_is_sound(sqlite3_stmt *stmt, int first, int n);

/* SQLite's code -> code and sentence; notes what it means for the handle. Returns -1. */
int store_sql_error(struct store *s, int rc, struct error *err);
bool sql_is_damage(int rc);
/* Memory or descriptors were refused: it says nothing about the file. */
bool sql_is_refused(int rc);
bool sql_complaint_is_refusal(const char *text); /* of its integrity check */
MUST_CHECK int store_exec(struct store *s, const char *sql, struct error *err);

/* ---- store.c ------------------------------------------------------------------------------------ */

/* Lock, and see that the handle is usable. NULL: err says why (unlocked again). */
struct store *store_enter(struct store *s, struct error *err);
void store_leave(struct store **s); /* CLEANUP */
/* A transaction of our own, or part of the caller's. */
MUST_CHECK int store_txn_open(struct store *s, bool *ret_is_ours, struct error *err);
MUST_CHECK int store_txn_close(struct store *s, bool is_ours, int rc, struct error *err);
/* Add a sentence to what store_recovery tells. */
void store_note(struct store *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
MUST_CHECK int store_sync_dir(const char *dir, struct error *err);
MUST_CHECK int store_mark_suspect(struct store *s, bool is_set, struct error *err);
MUST_CHECK int store_create_file(const char *path, const char *dir, struct error *err);
MUST_CHECK int store_open_handle(struct store *s, bool is_writable, struct error *err);
void store_close_handle(struct store *s);
void store_free_text(char **text); /* CLEANUP(free) for char * */
void store_close_fd(int *fd);
bool store_has_file(const char *dir, const char *name, const char *suffix);
char *store_path(const char *dir, const char *name, const char *suffix); /* NULL without memory */

/* ---- schema.c ----------------------------------------------------------------------------------- */

struct store_table {
    const char *name, *columns; /* what crc covers, in its order */
    int n;                      /* of them */
    bool has_number;            /* the first column, before them, is the rowid */
};
extern const struct store_table store_tables[];
extern const size_t store_tables_len;

/* Set up a connection: safety limits, WAL, synchronous=FULL. */
MUST_CHECK int store_prepare_db(struct store *s, bool is_writable, struct error *err);
enum store_shape { SHAPE_EMPTY, SHAPE_OLDER, SHAPE_CURRENT, SHAPE_NEWER, SHAPE_DAMAGED };
/* What the open file is. *ret_format is written for OLDER, CURRENT, NEWER. -1: it could not be told. */
MUST_CHECK int store_look(struct store *s, enum store_shape *ret, int64_t *ret_format, struct error *err);
/* Step by step to STORE_FORMAT, each step in a transaction of its own. */
MUST_CHECK int store_migrate(struct store *s, int64_t format, struct error *err);

/* ---- salvage.c ---------------------------------------------------------------------------------- */

/* Move the damaged file aside and make a new one of what can be read. The handle must be closed. */
MUST_CHECK int store_salvage(struct store *s, const char *why, struct error *err);
/* Finish a salvage that was interrupted. */
MUST_CHECK int store_resume_salvage(struct store *s, struct error *err);

/* ---- heal.c ------------------------------------------------------------------------------------- */

/* Rows whose checksum is wrong: rebuild from their twins or take out; say so. Always windows and
 * deliveries; is_thorough: everything. */
MUST_CHECK int store_heal(struct store *s, bool is_thorough, struct error *err);
/* The same within a transaction, when rows are known to be missing. */
MUST_CHECK int store_heal_losses(struct store *s, struct error *err);

/* ---- ledger.c, deliveries.c: for heal.c, within its transaction ---------------------------------- */
MUST_CHECK int store_each_window_inside(struct store *s,
                                        int (*fn)(void *self, const struct window *w, struct error *err),
                                        void *self, struct error *err);
MUST_CHECK int store_put_window_inside(struct store *s, const struct window *w, struct error *err);
MUST_CHECK int store_put_payload(struct store *s, int64_t seq, const char *output, struct slice alert,
                                 struct slice refused, struct error *err);
/* The row of a delivery again, under its old number. */
MUST_CHECK int store_rebuild_delivery(struct store *s, int64_t seq, const char *output, const struct alert *a,
                                      bool is_parked, struct error *err);

#endif
