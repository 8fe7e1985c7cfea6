/* mongo_score.h - how much one operator on one field speaks of a form field that arrived as an object.
 *
 * By itself {"status":{"$ne":"closed"}} is everyday and {"password":{"$ne":"x"}} is not: it depends on the
 * field, the operator and the value. Scores of 60 and more alert without history; the smaller ones count when
 * the client always compared this field with a value.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MONGO_SCORE_H
#define COSMOWATCH_MONGO_SCORE_H

#include "base/slice.h"
#include "detectors/kit/query_rules.h"

enum mongo_kind { MONGO_OTHER, MONGO_TEXT, MONGO_NUMBER, MONGO_TRUE, MONGO_FALSE, MONGO_NULL, MONGO_LIST, MONGO_EMPTY_LIST,
                  MONGO_OBJECT, MONGO_EMPTY_OBJECT };

struct mongo_value {
    enum mongo_kind kind;
    struct slice text; /* of texts and numbers */
};

struct mongo_question {
    struct slice field, operator;
    struct mongo_value value;
    bool is_guess_list, is_junk_list, ignores_case, is_negated;
    bool has_limit;      /* of several documents: a page of a search */
    bool picks_one;      /* the command takes one document: it is looked up by what it is */
    bool is_of_a_log;    /* a page of a log, or some of its entries: not each was made by somebody */
    bool has_null;       /* of a list */
    bool is_whole_modulus; /* $mod: [1, 0] */
    bool is_filled_in;   /* $exists and $ne together */
    bool is_used_again;  /* the command groups or sorts by the property, or lists its values */
    bool is_counted;     /* the command counts documents */
    bool changes_one;    /* it changes or removes a single one */
    bool is_only;        /* the only condition of its object */
    bool is_search;      /* three conditions or more */
    bool beside_value;   /* another field of the object is compared with a plain value */
    bool beside_secret;  /* and that is a secret */
};

struct mongo_score {
    enum query_rule rule;
    int score;
    bool is_guess; /* one pattern of what may be a series */
    bool is_odd;   /* says nothing alone, but much of a client that always compared this field with a value */
};

struct mongo_score mongo_score_operator(const struct mongo_question *q);

bool mongo_is_secret(struct slice field);          /* password, apiKey ... */
bool mongo_holds_people(struct slice collection);  /* users, accounts, credentials ... */
bool mongo_holds_happenings(struct slice collection); /* logs, visits ... */
bool mongo_is_people(struct slice collection);     /* by its whole name: users, admins ... */
bool mongo_is_guessed_name(struct slice text);     /* admin, root ... */
bool mongo_is_placeholder(struct slice text);      /* toto, foo, x: put where nothing may match */
bool mongo_is_hostile_code(struct slice text);     /* return true, sleep(, 1==1 ... */

#endif
