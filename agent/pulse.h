/* pulse.h - who has stopped logging. An account, or a table of it, from which rows came every day and then none do.
 *
 * Time moves in whole hours that are over: an hour is over when everything up to its end and the horizon was read, so
 * nothing of it can come any more, and what is judged does not hang on batches, order or restarts. That is also why the
 * agent's own trouble is no silence: what was not read makes no hour over, and what is lost is excused (pulse_excuse).
 * A replay judges none: what an export does not hold may just not have been exported.
 *
 * Silent is who has been quiet for three hours and twice as long as ever in the last one or two months, who has been
 * known for as long as learning takes, and was there on half of the days. Nights and weekends are pauses like any other
 * and become usual the first time. Whose usual pauses are above 84 hours comes and goes and is not judged.
 * When nobody else was there either in the second half of the silence, one alert names all who are missing.
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PULSE_H
#define COSMOWATCH_PULSE_H

#include "alert/alert.h"
#include "baseline/baseline.h"
#include "fold/observation.h"

extern const struct baseline_memory pulse_memory, pulse_clock_memory;

/* Every hour that is over at the watermark (what had been read). sink: NULL while learning, nothing is told. */
MUST_CHECK int pulse_advance(struct baseline *b, int64_t watermark_ns, const struct alert_sink *sink, struct error *err);
/* A row came: note its hour. */
void pulse_note(struct baseline *b, const struct observation *obs);
/* Nothing up to here can be held against anybody: it could not be read. */
void pulse_excuse(struct baseline *b, int64_t until_ns);

#endif
