/* sink.h - a receiver of syslog over TCP or UDP that says what came, whole messages only.
 *
 * TCP: octet counting (RFC 6587, 3.4.1); what was cut in the middle never counts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_SINK_H
#define COSMOWATCH_TEST_SINK_H

#include "base/slice.h"

/* From threads of the sink, one message at a time. */
typedef void (*sink_fn)(void *self, struct slice message);

struct sink *sink_start(bool is_udp, int port, sink_fn fn, void *self); /* port 0: any */
int sink_port(const struct sink *s);
void sink_stop(struct sink *s);

#endif
