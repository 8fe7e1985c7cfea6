/* reader_main.c - see reader_main.h.
 *
 * Builds with FAULTS=1 let a row say what is to happen to its reader, in its user agent or its statement, and a feed that it
 * dies: what no parser of ours does by itself has to be seen through the whole way all the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "reader_main.h"

#include "detectors/kit/statements_apart.h"
#include "enrich/feed_apart.h"
#include "record/decode_apart.h"
#include "source/answer_apart.h"

#ifdef COSMOWATCH_FAULTS

#include "record/record.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

static void be_faulty_by(struct slice word)
{
    if (slice_eq(word, SL("reader-fault/abort")))
        abort();
    if (slice_eq(word, SL("reader-fault/segv")))
        (void)raise(SIGSEGV);
    if (slice_eq(word, SL("reader-fault/socket")))
        (void)socket(AF_INET, SOCK_STREAM, 0);
    while (slice_eq(word, SL("reader-fault/hang")))
        continue;
}

static void be_faulty(struct apart_inside *in UNUSED, const struct record *rec)
{
    be_faulty_by(rec->text[F_USER_AGENT]);
}

static void serve_rows(struct apart_inside *in)
{
    decode_serve_with(in, be_faulty);
}

static void serve_feed(struct apart_inside *in)
{
    if (slice_find(apart_body(in), SL("reader-fault/abort")) != SIZE_MAX)
        abort();
    feed_serve(in);
}

/* The text of a statement ends as the word does. */
static void serve_statements(struct apart_inside *in)
{
    struct slice body = apart_body(in), word = SL("reader-fault/");
    size_t at = slice_find(body, word), none;

    (void)apart_left_out_list(in, &none);
    if (at != SIZE_MAX && none == 0) {
        atomic_store(apart_row_mark(in), 0);
        be_faulty_by(slice_make(body.at + at, body.len - at));
    }
    statements_serve(in);
}

#else

#define serve_rows decode_serve
#define serve_feed feed_serve
#define serve_statements statements_serve

#endif

int reader_main(void)
{
    static apart_service *const services[] = { [DECODE_SERVICE] = serve_rows, [FEED_SERVICE] = serve_feed,
                                              [STATEMENT_SERVICE] = serve_statements, [ANSWER_SERVICE] = answer_serve };

    return apart_serve(services, ARRAY_LEN(services));
}
