/* outsider.h - a server in a process of its own: for tests that take memory and descriptors away from theirs.
 *
 * It ends with the test. What cannot go wrong here ends the test run when it does.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_OUTSIDER_H
#define COSMOWATCH_TEST_OUTSIDER_H

#include "tests/kit/httpd.h"

#include <sys/types.h>

#define OUTSIDER_WORD_MAX 100

/* `serve` writes one line (or less) into `ready` once it can be asked, which is waited for, and never returns. */
pid_t outsider_start(void (*serve)(const void *with, int ready), const void *with, char ret_word[OUTSIDER_WORD_MAX]);
/* An HTTP server, with TLS when it is given some; its address. */
pid_t outsider_http(httpd_fn answer, const struct httpd_tls *tls, char ret_url[OUTSIDER_WORD_MAX]);
void outsider_end(pid_t child);

#endif
