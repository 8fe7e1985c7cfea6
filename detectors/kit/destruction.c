/* destruction.c - see destruction.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/destruction.h"

#include "detectors/kit/request.h"
#include "detectors/kit/word_list.h"

#define TEXT_MAX 8192u /* what narrows stands near the front */

static bool has(struct slice text, struct slice word)
{
    return slice_find_nocase(text, word) != SIZE_MAX;
}

/* ---- words of operations ------------------------------------------------------------------------------- */

/* "DocumentFeed" is "Document". SDKs say DocumentCollection for what the log calls Collection. */
static enum destruction of_resource_type(struct slice type)
{
    if (slice_ends_nocase(type, SL("Feed")))
        type.len -= SL("Feed").len;
    if (word_is_nocase(type, "Document"))
        return DESTRUCTION_DOCUMENTS;
    if (word_is_nocase(type, "PartitionKey")) /* "delete items by partition key value": the SDK's name of the resource */
        return DESTRUCTION_ALL;
    if (WORD_IN_NOCASE(type, "Collection", "DocumentCollection"))
        return DESTRUCTION_CONTAINER;
    return word_is_nocase(type, "Database") ? DESTRUCTION_DATABASE : DESTRUCTION_NONE;
}

static bool starts_here(struct slice word, size_t at, struct slice verb)
{
    return word.len - at >= verb.len && slice_same_nocase(word.at + at, verb.at, verb.len);
}

/* The verb that destroys, wherever in the word it stands: "QueryDelete". One pass, for most words have none. */
static enum destruction verb_of(struct slice word)
{
    for (size_t i = 0; i + 4 <= word.len; i++) {
        switch (word.at[i] | 0x20) {
        case 'd':
            if (starts_here(word, i, SL("delet")))
                return DESTRUCTION_DOCUMENTS;
            if (starts_here(word, i, SL("drop")))
                return DESTRUCTION_CONTAINER;
            break;
        case 'r':
            if (starts_here(word, i, SL("remove")))
                return DESTRUCTION_DOCUMENTS;
            break;
        case 't':
            if (starts_here(word, i, SL("trunc")))
                return DESTRUCTION_ALL;
            break;
        default:
            break;
        }
    }
    return DESTRUCTION_NONE;
}

/* Words about what is no data: dropIndexes, deleteUser, DropType. */
static bool is_of_no_data(struct slice word)
{
    static const struct slice nouns[] = { SL("index"), SL("user"), SL("role"), SL("function"), SL("type"), SL("view"),
                                          SL("trigger"), SL("aggregate") };

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (has(word, nouns[i]))
            return true;
    return false;
}

static enum destruction of_word(struct slice word)
{
    enum destruction d = verb_of(word);

    if (LIKELY(d == DESTRUCTION_NONE) || is_of_no_data(word))
        return DESTRUCTION_NONE;
    if (d == DESTRUCTION_ALL)
        return d;
    if (has(word, SL("database")) || has(word, SL("keyspace")))
        return DESTRUCTION_DATABASE;
    return has(word, SL("table")) || has(word, SL("collection")) ? DESTRUCTION_CONTAINER : d;
}

enum destruction destruction_of_request(const struct observation *obs)
{
    struct slice word = obs->text[F_OPERATION];

    if (request_is_data_plane(obs))
        return word.len == 6 && word_is_nocase(word, "Delete") ? of_resource_type(obs->text[F_RESOURCE_TYPE])
                                                               : DESTRUCTION_NONE;
    return of_word(word);
}

/* ---- statements -------------------------------------------------------------------------------------------- */

static struct slice skip(struct slice s, const char *bytes)
{
    while (s.len > 0 && strchr(bytes, s.at[0]) && s.at[0]) {
        s.at++;
        s.len--;
    }
    return s;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The first word; the rest stays in *s. */
static struct slice next_word(struct slice *s)
{
    size_t len = 0;
    struct slice word;

    *s = skip(*s, " \t\r\n");
    while (len < s->len && is_word_byte(s->at[len]))
        len++;
    word = slice_make(s->at, len);
    *s = slice_make(s->at + len, s->len - len);
    return word;
}

static enum destruction of_cql(struct slice text)
{
    struct slice word = next_word(&text);

    if (word_is_nocase(word, "TRUNCATE"))
        return DESTRUCTION_ALL;
    if (!word_is_nocase(word, "DROP"))
        return DESTRUCTION_NONE;
    word = next_word(&text);
    if (WORD_IN_NOCASE(word, "TABLE", "COLUMNFAMILY"))
        return DESTRUCTION_CONTAINER;
    return WORD_IN_NOCASE(word, "KEYSPACE", "SCHEMA") ? DESTRUCTION_DATABASE : DESTRUCTION_NONE;
}

/* {"q":{},"limit":0}: without a condition, and not the first one alone. */
static bool deletes_everything(struct slice text)
{
    for (size_t at; (at = slice_find(text, SL("q"))) != SIZE_MAX;) {
        bool is_key = at > 0 && text.at[at - 1] && strchr("\"' \t\n{,", text.at[at - 1]) != NULL;
        struct slice value;

        text = slice_make(text.at + at + 1, text.len - at - 1);
        if (!is_key)
            continue;
        value = skip(text, "\"' \t\r\n");
        if (value.len == 0 || value.at[0] != ':')
            continue;
        value = skip(slice_make(value.at + 1, value.len - 1), " \t\r\n");
        if (value.len == 0 || value.at[0] != '{')
            continue;
        value = skip(slice_make(value.at + 1, value.len - 1), " \t\r\n");
        if (value.len == 0 || value.at[0] != '}')
            continue;
        at = slice_find_nocase(value, SL("limit"));
        if (at == SIZE_MAX)
            return true;
        value = skip(slice_make(value.at + at + 5, value.len - at - 5), "\"' \t\r\n:");
        if (value.len > 0 && value.at[0] == '0')
            return true;
    }
    return false;
}

static enum destruction of_mongo(struct slice text)
{
    struct slice word;

