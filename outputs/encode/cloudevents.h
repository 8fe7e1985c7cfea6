/* cloudevents.h - an alert of any JSON format in a CloudEvents 1.0 envelope.
 *
 * Structured: the envelope is the body. Binary: the body is the inner format's, the attributes are headers:
 * "ce-" before them and percent-encoded over HTTP, "ce_" and as they are in Kafka.
 * Source: cloudevents/spec 1.0.2, its HTTP and Kafka bindings. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_CLOUDEVENTS_H
#define COSMOWATCH_ENCODE_CLOUDEVENTS_H

#include "base/buf.h"
#include "base/slice.h"

struct alert;
struct encoder;

#define CLOUDEVENTS_STRUCTURED_TYPE "application/cloudevents+json; charset=utf-8"
#define CLOUDEVENTS_BATCH_TYPE "application/cloudevents-batch+json; charset=utf-8" /* a JSON array of events */

enum cloudevents_binding { CLOUDEVENTS_HTTP, CLOUDEVENTS_KAFKA };

/* ERR_CONFIG when inner is no JSON format. */
MUST_CHECK int cloudevents_wrap(const struct alert *a, const struct encoder *inner, struct buf *out,
                                struct error *err);

/* Headers of a binary event: the attributes, then content-type, the inner format's. Both texts are borrowed
 * for the call and hold no control characters. */
MUST_CHECK int cloudevents_headers(const struct alert *a, const struct encoder *inner,
                                   enum cloudevents_binding binding,
                                   void (*fn)(void *self, const char *name, struct slice value), void *self,
                                   struct error *err);

#endif
