/* gate.h - a TCP gate in front of a receiver, which can be shut, cut, mute or lying.
 *
 * What a receiver cannot be asked to do is done here, on the way to it: refuse a connection, reset it in the
 * middle, say nothing, half of it or nonsense, show a wrong certificate. The receiver itself stays as it is.
 * A broker of Kafka names its own address to clients; with is_kafka that is rewritten to the gate's. With
 * is_sasl the gate also asks for SASL PLAIN, which librdkafka's mock cluster does not.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_GATE_H
#define COSMOWATCH_TEST_GATE_H

#include "base/base.h"

enum gate_mode {
    GATE_PASS,
    GATE_REFUSE,  /* nobody listens */
    GATE_RESET,   /* half of the first bytes get through, then a reset */
    GATE_SILENT,  /* takes everything, passes on nothing, answers nothing */
    GATE_HALF,    /* the request gets through, half of the answer comes back, then the end */
    GATE_GARBAGE, /* answers nonsense to the first bytes */
};

struct gate_config {
    int port;                   /* of the receiver on 127.0.0.1 */
    const char *pem_file;       /* certificate and key: TLS towards the client; NULL: none */
    bool is_kafka, is_sasl;
};

struct gate *gate_start(const struct gate_config *cfg);
int gate_port(const struct gate *g);
/* From now on; connections that stand are reset, as whoever changes his mind does. */
void gate_set(struct gate *g, enum gate_mode mode);
void gate_set_certificate(struct gate *g, const char *pem_file); /* resets too */
void gate_set_known(struct gate *g, bool is_known);              /* whether SASL lets the client in; resets too */
int gate_connections(struct gate *g);                            /* accepted so far */
void gate_stop(struct gate *g);

#endif
