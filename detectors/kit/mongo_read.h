/* mongo_read.h - a MongoDB command as the log has it: which field is compared how, which stages, which code.
 *
 * Usually the command is JSON: {"find":"users","filter":{"email":"a"},"limit":1}. Logs also hold the filter
 * alone, shell text (db.users.find({name: /a/})), types written as calls (ObjectId("...")) and text that was cut.
 * So words are cut with the common lexer and walked leniently: json-c keeps the last of two equal keys and
 * no places, and both are evidence here. It decodes the strings that hold escapes.
 *
 * What counts in a filter: a form field that arrives as an object becomes an operator ({"password":{"$ne":
 * null}}). Each use of an operator is kept with two words for the client's history: "this field compared with a
 * value" and "this field under this operator".
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MONGO_READ_H
#define COSMOWATCH_MONGO_READ_H

#include "base/buf.h"
#include "detectors/kit/query_case.h"
#include "detectors/kit/query_lex.h"
#include "detectors/kit/query_rules.h"
#include "detectors/kit/query_shape.h"

#define MONGO_USES_MAX 32u
#define MONGO_DEPTH_MAX 100u /* as deep as the server takes documents */

struct mongo_use { /* of an operator, a stage or code */
    enum query_rule rule;
    int score;             /* alone */
    uint32_t at, len;      /* bytes: the key and what is compared */
    uint64_t as_value;     /* word: the field compared with a plain value; 0: no field */
    uint64_t as_operator;  /* word: the field under this operator; the stage */
    bool is_odd;           /* struct mongo_score */
    bool is_guess;         /* a short anchored or length pattern, case not ignored */
};

struct json_tokener;

struct mongo_reading {
    struct query_lex lex;
    struct query_token tokens[QUERY_TOKENS_MAX];
    struct query_shape shape;
    struct mongo_use uses[MONGO_USES_MAX];
    size_t uses_len;
    bool is_beyond;               /* too long or too deep: judged as far as it was read */
    bool has_limit;               /* struct mongo_question */
    bool picks_one;
    bool counts, changes_one;
    bool on_people;               /* the command is about users, accounts ... */
    bool on_happenings;           /* about logs, visits ... */
    struct json_tokener *tokener; /* owned */
    struct buf key;               /* the decoded one */
};

bool mongo_reading_init(struct mongo_reading *r); /* false without memory; r is zeroed */
void mongo_reading_release(struct mongo_reading *r);
void mongo_read(struct mongo_reading *r, struct slice text);
void mongo_print_shape(struct mongo_reading *r, struct buf *out);

#endif
