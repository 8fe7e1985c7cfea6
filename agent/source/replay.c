/* replay.c - see replay.h. Cutting files: chunks.c. Reading rows: record/decode.c. Texts: join.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/replay.h"

#include "base/map.h"
#include "record/decode.h"
#include "source/chunks.h"
#include "source/concern.h"
#include "source/join.h"

#include <stdlib.h>

#define DIGEST_LEN 32

/* Row ids seen: 128 bits of each. Ids are given by the workspace, not by whom it logs. */
struct id_set {
    uint64_t (*slots)[2]; /* {0, 0} is free */
    size_t cap, len;
};

struct replay {
    struct replay_config cfg;
    struct replay_counts counts;
    struct fold *fold;
    struct join *join;
    struct decoder *decoder;
    struct id_set ids;
    struct map *files; /* digest -> path of the first file with it (struct slice) */
    const char *path;  /* being read */
};

int replay_new(const struct replay_config *cfg, struct replay **ret, struct error *err)
{
    CLEANUP(replay_freep) struct replay *r = calloc(1, sizeof *r);

    if (!r)
        return error_set(err, ERR_NOMEM, "no memory for a replay");
    r->cfg = *cfg;
    if (r->cfg.max_bytes == 0)
        r->cfg.max_bytes = REPLAY_MAX_BYTES;
    r->fold = fold_new(r->cfg.max_bytes / 2);
    r->join = join_new(r->cfg.max_bytes / 4);
    r->decoder = cfg->reader ? decoder_new_apart(cfg->reader) : decoder_new();
    r->files = map_new(1);
    if (!r->fold || !r->join || !r->decoder || !r->files)
        return error_set(err, ERR_NOMEM, "no memory for a replay");
    *ret = TAKE(r);
    return 0;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    fold_free(r->fold);
    join_free(r->join);
    decoder_free(r->decoder);
    map_free(r->files);
    free(r->ids.slots);
    free(r);
}

void replay_freep(struct replay **r)
{
    replay_free(*r);
    *r = NULL;
}

/* ---- rows given twice ------------------------------------------------------------------------ */

static size_t id_place(const struct id_set *s, uint64_t a, uint64_t b)
{
    size_t at = (size_t)a & (s->cap - 1);

    while ((s->slots[at][0] != 0 || s->slots[at][1] != 0) && (s->slots[at][0] != a || s->slots[at][1] != b))
        at = (at + 1) & (s->cap - 1);
    return at;
}

static int ids_grow(struct replay *r, struct error *err)
{
    struct id_set old = r->ids, grown = { .cap = old.cap ? old.cap * 2 : 4096, .len = old.len };

    if (grown.cap * sizeof *grown.slots > r->cfg.max_bytes / 4)
        return error_set(err, ERR_LIMIT,
                         "more rows than their ids can be remembered; replay fewer files at a time, or "
                         "allow more memory");
    grown.slots = calloc(grown.cap, sizeof *grown.slots);
    if (!grown.slots)
        return error_set(err, ERR_NOMEM, "no memory for row ids");
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i][0] != 0 || old.slots[i][1] != 0) {
            size_t at = id_place(&grown, old.slots[i][0], old.slots[i][1]);

            grown.slots[at][0] = old.slots[i][0];
            grown.slots[at][1] = old.slots[i][1];
        }
    free(old.slots);
    r->ids = grown;
    return 0;
}

static int is_repeated(struct replay *r, struct slice id, bool *ret, struct error *err)
{
    uint64_t a = hash64(id.at, id.len, 1) | 1, b = hash64(id.at, id.len, 2);
    size_t at;

    *ret = false;
    if (slice_empty(id))
        return 0;
    if ((r->ids.len + 1) * 4 > r->ids.cap * 3 && ids_grow(r, err) < 0)
        return -1;
    at = id_place(&r->ids, a, b);
    if (r->ids.slots[at][0] != 0) {
        *ret = true;
        return 0;
    }
    r->ids.slots[at][0] = a;
    r->ids.slots[at][1] = b;
    r->ids.len++;
    return 0;
}

/* ---- one file ---------------------------------------------------------------------------------------------
 */

static void on_bad(void *self, struct slice raw, const char *reason)
{
    struct replay *r = self;

    if (r->cfg.on_bad)
        r->cfg.on_bad(r->cfg.bad_self, r->path, raw, reason);
}

