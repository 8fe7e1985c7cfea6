/* reader.h - who reads: principal or rights of the key, agent family and network, as one name.
 *
 * The network is the /24 of a public IPv4 address, the /64 of an IPv6 one, or "private": a stolen key used
 * from elsewhere is a reader of its own, and a thousand autoscaled hosts are one.
 *
 * Parsing a user agent and an address costs more than all the rest of judging, and the same few callers come
 * all day, so each detector embeds a memo of the last ones. It saves work and decides nothing: a name is
 * a pure function of the observation.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_READER_H
#define COSMOWATCH_KIT_READER_H

#include "enrich/prefix.h"
#include "enrich/user_agent.h"
#include "fold/observation.h"

struct baseline;
struct enrich;

#define READER_NAME_MAX 320
#define READER_LABEL_MAX 1024

struct reader {
    uint64_t asked;              /* hash of the fields it was made from; 0: free */
    uint64_t hash, client_hash;  /* of the whole name, and of it without the network */
    enum agent_kind kind;
    struct address address;
    bool has_address, is_private; /* private: or no address said */
    char address_text[ADDRESS_TEXT_MAX];
    uint16_t who_len, client_len, len;
    char name[READER_NAME_MAX];  /* "account key / azsdk-java-cosmos / 203.0.113.0/24" */
};

#define READER_AGENT_MAX 48
#define READER_MEMO 512       /* powers of two */
#define READER_MEMO_AGENTS 64
struct reader_memo {
    struct reader at[READER_MEMO];
    struct reader_agent { /* many addresses share few agents */
        uint64_t asked;
        enum agent_kind kind;
        uint32_t len;
        char product[READER_AGENT_MAX];
    } agents[READER_MEMO_AGENTS];
};

/* Who made this observation; valid until the next call with this memo. */
const struct reader *reader_of(struct reader_memo *memo, const struct observation *obs);

struct slice reader_name(const struct reader *r);
struct slice reader_agent(const struct reader *r);
struct slice reader_client(const struct reader *r); /* who and agent */
struct slice reader_network(const struct reader *r);

/* A principal that the operator trusts. Its reads are part of no sum, so that what others read is judged the same
 * with and without it. Only a named identity: an address or an agent that is trusted may still carry data away. */
bool reader_is_trusted(const struct enrich *e, const struct observation *obs);

enum roaming { ROAMING_FEED = 'f', ROAMING_SCAN = 's' }; /* part of the durable key */
/* Of a reader that is new to a container: does its client (who and agent) come from ever new networks, on more than a
 * few days of the last 60? Jobs on hosts that are put where there is room do. Memory: USUAL_MEMORIES. */
bool reader_roams(struct baseline *b, const struct observation *obs, const struct reader *r, enum roaming what);
/* And so it did now. */
void reader_note_roaming(struct baseline *b, const struct observation *obs, const struct reader *r, enum roaming what);

/* Texts in the caller's room. "shop/orders", or "orders" where the table names no database. */
struct slice reader_container(const struct observation *obs, char room[READER_LABEL_MAX]);
/* "account key / azsdk-java-cosmos / private -> shop/orders" */
struct slice reader_label(const struct reader *r, const struct observation *obs, char room[READER_LABEL_MAX]);
/* A number for the container (seed 0), or for what the seed stands for on the container. */
uint64_t reader_container_hash(const struct observation *obs, uint64_t seed);

#endif
