/* reader.c - see reader.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/reader.h"

#include "base/map.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"

#include <string.h>

#define WHO_MAX 200
#define GLUE " / "
#define ROAMING_DAYS 6 /* a network is new on up to two days: so three networks */
#define ROAMING_KEY 9  /* enum roaming, hash of client and container */

_Static_assert(WHO_MAX + READER_AGENT_MAX + PREFIX_TEXT_MAX + 2 * (sizeof(GLUE) - 1) <= READER_NAME_MAX, "a name fits");

/* Primary or secondary is the calendar's business: a rotation moves every application to the other key. */
static struct slice who_of(const struct observation *obs)
{
    const char *name = "";
    enum key_kind kind = key_kind_parse(obs->text[F_KEY_KIND], &name);

    if (!slice_empty(obs->text[F_PRINCIPAL]))
        return slice_cut(obs->text[F_PRINCIPAL], WHO_MAX);
    if (kind == KEY_READ_WRITE || kind == KEY_READ_ONLY)
        return kind == KEY_READ_WRITE ? SL("account key") : SL("read-only key");
    if (*name)
        return slice_of(name);
    return kind == KEY_OTHER ? slice_cut(obs->text[F_KEY_KIND], 64) : SL("unknown credential");
}

static void read_network(struct reader *r, struct slice text, char network[PREFIX_TEXT_MAX])
{
    struct prefix range;

    r->has_address = address_parse(text, &r->address);
    if (r->has_address)
        address_format(&r->address, r->address_text);
    r->is_private = slice_empty(text) || (r->has_address && enrich_is_private_address(&r->address));
    if (!r->has_address || r->is_private) {
        memcpy(network, r->is_private ? "private" : "unknown network", r->is_private ? 8 : 16);
        return;
    }
    range = prefix_of(&r->address, address_is_v4(&r->address) ? 120 : 64);
    prefix_format(&range, network);
}

static uint16_t append(struct reader *r, struct slice part)
{
    if (part.len)
        memcpy(r->name + r->len, part.at, part.len);
    r->len = (uint16_t)(r->len + part.len);
    return r->len;
}

static const struct reader_agent *agent_of(struct reader_memo *memo, struct slice text)
{
    uint64_t asked = hash64(text.at, text.len, 0) | 1;
    struct reader_agent *a = &memo->agents[(asked >> 1) % READER_MEMO_AGENTS];
    struct user_agent agent;
    struct slice product;

    if (a->asked == asked)
        return a;
    user_agent_parse(text, &agent);
    product = slice_empty(agent.product) ? SL("no agent") : slice_cut(agent.product, READER_AGENT_MAX);
    *a = (struct reader_agent){ .asked = asked, .kind = agent.kind, .len = (uint32_t)product.len };
    memcpy(a->product, product.at, product.len);
    return a;
}

static void make(struct reader_memo *memo, struct reader *r, const struct observation *obs, uint64_t asked)
{
    const struct reader_agent *agent = agent_of(memo, obs->text[F_USER_AGENT]);
    char network[PREFIX_TEXT_MAX];

    r->asked = asked;
    r->kind = agent->kind;
    r->len = 0;
    read_network(r, obs->text[F_ADDRESS], network);
    r->who_len = append(r, who_of(obs));
    (void)append(r, SL(GLUE));
    r->client_len = append(r, slice_make(agent->product, agent->len));
    (void)append(r, SL(GLUE));
    (void)append(r, slice_of(network));
    r->hash = hash64(r->name, r->len, 0);
    r->client_hash = hash64(r->name, r->client_len, 1);
}

const struct reader *reader_of(struct reader_memo *memo, const struct observation *obs)
{
    static const enum field fields[] = { F_PRINCIPAL, F_KEY_KIND, F_USER_AGENT, F_ADDRESS };
    uint64_t asked = 0;
    struct reader *r;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        asked = hash64(obs->text[fields[i]].at, obs->text[fields[i]].len, asked);
    asked |= 1;
    r = &memo->at[(asked >> 1) % READER_MEMO];
    if (r->asked != asked)
        make(memo, r, obs, asked);
    return r;
}

struct slice reader_name(const struct reader *r)
{
    return slice_make(r->name, r->len);
}

struct slice reader_client(const struct reader *r)
{
    return slice_make(r->name, r->client_len);
}

struct slice reader_agent(const struct reader *r)
{
    size_t at = r->who_len + sizeof(GLUE) - 1;

    return slice_make(r->name + at, r->client_len - at);
}

struct slice reader_network(const struct reader *r)
{
    size_t at = r->client_len + sizeof(GLUE) - 1;

    return slice_make(r->name + at, r->len - at);
}

bool reader_is_trusted(const struct enrich *e, const struct observation *obs)
{
    return !slice_empty(obs->text[F_PRINCIPAL]) &&
           enrich_trusts(e, TRUSTED_PRINCIPAL, obs->text[F_ACCOUNT], obs->text[F_PRINCIPAL], obs->minute_ns);
}

/* Puts the text behind *len; a room of READER_LABEL_MAX holds all that these functions put. */
static void put(char *room, size_t *len, struct slice text)
{
    if (text.len)
        memcpy(room + *len, text.at, text.len);
    *len += text.len;
}

static void put_container(char *room, size_t *len, const struct observation *obs)
{
    if (!slice_empty(obs->text[F_DATABASE])) {
        put(room, len, slice_cut(obs->text[F_DATABASE], 256));
        put(room, len, SL("/"));
    }
    put(room, len, slice_cut(obs->text[F_CONTAINER], 256));
}

struct slice reader_container(const struct observation *obs, char room[READER_LABEL_MAX])
{
    size_t len = 0;

    put_container(room, &len, obs);
    return slice_make(room, len);
}

struct slice reader_label(const struct reader *r, const struct observation *obs, char room[READER_LABEL_MAX])
{
    size_t len = 0;

    put(room, &len, reader_name(r));
    put(room, &len, SL(" -> "));
    put_container(room, &len, obs);
    return slice_make(room, len);
}

/* The length of the database's name goes in as well, so that "a" + "bc" is not "ab" + "c". */
uint64_t reader_container_hash(const struct observation *obs, uint64_t seed)
{
    struct slice database = obs->text[F_DATABASE], container = obs->text[F_CONTAINER];

    return hash64(container.at, container.len, hash64(database.at, database.len, seed + database.len));
}

static struct slice roaming_key(const struct observation *obs, const struct reader *r, enum roaming what,
                                char room[ROAMING_KEY])
{
    uint64_t hash = reader_container_hash(obs, r->client_hash);

    room[0] = (char)what;
    memcpy(room + 1, &hash, sizeof hash);
    return slice_make(room, ROAMING_KEY);
}

bool reader_roams(struct baseline *b, const struct observation *obs, const struct reader *r, enum roaming what)
{
    char room[ROAMING_KEY];

    return usual_look(b, obs->text[F_ACCOUNT], USUAL_ROAMING, roaming_key(obs, r, what, room), obs->minute_ns)
               .active_days >= ROAMING_DAYS;
}

void reader_note_roaming(struct baseline *b, const struct observation *obs, const struct reader *r, enum roaming what)
{
    char room[ROAMING_KEY];

    (void)usual_touch(b, obs->text[F_ACCOUNT], USUAL_ROAMING, roaming_key(obs, r, what, room), obs->minute_ns);
}
