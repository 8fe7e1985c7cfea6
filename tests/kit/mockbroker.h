/* mockbroker.h - librdkafka's own mock cluster, in this process or as a program.
 *
 * As a program (the flow tests compile it with -DMOCKBROKER_MAIN):
 *
 *   mockbroker [--bridge SOCKET] BROKERS TOPIC:PARTITIONS ...
 *
 * prints bootstrap.servers, lives until standard input closes and obeys its lines:
 *   err APIKEY CODE [COUNT]   the next COUNT answers to that request fail so
 *   forget APIKEY             no more of them
 *   topic NAME CODE           metadata of the topic says this error (0: none)
 *   rtt BROKER MS, down BROKER, up BROKER
 * With --bridge it lives in a network namespace of its own, reached through the socket: something else may
 * then listen on the very address that it names to its clients (a TLS gate). Exit status 77: not allowed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_MOCKBROKER_H
#define COSMOWATCH_TEST_MOCKBROKER_H

struct mockbroker;

struct mockbroker *mockbroker_start(int brokers, const char *const *topics); /* "name:partitions", NULL at the end */
void mockbroker_stop(struct mockbroker *m);
const char *mockbroker_bootstrap(const struct mockbroker *m);
/* One of the lines above; 0 when it was obeyed. */
int mockbroker_obey(struct mockbroker *m, const char *line);

#endif
