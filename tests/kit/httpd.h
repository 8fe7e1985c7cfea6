/* httpd.h - a small HTTP server on loopback whose every byte the test decides.
 *
 * Real servers refuse to be wrong; this one answers with whatever it is told: cut bodies, lies in
 * Content-Length, garbage where chunks should be, silence. One thread accepts, one serves each
 * connection; the test's function is called by one of them at a time, so it needs no lock of its own.
 *
 *     static void answer(void *self, const struct httpd_request *rq, struct httpd_reply *say)
 *     {
 *         httpd_say(say, 200, "Content-Type: application/json\r\n", "{}");
 *     }
 *     struct httpd *h = httpd_start(answer, NULL, NULL);
 *     ... httpd_url(h) ...
 *     httpd_stop(h);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_HTTPD_H
#define COSMOWATCH_TEST_HTTPD_H

#include "base/buf.h"

struct httpd_request {
    int number;           /* from 1, over the server's life */
    int connection;       /* from 1 */
    int on_connection;    /* from 1: 2 and more came over a kept-alive connection */
    char method[16];
    char target[1024];    /* path and query string as sent */
    const char *headers;  /* "Name: value\r\n...", NUL-terminated */
    struct slice body;    /* as sent: still compressed */
};

/* What goes out. Without a word the connection is closed. */
struct httpd_reply {
    struct buf bytes;     /* written as they are */
    bool reset;           /* end with a TCP reset instead of an orderly close */
    bool close;           /* close after writing */
    bool hang;            /* then keep quiet until the peer leaves or the server stops */
    int piece;            /* write so many bytes at a time, 0: at once */
    int piece_wait_ms;    /* with this long between them */
    int wait_ms;          /* before the first byte */
};

typedef void (*httpd_fn)(void *self, const struct httpd_request *rq, struct httpd_reply *say);

struct httpd_tls {
    const char *cert_file, *key_file; /* PEM */
    const char *client_ca_file;       /* demand a client certificate of this CA; NULL: none */
};

struct httpd *httpd_start(httpd_fn fn, void *self, const struct httpd_tls *tls); /* NULL tls: http */
const char *httpd_url(const struct httpd *h);  /* "http://127.0.0.1:PORT", https with TLS */
int httpd_port(const struct httpd *h);
int httpd_requests(struct httpd *h);           /* so far */
int httpd_connections(struct httpd *h);
/* Wait until n requests came; false after 10 s. */
bool httpd_wait_requests(struct httpd *h, int n);
/* Wait until no request is being answered: nothing of one is left then but what a connection that is kept holds. */
bool httpd_wait_idle(struct httpd *h);
void httpd_stop(struct httpd *h);              /* ends every connection, joins every thread */

/* A proper answer with Content-Length. headers: whole lines, "" for none. */
void httpd_say(struct httpd_reply *say, int status, const char *headers, const char *body);
void httpd_say_bytes(struct httpd_reply *say, int status, const char *headers, struct slice body);
/* Value of a header of the request into ret, "" when absent; false then. */
bool httpd_header(const struct httpd_request *rq, const char *name, char *ret, size_t size);
/* A port on loopback where nobody listens. */
int httpd_dead_port(void);
/* gzip, for answers and for reading request bodies; the caller releases. */
void httpd_gzip(struct slice plain, struct buf *ret);
void httpd_gunzip(struct slice zipped, struct buf *ret);

#endif
