/* hide.c - see hide.h. SPDX-License-Identifier: Apache-2.0 */
#include "support/hide.h"

#include "base/json_out.h"
#include "base/map.h"
#include "base/timeutil.h"

#include <json-c/json.h>
#include <stdlib.h>

#define LONG_NUMBER 6 /* digits: a status, a port, a number of seconds have fewer, what names somebody has more */

struct hide {
    struct map *names; /* text to its number */
    struct map *known; /* the program's own words */
};

/* What failures are told in: by us, by libcurl, OpenSSL, SQLite, the C library and Azure. Lower case, in order. */
static const char *const failure_words[] = {
    "a", "accept", "accepted", "access", "account", "accounts", "address", "after", "again", "agent", "alert",
    "alerts", "all", "allowed", "already", "an", "and", "another", "answer", "answered", "answers", "are", "argument",
    "as", "ask", "asks", "at", "authentication", "authority", "authorization", "authorized", "backfill", "bad", "be",
    "been", "begin", "behind", "body", "broken", "broker", "busy", "but", "by", "bytes", "can", "cannot",
    "certificate", "check", "checksum", "clock", "close", "closed", "code", "column", "configuration", "configured",
    "connect", "connection", "could", "credential", "damaged", "data", "database", "days", "denied", "descriptors",
    "device", "did", "directory", "disk", "does", "down", "empty", "end", "ended", "endpoint", "error", "exceeded",
    "exist", "exists", "expired", "failed", "feed", "file", "files", "find", "folder", "for", "forbidden", "format",
    "found", "from", "full", "gap", "given", "gone", "handshake", "has", "have", "header", "host", "hostname",
    "hours", "http", "identity", "in", "input", "insufficient", "interrupted", "invalid", "is", "issuer", "it", "its",
    "json", "kept", "key", "known", "large", "late", "later", "ledger", "left", "length", "limit", "line", "list",
    "local", "locked", "long", "longer", "lost", "malformed", "managed", "many", "match", "matches", "memory",
    "message", "missing", "mode", "more", "name", "network", "never", "new", "newer", "no", "not", "nothing", "of",
    "off", "on", "only", "open", "operation", "or", "output", "over", "owner", "page", "parked", "part", "partial",
    "password", "peer", "permission", "permitted", "place", "policy", "process", "protocol", "queries", "query",
    "queue", "quota", "rate", "read", "reading", "reason", "received", "refused", "repaired", "request", "required",
    "reset", "resolve", "resolved", "resource", "response", "retention", "retry", "right", "role", "root", "row",
    "rows", "rule", "schema", "seconds", "secret", "self-signed", "sent", "server", "service", "set", "settings",
    "sign", "signature", "signed", "silent", "size", "slow", "source", "space", "ssl", "started", "state", "status",
    "stopped", "store", "stream", "such", "support", "supported", "syntax", "system", "table", "tables", "tenant",
    "than", "that", "the", "then", "there", "this", "throttled", "time", "timed", "timeout", "tls", "to", "token",
    "too", "tried", "trust", "trusted", "try", "type", "unable", "unauthorized", "unavailable", "unexpected",
    "unknown", "unreachable", "until", "up", "us", "valid", "value", "verify", "version", "wait", "waited", "waiting",
    "was", "we", "were", "while", "window", "windows", "with", "within", "without", "workspace", "write", "writing",
    "wrong", "yet",
};

void hide_freep(struct hide **h)
{
    if (*h) {
        map_free((*h)->names);
        map_free((*h)->known);
    }
    free(*h);
    *h = NULL;
}

struct hide *hide_new(void)
{
    struct hide *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->names = map_new(sizeof(size_t));
    h->known = map_new(1);
    if (!h->names || !h->known)
        hide_freep(&h);
    return h;
}

int hide_keep(struct hide *h, const char *word, struct error *err)
{
    bool is_new = false;

    return map_put(h->known, slice_of(word), &is_new) ? 0 : error_set(err, ERR_NOMEM, "no memory for the words that are shown");
}

void hide_add_text(struct hide *h, struct buf *out, const char *text)
{
    int64_t ns = 0;
    size_t *number = NULL;
    bool is_new = false;

    if (!text || !text[0] || map_get(h->known, slice_of(text)) || time_parse_iso(slice_of(text), &ns)) {
        json_add_str(out, text);
        return;
    }
    number = map_put(h->names, slice_of(text), &is_new);
    if (!number) {
        out->failed = true;
        return;
    }
    if (is_new)
        *number = map_len(h->names);
    buf_addf(out, "\"name-%zu\"", *number);
}

