/* seen.c - see seen.h.
 * Surprises: two observations may share a key (identical control-plane rows): their sums are joined
 * here, and fold_surplus() takes them off one after the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "fold/seen.h"

#include "base/buf.h"
#include "base/num.h"

#include <stdlib.h>
#include <zlib.h>

#define VERSION 1
#define ENTRY_MIN (1 + SEEN_SUMS) /* bytes */

static const char magic[] = { 'C', 'W', 'S', VERSION };

void seen_release(struct seen *s)
{
    free(s->at);
    *s = (struct seen){ 0 };
}

static bool make_room(struct seen *s, size_t cap)
{
    struct seen_entry *more;

    if (cap <= s->cap)
        return true;
    more = cap > SIZE_MAX / sizeof *more ? NULL : realloc(s->at, cap * sizeof *more);
    if (!more) {
        s->failed = true;
        return false;
    }
    s->at = more;
    s->cap = cap;
    return true;
}

void seen_add(struct seen *s, const struct seen_entry *e)
{
    if (s->len == s->cap && !make_room(s, s->cap ? s->cap * 2 : 256))
        return;
    s->at[s->len++] = *e;
}

bool seen_copy(struct seen *to, const struct seen *from)
{
    *to = (struct seen){ 0 };
    if (from->len == 0)
        return true;
    if (!make_room(to, from->len))
        return false;
    memcpy(to->at, from->at, from->len * sizeof *from->at);
    to->len = from->len;
    return true;
}

struct seen_entry *seen_find(struct seen *s, uint64_t key)
{
    size_t low = 0, high = s->len;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->at[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->len && s->at[low].key == key ? &s->at[low] : NULL;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = ((const struct seen_entry *)a)->key, y = ((const struct seen_entry *)b)->key;

    return x < y ? -1 : x > y;
}

static void add_varint(struct buf *out, uint64_t v)
{
    char bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    buf_add(out, bytes, n);
}

void seen_pack(struct seen *s, struct buf *out)
{
    size_t start = out->len, n = 0;
    uint64_t last = 0;
    uLong crc;

    if (s->len)
        qsort(s->at, s->len, sizeof *s->at, compare_keys);
    for (size_t i = 0; i < s->len; i++) {
        if (n && s->at[n - 1].key == s->at[i].key) {
            for (size_t k = 0; k < SEEN_SUMS; k++)
                s->at[n - 1].sums[k] = i64_add_sat(s->at[n - 1].sums[k], s->at[i].sums[k]);
        } else {
            s->at[n++] = s->at[i];
        }
    }
    s->len = n;

    if (s->failed)
        out->failed = true;
    buf_add(out, magic, sizeof magic);
    add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        add_varint(out, s->at[i].key - last);
        last = s->at[i].key;
        for (size_t k = 0; k < SEEN_SUMS; k++)
            add_varint(out, (uint64_t)s->at[i].sums[k]);
    }
    if (out->failed)
        return;
    crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)out->at + start, out->len - start);
    for (int i = 0; i < 4; i++)
        buf_add_char(out, (char)(crc >> (8 * i)));
}

static bool take_varint(struct slice *from, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned shift = 0; from->len && shift < 64; shift += 7) {
        uint64_t b = (unsigned char)from->at[0];

        from->at++;
        from->len--;
        if (shift == 63 && b > 1)
            return false;
        v |= (b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return v <= max;
        }
    }
    return false;
}

static bool take_entry(struct slice *from, uint64_t *last, bool is_first, struct seen_entry *ret)
{
    uint64_t v;

    if (!take_varint(from, UINT64_MAX - *last, &v) || (v == 0 && !is_first))
        return false;
    ret->key = *last += v;
    for (size_t k = 0; k < SEEN_SUMS; k++) {
        if (!take_varint(from, INT64_MAX, &v))
            return false;
        ret->sums[k] = (int64_t)v;
    }
    return true;
}

int seen_unpack(struct seen *s, struct slice packed, size_t max_bytes, struct error *err)
{
    struct slice from = packed;
    struct seen got = { 0 };
    uint64_t n, last = 0;
    uint32_t crc = 0;

    if (packed.len < sizeof magic + 5 || memcmp(packed.at, magic, sizeof magic - 1) != 0)
        return error_set(err, ERR_STATE, "list of seen rows: not one, or cut");
    if (packed.at[3] != VERSION)
        return error_set(err, ERR_STATE, "list of seen rows: version %d is not known",
                         packed.at[3]);
    from.len -= 4;
    for (int i = 0; i < 4; i++)
        crc |= (uint32_t)(unsigned char)packed.at[from.len + (size_t)i] << (8 * i);
    if (crc32_z(crc32_z(0, NULL, 0), (const Bytef *)packed.at, from.len) != crc)
        return error_set(err, ERR_STATE, "list of seen rows: checksum does not match");
    from.at += sizeof magic;
    from.len -= sizeof magic;
    if (!take_varint(&from, from.len / ENTRY_MIN + 1, &n) || n > from.len / ENTRY_MIN)
        return error_set(err, ERR_STATE, "list of seen rows: wrong length");
    if (n > max_bytes / sizeof *got.at)
        return error_set(err, ERR_LIMIT, "list of seen rows: %llu entries are too many",
                         (unsigned long long)n);
    if (!make_room(&got, (size_t)n))
        return error_set(err, ERR_NOMEM, "list of seen rows");
    for (; got.len < n; got.len++) {
        if (!take_entry(&from, &last, got.len == 0, &got.at[got.len])) {
            seen_release(&got);
            return error_set(err, ERR_STATE, "list of seen rows: damaged entry");
        }
    }
    if (from.len) {
        seen_release(&got);
        return error_set(err, ERR_STATE, "list of seen rows: bytes left over");
    }
    seen_release(s);
    *s = got;
    return 0;
}
