/* fuzz_feed - any bytes as a list of addresses in each of the forms; what was read is kept, comes back the same, and is
 * asked. The first byte chooses the form. SPDX-License-Identifier: Apache-2.0 */
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "enrich/networks.h"
#include "enrich/service_tags.h"
#include "tests/fuzz/fuzz.h"

#define NOW_NS (INT64_C(1787220000) * NS_PER_S)

enum form {
    FORM_LAST_FEED = FEED_FORMAT_WORKSPACE,
    FORM_CSV_WITHOUT_HEADER,
    FORM_SAVED,
    FORM_NETWORKS,
    FORM_SERVICE_TAGS,
    FORM_COUNT
};

static void save(const struct feed_table *t, struct buf *out)
{
    struct error err = { 0 };

    buf_clear(out);
    PROMISE(feed_table_save(t, out, &err) == 0);
}

/* What is written is read as what was written. */
static void keep(const struct feed_table *t)
{
    struct buf first = BUF_INIT((size_t)16 << 20), second = BUF_INIT((size_t)16 << 20);
    struct feed_table *back = NULL;
    struct error err = { 0 };

    save(t, &first);
    PROMISE(feed_table_load(buf_slice(&first), &back, &err) == 0);
    save(back, &second);
    PROMISE(slice_eq(buf_slice(&first), buf_slice(&second)));
    PROMISE(feed_table_len(t) == feed_table_len(back) && feed_table_live(t, NOW_NS) == feed_table_live(back, NOW_NS));
    feed_table_free(back);
    buf_release(&first);
    buf_release(&second);
}

static void ask(struct feed_table *t)
{
    struct enrich *e = enrich_new();
    struct listing each[4];
    struct error err = { 0 };

    PROMISE(e && enrich_set_feed(e, "fuzz", t, &err) == 0);
    (void)enrich_listings(e, SL("198.51.100.7"), NOW_NS, each, ARRAY_LEN(each));
    (void)enrich_listings(e, SL("2001:db8::1"), NOW_NS, each, ARRAY_LEN(each));
    enrich_free(e);
}

static void read_feed(struct slice bytes, const struct feed_options *opt)
{
    struct feed_table *t = NULL, *later = NULL;
    struct feed_report report = { 0 };
    struct error err = { 0 };

    if (feed_parse(bytes, opt, NOW_NS, &t, &report, &err) < 0) {
        PROMISE(err.code != ERR_NONE && !t);
        return;
    }
    PROMISE(report.said <= FEED_REPORT_MAX && report.bad >= (int64_t)report.said);
    keep(t);
    /* Half of it an hour later: the rest leaves, with its history. */
    if (feed_parse(slice_make(bytes.at, bytes.len / 2), opt, NOW_NS, &later, &report, &err) == 0) {
        fuzz_done_or_told(feed_table_update(&t, later, NOW_NS + NS_PER_HOUR, &err), &err);
        keep(t);
    }
    ask(t);
}

static void read_networks(struct slice bytes, bool is_tags)
{
    struct network_table *t = is_tags ? NULL : network_table_new();
    struct enrich *e = enrich_new();
    struct feed_report report = { 0 };
    struct error err = { 0 };
    int rc;

    PROMISE(e && (t || is_tags));
    rc = is_tags ? service_tags_parse(bytes, &t, &report, &err) : network_table_parse_csv(t, bytes, &report, &err);
    PROMISE(rc == 0 || err.code != ERR_NONE);
    if (rc == 0 && enrich_set_networks(e, TAKE(t), &err) == 0)
        (void)enrich_network(e, SL("198.51.100.7"), NOW_NS);
    network_table_free(t);
    enrich_free(e);
}

FUZZ_TARGET(feed)
{
    struct slice rest = slice_make((const char *)data, size);
    unsigned form = fuzz_choose(&rest, FORM_COUNT);
    char *exact = fuzz_padded(rest, 0);
    struct slice bytes = slice_make(exact, rest.len);
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_table *saved = NULL;
    struct error err = { 0 };

    opt.format = form <= FORM_LAST_FEED ? (enum feed_format)form : FEED_FORMAT_CSV;
    if (form == FORM_CSV_WITHOUT_HEADER)
        opt.columns = "-,address,confidence,category,note,valid_from,valid_until";
    if (form <= FORM_CSV_WITHOUT_HEADER)
        read_feed(bytes, &opt);
    else if (form != FORM_SAVED)
        read_networks(bytes, form == FORM_SERVICE_TAGS);
    else if (feed_table_load(bytes, &saved, &err) == 0)
        keep(saved), ask(saved);
    free(exact);
    return 0;
}