/* ---- sentences ---------------------------------------------------------------------------------------------------- */

static int by_text(const void *word, const void *known)
{
    return strcmp(word, *(const char *const *)known);
}

static bool is_failure_word(struct slice w)
{
    char lower[20] = "";

    if (w.len >= sizeof lower)
        return false;
    for (size_t i = 0; i < w.len; i++)
        lower[i] = (char)(w.at[i] >= 'A' && w.at[i] <= 'Z' ? w.at[i] - 'A' + 'a' : w.at[i]);
    return bsearch(lower, failure_words, ARRAY_LEN(failure_words), sizeof *failure_words, by_text) != NULL;
}

static size_t digits(struct slice w)
{
    size_t n = 0;

    while (n < w.len && w.at[n] >= '0' && w.at[n] <= '9')
        n++;
    return n;
}

/* 503, AADSTS7000215, certificate */
static bool is_harmless(struct slice w)
{
    static const char entra[] = "AADSTS";

    if (digits(w) == w.len)
        return w.len < LONG_NUMBER;
    if (w.len > sizeof entra - 1 && w.len < 16 && memcmp(w.at, entra, sizeof entra - 1) == 0)
        return digits(slice_make(w.at + sizeof entra - 1, w.len - sizeof entra + 1)) == w.len - sizeof entra + 1;
    return is_failure_word(w);
}

/* What a name may be made of: neither its beginning nor its end is a word of its own. */
static bool is_of_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) ||
           (c && strchr("_-.@/\\+&%~=$#*", c));
}

static struct slice next_word(struct slice text)
{
    size_t n = 0;

    while (n < text.len && is_of_word(text.at[n]))
        n++;
    return slice_make(text.at, n);
}

/* "failed." ends a sentence, "failed.example" is a name. */
static struct slice without_full_stop(struct slice w)
{
    return w.len > 1 && w.at[w.len - 1] == '.' ? slice_make(w.at, w.len - 1) : w;
}

void hide_add_sentence(struct buf *out, const char *text)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT(1u << 16);
    struct slice rest = slice_of(text ? text : "");
    bool is_hidden = false;

    while (rest.len > 0) {
        struct slice w = next_word(rest), word = without_full_stop(w);

        if (w.len == 0) { /* commas, brackets, quotes: within what is left out, none; and one blank */
            if (!is_hidden || (rest.at[0] == ' ' && shown.at[shown.len - 1] != ' '))
                buf_add_char(&shown, rest.at[0]);
            rest = slice_make(rest.at + 1, rest.len - 1);
            continue;
        }
        if (is_harmless(word))
            buf_add_slice(&shown, word);
        else if (!is_hidden)
            buf_add_str(&shown, "...");
        is_hidden = !is_harmless(word);
        rest = slice_make(rest.at + w.len, rest.len - w.len);
    }
    json_add_string(out, buf_slice(&shown));
    buf_take_refusal(out, &shown);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static bool is_among(const char *key, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(*words, key) == 0)
            return true;
    return false;
}

static void add_value(struct hide *h, struct buf *out, struct json_object *value, const char *const *sentences,
                      bool is_sentence)
{
    const char *text = json_object_get_string(value);

    switch (json_object_get_type(value)) {
    case json_type_object:
    case json_type_array: hide_add_json(h, out, value, sentences); break;
    case json_type_string:
        if (is_sentence)
            hide_add_sentence(out, text);
        else
            hide_add_text(h, out, text);
        break;
    case json_type_null:
    case json_type_boolean:
    case json_type_double:
    case json_type_int: buf_add_str(out, text ? text : "null"); break;
    }
}

void hide_add_json(struct hide *h, struct buf *out, struct json_object *value, const char *const *sentences)
{
    if (json_object_is_type(value, json_type_array)) {
        buf_add_char(out, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            json_add_comma(out);
            add_value(h, out, json_object_array_get_idx(value, i), sentences, false);
        }
        buf_add_char(out, ']');
    } else if (json_object_is_type(value, json_type_object)) {
        buf_add_char(out, '{');
        json_object_object_foreach(value, key, member)
        {
            json_add_key(out, key);
            add_value(h, out, member, sentences, is_among(key, sentences));
        }
        buf_add_char(out, '}');
    } else {
        add_value(h, out, value, sentences, false);
    }
}
