/* mmdb.c - see mmdb.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/mmdb.h"

#include "base/buf.h"
#include "enrich/prefix.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX 4096
#define NOTHING 0xffffffffu
#define DATA 0x80000000u

struct tree {
    unsigned child[NODES_MAX][2]; /* node, NOTHING, or DATA | offset in the data section */
    unsigned len;
};

static void add_control(struct buf *out, unsigned type, size_t size)
{
    ck_assert_uint_lt(size, 285);
    buf_add_char(out, (char)((type <= 7 ? type << 5 : 0) | (size < 29 ? size : 29)));
    if (type > 7)
        buf_add_char(out, (char)(type - 7));
    if (size >= 29)
        buf_add_char(out, (char)(size - 29));
}

static void add_text(struct buf *out, const char *text)
{
    add_control(out, 2, strlen(text));
    buf_add_str(out, text);
}

static void add_number(struct buf *out, unsigned type, unsigned long long n, int bytes)
{
    add_control(out, type, (size_t)bytes);
    for (int i = bytes - 1; i >= 0; i--)
        buf_add_char(out, (char)(n >> 8 * i & 0xff));
}

static void add_double(struct buf *out, double d)
{
    unsigned long long bits;

    memcpy(&bits, &d, sizeof bits);
    add_number(out, 3, bits, 8);
}

static void add_map(struct buf *out, size_t pairs)
{
    add_control(out, 7, pairs);
}

static void add_entry(struct buf *out, const struct mmdb_entry *e)
{
    int has_point = e->lat < 0 || e->lat > 0 || e->lon < 0 || e->lon > 0;

    add_map(out, (size_t)(!!e->country + !!e->city + !!has_point + !!e->asn + !!e->org));
    if (e->country && e->is_flat) {
        add_text(out, "country_code");
        add_text(out, e->country);
    } else if (e->country) {
        add_text(out, "country");
        add_map(out, 1);
        add_text(out, "iso_code");
        add_text(out, e->country);
    }
    if (e->city) {
        add_text(out, "city");
        add_map(out, 1);
        add_text(out, "names");
        add_map(out, 1);
        add_text(out, "en");
        add_text(out, e->city);
    }
    if (has_point) {
        add_text(out, "location");
        add_map(out, 2);
        add_text(out, "latitude");
        add_double(out, e->lat);
        add_text(out, "longitude");
        add_double(out, e->lon);
    }
    if (e->asn) {
        add_text(out, "autonomous_system_number");
        add_number(out, 6, e->asn, 4);
    }
    if (e->org) {
        add_text(out, "autonomous_system_organization");
        add_text(out, e->org);
    }
}

static unsigned new_node(struct tree *t)
{
    ck_assert_uint_lt(t->len, NODES_MAX);
    t->child[t->len][0] = t->child[t->len][1] = NOTHING;
    return t->len++;
}

/* IPv4 stands at ::/96 in the tree. */
static void put(struct tree *t, const char *cidr, unsigned data_at)
{
    struct prefix p;
    unsigned node = 0;

    ck_assert(prefix_parse((struct slice){ .at = cidr, .len = strlen(cidr) }, &p));
    if (address_is_v4(&p.first))
        p.first.at[10] = p.first.at[11] = 0;
    for (unsigned bit = 0; bit < p.bits; bit++) {
        unsigned side = (unsigned)p.first.at[bit / 8] >> (7 - bit % 8) & 1u;

        if (bit + 1u == p.bits) {
            t->child[node][side] = DATA | data_at;
            return;
        }
        if (t->child[node][side] == NOTHING)
            t->child[node][side] = new_node(t);
        node = t->child[node][side];
    }
}

static void add_metadata(struct buf *out, unsigned nodes, const char *type, long build_epoch)
{
    buf_add(out, "\xab\xcd\xefMaxMind.com", 14);
    add_map(out, 9);
    add_text(out, "node_count");
    add_number(out, 6, nodes, 4);
    add_text(out, "record_size");
    add_number(out, 5, 24, 2);
    add_text(out, "ip_version");
    add_number(out, 5, 6, 2);
    add_text(out, "database_type");
    add_text(out, type);
    add_text(out, "languages");
    add_control(out, 11, 1);
    add_text(out, "en");
    add_text(out, "binary_format_major_version");
    add_number(out, 5, 2, 2);
    add_text(out, "binary_format_minor_version");
    add_number(out, 5, 0, 2);
    add_text(out, "build_epoch");
    add_number(out, 9, (unsigned long long)build_epoch, 8);
    add_text(out, "description");
    add_map(out, 1);
    add_text(out, "en");
    add_text(out, "made by a test");
}

void mmdb_write_bytes(const char *path, struct slice bytes)
{
    char fresh[512];
    FILE *f;

    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    f = fopen(fresh, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes.at, 1, bytes.len, f), bytes.len);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(rename(fresh, path), 0);
}

static void add_record(struct buf *out, unsigned v)
{
    buf_add_char(out, (char)(v >> 16 & 0xff));
    buf_add_char(out, (char)(v >> 8 & 0xff));
    buf_add_char(out, (char)(v & 0xff));
}

static const struct slice separator = SL("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

void mmdb_write_one(const char *path, struct slice data, unsigned nodes)
{
    struct buf out = BUF_INIT(1u << 23);

    add_record(&out, nodes + 16);
    add_record(&out, nodes + 16);
    buf_add_slice(&out, separator);
    buf_add_slice(&out, data);
    add_metadata(&out, nodes, "Made-up", 1772323200);
    ck_assert(!out.failed);
    mmdb_write_bytes(path, buf_slice(&out));
    buf_release(&out);
}

void mmdb_write(const char *path, const char *type, long build_epoch, const struct mmdb_entry *entries, size_t n)
{
    static struct tree t;
    struct buf out = BUF_INIT(1u << 20), data = BUF_INIT(1u << 20);

    t.len = 0;
    (void)new_node(&t);
    for (size_t i = 0; i < n; i++) {
        put(&t, entries[i].cidr, (unsigned)data.len);
        add_entry(&data, &entries[i]);
    }
    for (unsigned i = 0; i < t.len; i++) {
        for (int side = 0; side < 2; side++) {
            unsigned c = t.child[i][side];
            unsigned v = c == NOTHING ? t.len : c & DATA ? t.len + 16 + (c & ~DATA) : c;

            add_record(&out, v);
        }
    }
    buf_add_slice(&out, separator);
    buf_add(&out, data.at, data.len);
    add_metadata(&out, t.len, type, build_epoch);
    ck_assert(!out.failed && !data.failed);
    mmdb_write_bytes(path, buf_slice(&out));
    buf_release(&out);
    buf_release(&data);
}
