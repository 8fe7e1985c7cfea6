/* scan.cpp - the only file that includes simdjson; see scan.h.
 *
 * On-demand parsing: one SIMD pass finds the structure of the whole document and checks its UTF-8, then we walk
 * it once. Plain strings are not copied: a string token without a backslash is a slice of the
 * document. On-demand checks only what is looked at, so a cell nobody wants may hold rubbish and is
 * skipped; that is fine for us.
 * Surprises: simdjson 3.0 refuses a lone surrogate (\ud800); such a string is taken again with the
 * surrogate replaced by U+FFFD. Older ones make what is no UTF-8 of some, so they are not asked first. When it is refused
 * memory for the text of strings it says nothing and writes to address 0: make_room() looks.
 * All calls are noexcept, so the file is built without exceptions.
 * SPDX-License-Identifier: Apache-2.0 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstdlib>
#include <cstring>
#include <endian.h>
#include <new>
#include <utility>

#include "record/scan.h"

static_assert(SCAN_PADDING >= simdjson::SIMDJSON_PADDING, "padding promised by scan.h");

namespace sj = simdjson;
namespace od = simdjson::ondemand;

#define ASKED_AFTER_US (sj::SIMDJSON_VERSION_MAJOR < 3)
#define LONE_TEXT_MAX (16u << 20)
#define LONE_BLOCK (64u << 10)
#define LOOK_AHEAD (64u << 10)

/* The member of a parser that make_room() has to see; an explicit instantiation may name it. */
template <auto member> struct look_into {
    friend bool has_string_room(const od::parser &p)
    {
        return static_cast<bool>(p.*member);
    }
};
bool has_string_room(const od::parser &p);
template struct look_into<&od::parser::string_buf>;

static sj::error_code make_room(od::parser &p, size_t len)
{
    if (p.capacity() >= len && has_string_room(p))
        return sj::SUCCESS;
    sj::error_code e = p.allocate(len);

    return e ? e : has_string_room(p) ? sj::SUCCESS : sj::MEMALLOC;
}

/* Homes of strings that had lone surrogates; they live as long as the document. */
struct lone_block {
    struct lone_block *next;
    size_t used, cap;
    char at[];
};

struct scanner {
    od::parser parser;
    const char *plain_until; /* no backslash before this, from the token being looked at */
    const char *end;         /* of the document */
    od::document doc;        /* of scan_answer() */
    const char *row_start = nullptr; /* of the row being read */
    od::parser lone;           /* for strings with lone surrogates */
    struct lone_block *homes = nullptr;
    struct scan_cell cells[SCAN_COLUMNS_MAX];
    struct slice names[SCAN_COLUMNS_MAX];
    uint8_t wants[SCAN_COLUMNS_MAX];
};

extern "C" struct scanner *scanner_new(void)
{
    return new (std::nothrow) scanner();
}

static void free_homes(struct scanner *s)
{
    while (s->homes) {
        struct lone_block *next = s->homes->next;

        std::free(s->homes);
        s->homes = next;
    }
}

extern "C" void scanner_free(struct scanner *s)
{
    if (s)
        free_homes(s);
    delete s;
}

static char *lone_home(struct scanner *s, size_t len)
{
    struct lone_block *b = s->homes;

    if (!b || b->cap - b->used < len) {
        size_t cap = len > LONE_BLOCK ? len : LONE_BLOCK;

        b = static_cast<struct lone_block *>(std::malloc(sizeof *b + cap));
        if (!b)
            return nullptr;
        b->next = s->homes;
        b->used = 0;
        b->cap = cap;
        s->homes = b;
    }
    char *at = b->at + b->used;
    b->used += len;
    return at;
}

/* Start on a document: what the last one left behind goes. */
static sj::error_code start(struct scanner *s, const char *at, size_t len, od::document &ret_doc)
{
    free_homes(s);
    s->plain_until = at;
    s->end = at + len;
    if (sj::error_code e = make_room(s->parser, len))
        return e;
    return s->parser.iterate(sj::padded_string_view(at, len, len + SCAN_PADDING)).get(ret_doc);
}

