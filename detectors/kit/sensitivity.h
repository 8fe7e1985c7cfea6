/* sensitivity.h - `sensitivity: low | normal | high` of a detector.
 *
 * Normal is the detector as its other options say. Low asks for more of whatever is counted, and leaves out findings
 * that the detector itself is less than half sure of; high asks for less, and speaks where normal says "that happens
 * every week here". What exactly is in the help of each detector's option.
 *
 * A finding is left out by what the row and closed slots say, never by a confidence that grows with the rows of a
 * bin: which rows an alert holds would hang on their order. What is learned as a habit does not depend on it, but for
 * bands (band.h), which teach by their own limit. So low tells no more than normal, and normal no more than high
 * (tests/detectors/test_sensitivity.py).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_SENSITIVITY_H
#define COSMOWATCH_KIT_SENSITIVITY_H

#include "base/base.h"

enum sensitivity { SENSITIVITY_LOW, SENSITIVITY_NORMAL, SENSITIVITY_HIGH, SENSITIVITY_MEDIUM /* another word for normal */ };

extern const char *const sensitivity_words[];

/* An option (settings/option.h) of `owner`, whose int `sensitivity` it fills. `what`: what low and high mean here. */
#define SENSITIVITY_OPTION(owner, what)                                                            \
    { .key = "sensitivity", .type = OPT_ENUM, .at = offsetof(owner, sensitivity), .preset = "normal", \
      .values = sensitivity_words, .help = what }

/* A count that must be reached: twice as many at low, half as many at high, there at least `least`. */
int64_t sensitivity_count(int sensitivity, int64_t count, int64_t least);
/* The confidence (0..100) that somebody else's word must have: half of what is missing more at low, half at high. */
int64_t sensitivity_confidence(int sensitivity, int64_t confidence);
/* Limits of a band (band.h): robust standard deviations in tenths 50, 30, 20; spans between median and P99 5, 3, 2. */
int32_t sensitivity_z10(int sensitivity);
int32_t sensitivity_q(int sensitivity);
/* Is a finding of this confidence, known from the row and from closed slots alone, to be told? At low from 50 on. */
bool sensitivity_wants(int sensitivity, int confidence);

#endif
