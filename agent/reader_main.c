/* reader_main.c - see reader_main.h.
 *
 * Builds with FAULTS=1 let a row say what is to happen to its reader, in its user agent, and a feed that it dies: what no
 * parser of ours does by itself has to be seen through the whole way all the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "reader_main.h"

#include "enrich/feed_apart.h"
#include "record/decode_apart.h"

#ifdef COSMOWATCH_FAULTS

#include "record/record.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

static void be_faulty(struct apart_inside *in UNUSED, const struct record *rec)
{
    struct slice agent = rec->text[F_USER_AGENT];

    if (slice_eq(agent, SL("reader-fault/abort")))
        abort();
    if (slice_eq(agent, SL("reader-fault/segv")))
        (void)raise(SIGSEGV);
    if (slice_eq(agent, SL("reader-fault/socket")))
        (void)socket(AF_INET, SOCK_STREAM, 0);
    while (slice_eq(agent, SL("reader-fault/hang")))
        continue;
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

#else

#define serve_rows decode_serve
#define serve_feed feed_serve

#endif

int reader_main(void)
{
    static apart_service *const services[] = { [DECODE_SERVICE] = serve_rows, [FEED_SERVICE] = serve_feed };

    feed_serve_prepare();
    return apart_serve(services, ARRAY_LEN(services));
}