static enum scan_result result_of(sj::error_code e)
{
    switch (e) {
    case sj::SUCCESS:
        return SCAN_OK;
    case sj::UTF8_ERROR:
        return SCAN_UTF8;
    case sj::UNESCAPED_CHARS:
        return SCAN_CONTROL;
    case sj::MEMALLOC:
    case sj::CAPACITY:
        return SCAN_NOMEM;
    case sj::INCORRECT_TYPE:
        return SCAN_OTHER;
    default:
        return SCAN_CUT;
    }
}

static inline size_t trimmed(const char *at, size_t len)
{
    while (len && (at[len - 1] == ' ' || at[len - 1] == '\n' || at[len - 1] == '\r' || at[len - 1] == '\t'))
        len--;
    return len;
}

static inline struct slice slice_of_view(std::string_view v)
{
    return slice_make(v.data(), trimmed(v.data(), v.size()));
}

static int hex4(const char *at, const char *end)
{
    int v = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* A quoted string that simdjson refused: lone surrogates become \ufffd, then it may try again. False
 * when it is refused for another reason (a wrong escape) or is too large. */
static bool unescape_lone(struct scanner *s, struct slice quoted, struct slice *ret)
{
    size_t need = quoted.len + SCAN_PADDING;
    char *copy = quoted.len > LONE_TEXT_MAX ? nullptr : lone_home(s, need);

    if (!copy)
        return false;
    std::memcpy(copy, quoted.at, quoted.len);
    std::memset(copy + quoted.len, 0, SCAN_PADDING);

    const char *end = copy + quoted.len;
    for (char *p = copy; p + 1 < end; p++) {
        if (*p != '\\')
            continue;
        if (p[1] != 'u') {
            p++;
            continue;
        }
        int v = hex4(p + 2, end);
        if (v >= 0xd800 && v <= 0xdbff && p + 12 <= end && p[6] == '\\' && p[7] == 'u') {
            int low = hex4(p + 8, end);

            if (low >= 0xdc00 && low <= 0xdfff) {
                p += 11;
                continue;
            }
        }
        if (v >= 0xd800 && v <= 0xdfff)
            std::memcpy(p + 2, "fffd", 4);
        p += 5;
    }

    od::document doc;
    std::string_view text;
    if (make_room(s->lone, quoted.len) || s->lone.iterate(sj::padded_string_view(copy, quoted.len, need)).get(doc) ||
        doc.get_string().get(text) || text.size() > quoted.len)
        return false;
    std::memcpy(copy, text.data(), text.size()); /* never longer than its escaped spelling */
    *ret = slice_make(copy, text.size());
    return true;
}

/* Is [at, at + len) free of backslashes? Looks ahead in steps: a search per string costs more than the
 * strings themselves. Tokens come in order. */
static bool look_ahead(struct scanner *s, const char *at, size_t len)
{
    const char *from = s->plain_until > at ? s->plain_until : at;
    size_t rest = static_cast<size_t>(s->end - from);
    size_t step = len > LOOK_AHEAD ? len : LOOK_AHEAD;
    const void *found;

    if (s->plain_until > at && *s->plain_until == '\\')
        return false; /* one was found inside this token */
    step = step < rest ? step : rest;
    found = std::memchr(from, '\\', step);
    s->plain_until = found ? static_cast<const char *>(found) : from + step;
    return at + len <= s->plain_until;
}

static inline bool is_plain(struct scanner *s, const char *at, size_t len)
{
    return LIKELY(at + len <= s->plain_until) || look_ahead(s, at, len);
}

/* An escaped surrogate, lone or of a pair. */
static bool has_surrogate(struct slice token)
{
    const char *p = token.at, *end = token.at + token.len;

    while ((p = static_cast<const char *>(std::memchr(p, '\\', static_cast<size_t>(end - p)))) && end - p > 2) {
        if (p[1] == 'u' && (hex4(p + 2, end) & ~0x7ff) == 0xd800)
            return true;
        p += 2;
    }
    return false;
}

/* Text of a string cell. `token` is the whole token, quotes included. */
static inline bool string_text(struct scanner *s, od::value &v, struct slice token, struct slice *ret)
{
    if (LIKELY(token.len >= 2 && token.at[token.len - 1] == '"' &&
               is_plain(s, token.at, token.len))) {
        *ret = slice_make(token.at + 1, token.len - 2);
        return true;
    }

    std::string_view text;
    if (!(ASKED_AFTER_US && has_surrogate(token)) && !v.get_string().get(text)) {
        *ret = slice_make(text.data(), text.size());
        return true;
    }
    return unescape_lone(s, token, ret);
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_number_start(char c)
{
    return c == '-' || is_digit(c);
}

/* A number as these tables have it: some digits, perhaps a point and more of them, eight in all. How many there are is
 * chance, and a loop over them would guess its end wrong for every number: so all are taken at once, as the bytes of a
 * word, the first digit in the lowest. False: longer, spelled in another way, or not a number; the library knows which. */
static inline bool plain_number(struct slice token, struct scan_cell *ret)
{
    static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t w, points;
    unsigned behind = 0; /* digits behind the point */

    if (token.len > 8 || !is_digit(token.at[0]) || (token.at[0] == '0' && token.len > 1 && token.at[1] != '.'))
        return false;
    std::memcpy(&w, token.at, 8); /* the padding allows it */
    w = (le64toh(w) ^ each * '0') << (64 - 8 * token.len); /* digits are 0..9 now, and zeros stand before them */
    points = w ^ each * ('.' ^ '0');
    points = (points - each) & ~points & each * 0x80;
    if (points) {
        unsigned at = static_cast<unsigned>(__builtin_ctzll(points)) & ~7u;
        uint64_t before = (UINT64_C(1) << at) - 1;

        behind = 7 - at / 8;
        w = (w & before) << 8 | (w & ~before & ~(UINT64_C(0xff) << at));
    }
    if ((w | (w + each * (0x80 - 10))) & each * 0x80)
        return false;
    w = (w * 10 + (w >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    w = (w * 100 + (w >> 16)) & UINT64_C(0x0000ffff0000ffff);
    w = (w * 10000 + (w >> 32)) & UINT64_C(0xffffffff);
    if (!points) {
        ret->kind = SCAN_INT;
        ret->whole = static_cast<int64_t>(w);
        return true;
    }
    ret->kind = SCAN_REAL;
    ret->real = static_cast<double>(w) / tens[behind];
    return behind > 0;
}

/* A value that was not asked for is stepped over by whoever walks on. */
static inline void take_number(od::value &v, struct slice token, struct scan_cell *ret)
{
    od::number num;

    ret->text = token;
    if (LIKELY(plain_number(token, ret)))
        return;
    if (LIKELY(!v.get_number().get(num))) {
        if (num.is_int64()) {
            ret->kind = SCAN_INT;
            ret->whole = num.get_int64();
        } else {
            ret->kind = SCAN_REAL;
            ret->real = num.as_double();
        }
        return;
    }
    /* 1e400, or an integer beyond 64 bits: well formed, but no number of ours. */
    ret->kind = SCAN_TOKEN;
}

/* Errors that harm one cell and leave the structure around it whole. */
static inline bool is_of_cell(sj::error_code e)
{
    return e == sj::STRING_ERROR || e == sj::N_ATOM_ERROR || e == sj::T_ATOM_ERROR ||
           e == sj::F_ATOM_ERROR || e == sj::INCORRECT_TYPE || e == sj::NUMBER_ERROR;
}

/* A whole object or array, as it stands. */
template <typename whole_type>
static sj::error_code take_raw(sj::simdjson_result<whole_type> found, enum scan_kind kind, struct scan_cell *ret)
{
    whole_type whole;
    std::string_view text;
    sj::error_code e = std::move(found).get(whole);

    if (e || (e = whole.raw_json().get(text)))
        return e;
    ret->text = slice_of_view(text);
    ret->kind = kind;
    return sj::SUCCESS;
}

static sj::error_code take_cell(struct scanner *s, od::value &v, bool wants_number, struct scan_cell *ret)
{
    std::string_view raw = v.raw_json_token();
    const char *at = raw.data();

    switch (*at) {
    case '"': {
        struct slice token = slice_make(at, trimmed(at, raw.size()));

        if (!string_text(s, v, token, &ret->text))
            return sj::STRING_ERROR;
        ret->kind = ret->text.len ? SCAN_STRING : SCAN_NULL;
        return sj::SUCCESS;
    }
    case '{':
        return take_raw<od::object>(v.get_object(), SCAN_OBJECT, ret);
    case '[':
        return take_raw<od::array>(v.get_array(), SCAN_ARRAY, ret);
    case 'n': {
        bool is_null;
        if (sj::simdjson_result<bool>(v.is_null()).get(is_null) || !is_null) /* plain bool before simdjson 3 */
            return sj::N_ATOM_ERROR;
        ret->text = slice_make(nullptr, 0);
        ret->kind = SCAN_NULL;
        return sj::SUCCESS;
    }
    case 't':
    case 'f': {
        bool b;
        sj::error_code e = v.get_bool().get(b);

        if (e)
            return e;
        ret->text = b ? slice_make("true", 4) : slice_make("false", 5);
        ret->kind = SCAN_TOKEN;
        return sj::SUCCESS;
    }
    default: {
        struct slice token = slice_make(at, trimmed(at, raw.size()));

        if (!is_number_start(*at))
            return sj::NUMBER_ERROR;
        if (wants_number) {
            take_number(v, token, ret);
        } else {
            ret->text = token;
            ret->kind = SCAN_TOKEN;
        }
        return sj::SUCCESS;
    }
    }
}

/* The names of `columns`. */
static enum scan_result read_columns(struct scanner *s, od::array columns, size_t *ret_n)
{
    size_t n = 0;

    for (auto item : columns) {
        od::object o;
        std::string_view name;
        sj::error_code e = item.get_object().get(o);

        if (e)
            return result_of(e);
        if (n == SCAN_COLUMNS_MAX)
            return SCAN_MANY;
        e = o["name"].get_string().get(name);
        if (e && e != sj::NO_SUCH_FIELD && e != sj::INCORRECT_TYPE)
            return result_of(e);
        s->names[n++] = e ? slice_make(nullptr, 0) : slice_make(name.data(), name.size());
    }
    *ret_n = n;
    return SCAN_OK;
}

/* Looked for only when a row is bad: up to what comes after the row. */
extern "C" struct slice scan_row_text(struct scanner *s)
{
    const char *end = s->end;

    if (s->doc.current_location().get(end) || end < s->row_start)
        end = s->row_start;
    return slice_make(s->row_start, trimmed(s->row_start, static_cast<size_t>(end - s->row_start)));
}

/* Of a row that nobody reads: its end is found by brackets alone. */
static sj::error_code raw_of(od::value &v, std::string_view *ret)
{
    od::array a;
    od::object o;

    *ret = v.raw_json_token();
    if ((*ret)[0] == '[')
        return v.get_array().get(a) ? sj::TAPE_ERROR : a.raw_json().get(*ret);
    if ((*ret)[0] == '{')
        return v.get_object().get(o) ? sj::TAPE_ERROR : o.raw_json().get(*ret);
    return sj::SUCCESS;
}

static enum scan_result read_rows(struct scanner *s, od::array rows, size_t n,
                                  const struct scan_answer_ops *ops, void *self)
{
    struct scan_cell *const cells = s->cells;
    const uint8_t *const wants = s->wants;

    for (auto item : rows) {
        od::value row;
        sj::error_code e = item.get(row);

        if (UNLIKELY(e))
            return result_of(e);

        std::string_view first = row.raw_json_token();
        s->row_start = first.data();
        if (UNLIKELY(ops->is_left_out != nullptr) && ops->is_left_out(self)) {
            if ((e = raw_of(row, &first)))
                return result_of(e);
            ops->on_bad(self, slice_of_view(first), "left out");
            continue;
        }
        if (UNLIKELY(first[0] != '[')) {
            if (first[0] == '{') {
                od::object o;

                if ((e = row.get_object().get(o)) || (e = o.raw_json().get(first)))
                    return result_of(e);
            }
            ops->on_bad(self, slice_of_view(first), "row is not an array");
            continue;
        }

        od::array array;
        if (UNLIKELY((e = row.get_array().get(array))))
            return result_of(e);
        size_t i = 0;
        bool is_damaged = false;
        for (auto cell : array) {
            od::value v;

            if (UNLIKELY((e = cell.get(v))))
                return result_of(e);
            if (UNLIKELY(i >= n)) {
                i = n + 1;
                continue;
            }
            if (wants[i] == SCAN_WANT_NOTHING) {
                i++;
                continue;
            }
            std::string_view token = v.raw_json_token();
            const char *at = token.data();
            if (LIKELY(*at == '"' && at[token.size() - 1] == '"' && token.size() >= 2 &&
                       is_plain(s, at, token.size()))) {
                cells[i].text = slice_make(at + 1, token.size() - 2);
                cells[i].kind = token.size() > 2 ? SCAN_STRING : SCAN_NULL;
                (void)v.get_raw_json_string(); /* step over it */
                i++;
                continue;
            }
            if (wants[i] == SCAN_WANT_NUMBER && is_number_start(*at)) {
                take_number(v, slice_make(at, trimmed(at, token.size())), &cells[i]);
                i++;
                continue;
            }
            if (UNLIKELY((e = take_cell(s, v, wants[i] == SCAN_WANT_NUMBER, &cells[i])))) {
                if (!is_of_cell(e))
                    return result_of(e);
                is_damaged = true;
            }
            i++;
        }
        if (UNLIKELY(is_damaged))
            ops->on_bad(self, scan_row_text(s), "a cell is not JSON");
        else if (UNLIKELY(i != n))
            ops->on_bad(self, scan_row_text(s),
                        i < n ? "row has too few cells" : "row has too many cells");
        else if (UNLIKELY(ops->on_row(self, cells)))
            return SCAN_STOPPED;
    }
    return SCAN_OK;
}

static enum scan_result read_table(struct scanner *s, od::object table,
                                   const struct scan_answer_ops *ops, void *self)
{
    bool has_columns = false;
    size_t n = 0;

    for (auto field : table) {
        od::raw_json_string key;
        od::value value;
        od::array array;
        sj::error_code e = field.key().get(key);

        if (e || (e = field.value().get(value)))
            return result_of(e);
        if (key.unsafe_is_equal("columns")) {
            if ((e = value.get_array().get(array)))
                return result_of(e);
            enum scan_result r = read_columns(s, array, &n);
            if (r != SCAN_OK)
                return r;
            std::memset(s->wants, SCAN_WANT_NOTHING, sizeof s->wants);
            if (ops->on_columns(self, s->names, n, s->wants))
                return SCAN_STOPPED;
            has_columns = true;
        } else if (key.unsafe_is_equal("rows")) {
            if (!has_columns)
                return SCAN_OTHER; /* the service writes columns first; so must a copy */
            if ((e = value.get_array().get(array)))
                return result_of(e);
            enum scan_result r = read_rows(s, array, n, ops, self);
            if (r != SCAN_OK)
                return r;
        }
    }
    return SCAN_OK;
}

/* After a whole document: is that all? */
static enum scan_result ended(od::document &doc)
{
    const char *here;

    return doc.current_location().get(here) ? SCAN_OK : SCAN_TRAILING;
}

extern "C" enum scan_result scan_answer(struct scanner *s, const char *at, size_t len,
                                        const struct scan_answer_ops *ops, void *self,
                                        size_t *ret_tables)
{
    od::document &doc = s->doc;
    od::object root;
    sj::error_code e = start(s, at, len, doc);

    *ret_tables = 0;
    if (e || (e = doc.get_object().get(root)))
        return result_of(e);
    for (auto field : root) {
        od::raw_json_string key;
        od::value value;

        if ((e = field.key().get(key)) || (e = field.value().get(value)))
            return result_of(e);
        if (key.unsafe_is_equal("tables")) {
            od::array tables;

            if ((e = value.get_array().get(tables)))
                return result_of(e);
            for (auto item : tables) {
                od::object table;

                if ((e = item.get_object().get(table)))
                    return result_of(e);
                enum scan_result r = read_table(s, table, ops, self);
                if (r != SCAN_OK)
                    return r;
                (*ret_tables)++;
            }
        } else if (key.unsafe_is_equal("error")) {
            struct scan_cell cell = {};

            if ((e = take_cell(s, value, false, &cell)))
                return result_of(e);
            if (cell.kind != SCAN_NULL)
                ops->on_error(self, cell.text);
        }
    }
    return ended(doc);
}

extern "C" enum scan_result scan_object(struct scanner *s, const char *at, size_t len,
                                        struct scan_member *ret, size_t max, size_t *ret_n)
{
    od::document doc;
    od::object root;
    size_t n = 0;
    sj::error_code e = start(s, at, len, doc);

    if (e || (e = doc.get_object().get(root)))
        return result_of(e);
    for (auto field : root) {
        od::raw_json_string key;
        od::value value;

        if ((e = field.key().get(key)))
            return result_of(e);
        const char *name = key.raw();
        const char *quote =
            static_cast<const char *>(std::memchr(name, '"', static_cast<size_t>(at + len - name)));
        size_t name_len = quote ? static_cast<size_t>(quote - name) : 0;
        struct slice name_text = slice_make(name, name_len);
        if (UNLIKELY(std::memchr(name, '\\', name_len))) {
            std::string_view text;

            /* A wrong escape in a name: nobody asks for such a member. */
            name_text = field.unescaped_key().get(text) ? slice_make(nullptr, 0)
                                                        : slice_make(text.data(), text.size());
        }
        if ((e = field.value().get(value)))
            return result_of(e);
        if (n == max)
            return SCAN_MANY;
        ret[n].key = name_text;
        if ((e = take_cell(s, value, true, &ret[n].value)))
            return result_of(e);
        n++;
    }
    *ret_n = n;
    return ended(doc);
}

extern "C" enum scan_result scan_array(struct scanner *s, const char *at, size_t len,
                                       int (*fn)(void *self, struct slice raw), void *self)
{
    od::document doc;
    od::array root;
    sj::error_code e = start(s, at, len, doc);

    if (e || (e = doc.get_array().get(root)))
        return result_of(e);
    for (auto item : root) {
        od::value value;
        std::string_view text;

        if ((e = item.get(value)))
            return result_of(e);
        text = value.raw_json_token();
        if (text[0] == '{') {
            od::object o;

            if ((e = value.get_object().get(o)) || (e = o.raw_json().get(text)))
                return result_of(e);
        } else if (text[0] == '[') {
            od::array a;

            if ((e = value.get_array().get(a)) || (e = a.raw_json().get(text)))
                return result_of(e);
        }
        if (fn(self, slice_of_view(text)))
            return SCAN_STOPPED;
    }
    return ended(doc);
}

extern "C" enum scan_result scan_many(struct scanner *s, const char *at, size_t len,
                                      int (*fn)(void *self, struct slice raw), void *self)
{
    od::document_stream stream;
#ifdef SIMDJSON_THREADS_ENABLED
    s->parser.threaded = false; /* one batch only, and threads are the agent's business */
#endif
    sj::error_code e = make_room(s->parser, len + SCAN_PADDING);

    if (e || (e = s->parser.iterate_many(at, len, len + SCAN_PADDING).get(stream)))
        return result_of(e);
    for (auto it = stream.begin(); it != stream.end(); ++it) {
        if (it.error())
            return result_of(it.error());
        if (fn(self, slice_of_view(it.source())))
            return SCAN_STOPPED;
    }
    return stream.truncated_bytes() ? SCAN_CUT : SCAN_OK;
}