static int on_record(void *self, const struct record *rec, struct error *err)
{
    struct replay *r = self;
    bool repeated = false;

    if (rec->time_ns == NUM_ABSENT) {
        r->counts.bad++;
        on_bad(r, rec->text[F_ACTIVITY_ID], "no readable TimeGenerated");
        return 0;
    }
    r->counts.records++;
    if (is_repeated(r, rec->text[F_ITEM_ID], &repeated, err) < 0)
        return -1;
    if (repeated) {
        r->counts.repeated_rows++;
        return 0;
    }
    if (!concern_has(rec)) {
        r->counts.skipped++;
        return 0;
    }
    if (join_add(r->join, rec, err) < 0)
        return -1;
    if (rec->table == TABLE_QUERY_STATS) /* becomes an observation when it is joined */
        return 0;
    return fold_add(r->fold, rec, err);
}

/* CDBDataPlaneRequests.json.gz names its table. */
static enum table table_of_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

    return table_from_name(slice_make(base, strcspn(base, ".")));
}

static int read_piece(struct replay *r, struct slice piece, struct error *err)
{
    const struct decode_sink sink = { .self = r, .on_record = on_record, .on_bad = on_bad };
    enum table table = r->cfg.table != TABLE_NONE ? r->cfg.table : table_of_path(r->path);
    struct decode_result result = { 0 };

    if (decode_export(r->decoder, piece.at, piece.len, table, &sink, &result, err) < 0) {
        if (err->code == ERR_SERVER)
            err->code = ERR_INPUT; /* here nobody will send it better */
        return -1;
    }
    r->counts.bad += result.bad;
    r->counts.skipped += result.skipped;
    if (result.is_partial)
        return error_set(err, ERR_PARTIAL, "this is a partial query answer (%s): rows are missing", result.error_code);
    return 0;
}

static int read_file(struct replay *r, const char *path, struct chunks *c, struct error *err)
{
    struct slice piece;

    r->path = path;
    for (;;) {
        if (chunks_next(c, &piece, err) < 0)
            return -1;
        if (slice_empty(piece))
            return 0;
        if (read_piece(r, piece, err) < 0)
            return -1;
        if (r->cfg.on_progress)
            r->cfg.on_progress(r->cfg.progress_self, r->counts.bytes + chunks_bytes(c));
    }
}

/* Read it once for its digest: a repeated file must be known before its first row counts. */
static int digest_of(const char *path, unsigned char ret[DIGEST_LEN], struct error *err)
{
    CLEANUP(chunks_closep) struct chunks *c = NULL;
    struct slice piece;

    if (chunks_open(path, &c, err) < 0)
        return -1;
    do {
        if (chunks_next(c, &piece, err) < 0)
            return -1;
    } while (!slice_empty(piece));
    chunks_digest(c, ret);
    return 0;
}

static int note_file(struct replay *r, const unsigned char digest[DIGEST_LEN], bool *ret_new,
                     struct error *err)
{
    if (!map_put(r->files, slice_make((const char *)digest, DIGEST_LEN), ret_new))
        return error_set(err, ERR_NOMEM, "no memory for the list of files");
    return 0;
}

int replay_add_file(struct replay *r, const char *path, struct error *err)
{
    CLEANUP(chunks_closep) struct chunks *c = NULL;
    unsigned char digest[DIGEST_LEN];
    bool is_stdin = strcmp(path, "-") == 0, is_new = false;

    if (!is_stdin) {
        if (digest_of(path, digest, err) < 0)
            return err->code == ERR_NOT_FOUND || err->code == ERR_IO ? -1 : error_wrap(err, "%s", path);
        if (note_file(r, digest, &is_new, err) < 0)
            return -1;
        if (!is_new) {
            r->counts.repeated_files++;
            return 0;
        }
    }
    if (chunks_open(path, &c, err) < 0)
        return -1;
    if (read_file(r, path, c, err) < 0)
        return error_wrap(err, "%s", is_stdin ? "standard input" : path);
    r->counts.files++;
    r->counts.bytes += chunks_bytes(c);
    if (is_stdin) {
        chunks_digest(c, digest);
        if (note_file(r, digest, &is_new, err) < 0)
            return -1;
        if (!is_new) /* too late to leave it out */
            return error_set(err, ERR_INPUT, "standard input repeats a file that was given; give it once");
    }
    return 0;
}

int replay_add_text(struct replay *r, const char *name, struct slice text, struct error *err)
{
    r->path = name;
    r->counts.files++;
    r->counts.bytes += (int64_t)text.len;
    return slice_empty(text) ? 0 : read_piece(r, text, err);
}

int replay_finish(struct replay *r, struct error *err)
{
    return join_finish(r->join, r->fold, &r->counts.texts_joined, &r->counts.texts_alone, err);
}

const struct observation *replay_observations(struct replay *r, size_t *ret_n)
{
    *ret_n = fold_len(r->fold);
    return fold_sorted(r->fold);
}

const struct replay_counts *replay_counts(const struct replay *r)
{
    return &r->counts;
}
