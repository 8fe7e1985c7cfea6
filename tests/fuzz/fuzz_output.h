/* fuzz_output.h - outputs over HTTP, opened from YAML, and the receiver they talk to. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FUZZ_OUTPUT_H
#define COSMOWATCH_FUZZ_OUTPUT_H

#include "outputs/output.h"
#include "tests/fuzz/fuzz.h"
#include "tests/kit/httpd.h"

#define FUZZ_SECRET_TEXT "s3cret-value"
#define FUZZ_TOKEN_JSON "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t0ken\"}"

struct settings_errors;
struct yaml_tree;

struct fuzz_output {
    const struct output_ops *ops;
    void *self;
    struct yaml_tree *tree;
    struct alert *alert;
    struct buf payload; /* the alert in the output's format */
};

/* The receiver and the clocks, once for the process; fn answers from then on. */
void fuzz_world_start(httpd_fn fn, void *self);
/* Until the receiver has said all: what it holds while it speaks would be taken for a leak. */
void fuzz_world_rest(void);
/* "%s" in the options is the receiver's URL. False when they are refused. */
bool fuzz_output_open(struct fuzz_output *o, const char *type, struct slice options);
void fuzz_output_close(struct fuzz_output *o);

#endif
