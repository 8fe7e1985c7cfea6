/* cloudevents.h - an alert of any JSON format in a CloudEvents 1.0 envelope.
 *
 * Structured, as every receiver of CloudEvents has to understand it: the envelope is the body, and the content type says so.
 * Source: cloudevents/spec 1.0.2, its HTTP and Kafka bindings. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_CLOUDEVENTS_H
#define COSMOWATCH_ENCODE_CLOUDEVENTS_H

#include "base/buf.h"
#include "base/slice.h"

struct alert;
struct encoder;

#define CLOUDEVENTS_STRUCTURED_TYPE "application/cloudevents+json; charset=utf-8"
#define CLOUDEVENTS_BATCH_TYPE "application/cloudevents-batch+json; charset=utf-8" /* a JSON array of events */

/* ERR_CONFIG when inner is no JSON format. */
MUST_CHECK int cloudevents_wrap(const struct alert *a, const struct encoder *inner, struct buf *out,
                                struct error *err);

/* Outputs are not told which format they carry: is this one? */
bool cloudevents_is_event(struct slice payload);

#endif
