/* apart.h - the reader: a process of its own in which bytes from outside are parsed. The agent's side.
 *
 * Why: a mistake in a parser hands whoever sent the bytes the process that parses. The agent holds tokens, keys, the
 * store and the network; the reader holds none of them: it is exec'ed anew (so that it shares no memory and inherits no
 * secret), with an empty environment, no descriptor but a socket, standard error and the shared pages, and a filter that
 * ends it at any system call but the few that reading takes (cage.h). A thread would not do: threads share the memory in
 * which the secrets are. What it answers is checked like any foreign bytes.
 *
 * How: the bytes go over in sealed shared memory, answers come back in batches through two slots of another. The agent
 * copies a batch before it looks at it, so that what was checked cannot change afterwards. The reader keeps the number of
 * the row it is at in the shared pages: when it dies, the agent starts another and gives it the same bytes once more; when
 * that one dies at the same row, the row is left out, and the rows around it go on. A reader that stands still is one that
 * died.
 *
 * A reader that was taken over can make up and hide rows for as long as it lives: another takes its place when
 * there is nothing to read for a moment (apart_rest(): after each window, when the agent is not behind), and every minute.
 *
 * One reader serves all threads of the agent, one piece of work at a time; the lock is inside.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_APART_H
#define COSMOWATCH_APART_H

#include "base/error.h"
#include "base/slice.h"

#include <sys/types.h>

#define APART_BODY_MAX ((size_t)3 << 30)
#define APART_LEFT_OUT_MAX 64 /* rows of one body */

struct apart;

struct apart_config {
    int64_t stall_ms; /* how long it may make no progress; 0: 20 s */
    int64_t life_ms;  /* how long one may go on being given bytes; 0: a minute */
    int64_t lost_ms, spell_ms; /* apart_is_worn(): of a spell of so long, so much; 0: a minute of ten */
};

struct apart_status {
    pid_t pid;          /* 0: none runs */
    int64_t ended;      /* readers that died or stood still */
    int64_t left_out;   /* rows that ended it twice, or were not given to it for that */
    int64_t passed_over; /* of these, the ones that it was never given because it was worn */
    char last_end[160]; /* why the last one died; "" when none did */
};

/* Only memory is taken here: the process starts with the first work, or with apart_start(). */
MUST_CHECK int apart_new(const struct apart_config *cfg, struct apart **ret, struct error *err);
void apart_free(struct apart *a);
/* Start it when none runs. ERR_IO: it cannot be started, and why. */
MUST_CHECK int apart_start(struct apart *a, struct error *err);
void apart_look(struct apart *a, struct apart_status *ret);

enum apart_verdict { APART_GO_ON, APART_STOP /* err is set */, APART_LIE /* err says what it cannot be */ };

struct apart_work {
    unsigned service;   /* index into the table that apart_serve() was given */
    uint64_t param;
    struct slice body;  /* with APART_PADDING readable bytes behind it */
    uint64_t *body_id;  /* in: the number that an earlier work on the same bytes got, or 0; out: theirs */
    void *self;
    const char *piece;  /* what ends a reader and is left out: "statement"; NULL: "row" */
    void (*begin)(void *self); /* another attempt: batches come from the first on */
    /* Called with the lock held. The batch is the agent's own copy. */
    enum apart_verdict (*batch)(void *self, struct slice batch, struct error *err);
    /* What the reader wants to know before it goes on; NULL: nothing. Not to be stopped with. */
    enum apart_verdict (*answer)(void *self, struct slice question, uint64_t *ret, struct error *err);
    enum apart_verdict (*end)(void *self, struct slice end, struct error *err);
    uint64_t lie_row;   /* out, with APART_LIE of a batch: the row that it is about */
};

/* For `batch` and `end`: err says what it cannot be. */
enum apart_verdict apart_lie(struct error *err, const char *what);
/* A text of the reader's within `size` bytes: it ends there, and holds nothing that cannot be printed in a line. */
void apart_tame(char *at, size_t size);

#define APART_PADDING 64

/* 0: `end` was given the last word. ERR_IO, ERR_NOMEM: no reader could be started. ERR_PARTIAL: it died twice, and not at
 * a row that could be left out. Or what `batch` stopped with. */
MUST_CHECK int apart_do(struct apart *a, struct apart_work *w, struct error *err);

/* Did deaths cost so much time lately that what can do without a reader had better do so? Each death costs milliseconds, one
 * that stood still 20 seconds, and who knows what ends a reader can send it in any number of spellings. */
bool apart_is_worn(struct apart *a);
/* Count what is left out without a reader having seen it: because it is what ended one before, or one is worn, which is said
 * once in a spell. How many were for that in this spell; 0: not for that. */
int64_t apart_pass_over(struct apart *a, bool is_worn);

/* Nothing is to be read for a while: memory goes, and a reader that has read makes room for one that has not. */
void apart_rest(struct apart *a);

/* Is the row one of those left out of the body being worked on? Then why; else NULL. From within `batch` and `end`. */
const char *apart_left_out(const struct apart *a, uint64_t row);
size_t apart_left_out_len(const struct apart *a);

#endif