    text = skip(text, " \t\r\n{\"'");
    word = next_word(&text);
    if (word_is_nocase(word, "dropDatabase"))
        return DESTRUCTION_DATABASE;
    if (word_is_nocase(word, "drop"))
        return DESTRUCTION_CONTAINER;
    return word_is_nocase(word, "delete") && deletes_everything(text) ? DESTRUCTION_ALL : DESTRUCTION_NONE;
}

/* g.V().drop(): any step between that narrows, or makes it a property that is dropped, makes it another thing. */
static enum destruction of_gremlin(struct slice text)
{
    static const struct slice narrowing[] = { SL(".has"), SL(".limit("), SL(".range("), SL(".is("), SL(".properties("),
                                              SL(".where("), SL(".filter("), SL(".not("), SL(".tail("), SL(".sample(") };

    if (!has(text, SL(".drop(")) || (!has(text, SL("g.V()")) && !has(text, SL("g.E()"))))
        return DESTRUCTION_NONE;
    for (size_t i = 0; i < ARRAY_LEN(narrowing); i++)
        if (has(text, narrowing[i]))
            return DESTRUCTION_NONE;
    return DESTRUCTION_ALL;
}

enum destruction destruction_of_text(const struct observation *obs)
{
    struct slice text = obs->text[F_QUERY_TEXT];
    enum destruction said, d = DESTRUCTION_NONE;

    if (obs->table == TABLE_QUERY_STATS) /* the query language of these cannot delete */
        return d;
    text.len = text.len > TEXT_MAX ? TEXT_MAX : text.len;
    switch (obs->api) {
    case API_MONGODB: d = of_mongo(text); break;
    case API_CASSANDRA: d = of_cql(text); break;
    case API_GREMLIN: d = of_gremlin(text); break;
    case API_TABLE:
    case API_NOSQL:
    case API_UNKNOWN:
    case API_COUNT: break;
    }
    if (LIKELY(d == DESTRUCTION_NONE))
        return d;
    said = of_word(obs->text[F_OPERATION]); /* of a native row the request is an observation of its own */
    return said == DESTRUCTION_NONE || said == DESTRUCTION_DOCUMENTS ? d : DESTRUCTION_NONE;
}

const char *destruction_words(enum destruction d)
{
    switch (d) {
    case DESTRUCTION_DOCUMENTS: return "documents deleted";
    case DESTRUCTION_ALL: return "everything in a container or partition deleted by one request";
    case DESTRUCTION_CONTAINER: return "container deleted";
    case DESTRUCTION_DATABASE: return "database deleted";
    case DESTRUCTION_NONE: break;
    }
    return "";
}

/* ---- notes ------------------------------------------------------------------------------------------------- */

/* Letters alone, in lower case, as much as fits: "READ__ME" is "readme". */
static struct slice letters_of(struct slice name, char room[64])
{
    size_t len = 0;

    for (size_t i = 0; i < name.len && len < 63; i++) {
        char c = name.at[i];

        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c >= 'a' && c <= 'z')
            room[len++] = c;
    }
    return slice_make(room, len);
}

#define THREE(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

/* Do the first three letters of one of the words stand in it, signs between them left out? For most names the answer
 * is no after one pass. */
static bool may_be_note_name(struct slice name)
{
    uint32_t last = 0;

    for (size_t i = 0; i < name.len; i++) {
        uint32_t c = (uint32_t)(unsigned char)name.at[i] | 0x20;

        if (c - 'a' > 'z' - 'a')
            continue;
        last = (last << 8 | c) & 0xffffff;
        switch (last) {
        case THREE('r', 'e', 'a'):
        case THREE('r', 'a', 'n'):
        case THREE('b', 'i', 't'):
        case THREE('h', 'o', 'w'):
        case THREE('d', 'e', 'c'):
        case THREE('w', 'a', 'r'):
        case THREE('r', 'e', 'c'): return true;
        default: break;
        }
    }
    return false;
}

bool destruction_is_note_name(struct slice name)
{
    static const struct slice parts[] = { SL("readme"), SL("ransom"), SL("bitcoin"), SL("howto"), SL("decrypt") };
    char room[64];
    struct slice letters;
    size_t at;

    if (LIKELY(!may_be_note_name(name)))
        return false;
    letters = letters_of(name, room);
    if (slice_eq(letters, SL("warning"))) /* "warnings" is what applications have */
        return true;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (slice_find(letters, parts[i]) != SIZE_MAX)
            return true;
    at = slice_find(letters, SL("recover")); /* "recovery codes" are an application's, "recover your data" is not */
    if (at == SIZE_MAX)
        return false;
    letters = slice_make(letters.at + at, letters.len - at);
    return !slice_starts(letters, SL("recovery")) || slice_starts(letters, SL("recoveryour"));
}

bool destruction_is_note(const struct observation *obs)
{
    struct slice word = obs->text[F_OPERATION];
    bool is_plane = request_is_data_plane(obs);

    if (obs->kind != OBS_REQUEST ||
        (is_plane && (word.len != 6 || !(word_is_nocase(word, "Create") || word_is_nocase(word, "Upsert")))))
        return false;
    return (destruction_is_note_name(obs->text[F_CONTAINER]) || destruction_is_note_name(obs->text[F_DATABASE])) &&
           (is_plane || request_effect(obs) == REQUEST_WRITE);
}
