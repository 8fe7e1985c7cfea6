/* What the reader promises (apart/apart.h): what comes out of it is what reading at home gives; a row that ends it costs
 * itself and nothing else; what it answers is not believed; it holds nothing and can reach nothing.
 *
 * This program is its own reader: main() becomes one when it is started as one. A row's user agent says what is to happen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/apart.h"
#include "base/map.h"
#include "enrich/feed_apart.h"
#include "record/decode_apart.h"
#include "apart_kit.h"
#include "test_record_kit.h"

#include "allocation_count.h"
#include "tests/kit/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD "{\"tables\":[{\"columns\":[{\"name\":\"TimeGenerated\"},{\"name\":\"UserAgent\"},{\"name\":\"StatusCode\"}]," \
             "\"rows\":["
#define TAIL "]}]}"

/* A reader that a busy machine lets stand has not ended; one that stands still by itself is waited for. */
#define PATIENT_MS 20000
#define HASTY_MS 2000

/* ---- what the reader does when a row says so ----------------------------------------------------------- */

/* An event as the wire has it, with one text; decode_apart.c alone knows the form. */
struct bogus {
    uint32_t size;
    uint16_t kind, texts;
    uint64_t row;
    int32_t status;
    uint8_t table, api, unused[2];
    int64_t numbers[9];
    uint32_t at, len;
    uint16_t field, is_in_body;
    uint32_t fill;
};

static struct bogus good(void)
{
    return (struct bogus){ .size = sizeof(struct bogus), .texts = 1, .row = 1, .status = 200, .table = TABLE_DATA_PLANE,
                           .api = API_NOSQL, .numbers = { [1] = 1 }, .len = 1, .field = F_USER_AGENT, .is_in_body = 1 };
}

static void put(struct apart_inside *in, struct bogus b)
{
    void *room = apart_room(in, sizeof b);

    if (room) {
        memcpy(room, &b, sizeof b);
        apart_wrote(in, sizeof b);
    }
}

static void lie_about_a_length(struct apart_inside *in) { struct bogus b = good(); b.len = UINT32_MAX; put(in, b); }
static void lie_about_an_offset(struct apart_inside *in) { struct bogus b = good(); b.at = UINT32_MAX; put(in, b); }
static void lie_about_a_copy(struct apart_inside *in)
{
    struct bogus b = good();

    b.is_in_body = 0;
    b.at = (uint32_t)APART_SLOT_BYTES - 1;
    b.len = 100;
    put(in, b);
}
static void lie_about_a_size(struct apart_inside *in) { struct bogus b = good(); b.size = UINT32_MAX - 7; put(in, b); }
static void lie_about_nothing_left(struct apart_inside *in) { struct bogus b = good(); b.size = 0; put(in, b); }
static void lie_about_texts(struct apart_inside *in) { struct bogus b = good(); b.texts = UINT16_MAX; put(in, b); }
static void lie_about_a_field(struct apart_inside *in) { struct bogus b = good(); b.field = F_COUNT; put(in, b); }
static void lie_about_a_table(struct apart_inside *in) { struct bogus b = good(); b.table = TABLE_COUNT; put(in, b); }
static void lie_about_an_api(struct apart_inside *in) { struct bogus b = good(); b.api = 255; put(in, b); }
static void lie_about_a_count(struct apart_inside *in) { struct bogus b = good(); b.numbers[1] = -1; put(in, b); }
static void lie_about_a_kind(struct apart_inside *in) { struct bogus b = good(); b.kind = 9; put(in, b); }
static void lie_about_the_order(struct apart_inside *in)
{
    struct bogus b = good();

    b.row = 0;
    put(in, b);
}
static void lie_about_a_row(struct apart_inside *in) { struct bogus b = good(); b.row = UINT64_MAX / 2; put(in, b); }
static void touch_nowhere(struct apart_inside *in UNUSED)
{
    (void)raise(SIGSEGV);
}
static void stand_still(struct apart_inside *in UNUSED)
{
    for (;;)
        continue;
}
static void start_a_program(struct apart_inside *in UNUSED) { (void)syscall(SYS_execve, "/bin/true", NULL, NULL); }
#ifndef COSMOWATCH_SANITIZED
static void open_a_file(struct apart_inside *in UNUSED) { (void)open("/etc/hostname", O_RDONLY | O_CLOEXEC); }
static void become_two(struct apart_inside *in UNUSED) { (void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static void look_at_the_agent(struct apart_inside *in UNUSED)
{
    (void)syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0);
}
static void kill_the_agent(struct apart_inside *in UNUSED) { (void)syscall(SYS_kill, getppid(), SIGKILL); }
static void make_code(struct apart_inside *in UNUSED)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
#endif

static const struct fault faults[] = {
    { "abort", "SIGABRT", be_killed },
#if defined COSMOWATCH_SANITIZED && !defined COSMOWATCH_COVERAGE
    { "segv", "exit status", touch_nowhere }, /* a sanitizer makes another end of it */
#else
    { "segv", "SIGSEGV", touch_nowhere },
#endif
    { "hang", "no progress", stand_still },
    { "socket", "SIGSYS", make_a_socket },
    { "exec", "SIGSYS", start_a_program },
#ifndef COSMOWATCH_SANITIZED
    { "open", "SIGSYS", open_a_file },
    { "clone", "SIGSYS", become_two },
    { "peek", "SIGSYS", look_at_the_agent },
    { "kill", "SIGSYS", kill_the_agent },
    { "code", "SIGSYS", make_code },
#endif
    { "lie-length", "cannot be", lie_about_a_length },
    { "lie-offset", "cannot be", lie_about_an_offset },
    { "lie-copy", "cannot be", lie_about_a_copy },
    { "lie-size", "cannot be", lie_about_a_size },
    { "lie-zero", "cannot be", lie_about_nothing_left },
    { "lie-texts", "cannot be", lie_about_texts },
    { "lie-field", "cannot be", lie_about_a_field },
    { "lie-table", "cannot be", lie_about_a_table },
    { "lie-api", "cannot be", lie_about_an_api },
    { "lie-count", "cannot be", lie_about_a_count },
    { "lie-kind", "cannot be", lie_about_a_kind },
    { "lie-order", "cannot be", lie_about_the_order },
    { "lie-row", "cannot be", lie_about_a_row },
};

/* Some bytes of the batch so far, anywhere: a reader whose memory is not its own any more. */
static void scribble(struct apart_inside *in, struct slice agent)
{
    uint64_t rng = hash64(agent.at, agent.len, 7);
    size_t len = apart_at(in);
    char *batch = (char *)apart_room(in, 8) - len;

    for (size_t i = 0; len > 0 && i < 1 + rng % 3; i++) {
        rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
        batch[(rng >> 20) % len] = (char)(rng >> 55);
    }
}

static void happen(struct apart_inside *in, const struct record *rec)
{
    struct slice agent = rec->text[F_USER_AGENT];

    if (slice_starts(agent, SL("scribble")))
        scribble(in, agent);
    (void)fault_happens(in, faults, ARRAY_LEN(faults), agent);
}

static void serve(struct apart_inside *in)
{
    if (slice_find(apart_body(in), SL("before the first row")) != SIZE_MAX)
        abort();
    if (slice_find(apart_body(in), SL("one row too many")) != SIZE_MAX) {
        struct bogus b = good();

        b.row = 0;
        put(in, b);
    }
    if (slice_find(apart_body(in), SL("nothing at the end")) != SIZE_MAX) {
        apart_end(in, "x", 1);
        return;
    }
    decode_serve_with(in, happen);
}

/* ---- kit ----------------------------------------------------------------------------------------------- */

static struct kit ask(struct apart *a, const char *text, bool is_export)
{
    struct decoder *d = decoder_new_apart(a);
    struct kit k = kit_decode_with(d, slice_of(text), is_export, TABLE_DATA_PLANE);

    decoder_free(d);
    return k;
}

static size_t count_of(struct buf *text, const char *part)
{
    size_t n = 0;

    for (const char *p = buf_cstr(text); (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static void same(struct kit *x, struct kit *y, const char *name)
{
    ck_assert_msg(x->rc == y->rc, "%s: %s | %s", name, x->err.msg, y->err.msg);
    ck_assert_msg(x->err.code == y->err.code, "%s: %s | %s", name, x->err.msg, y->err.msg);
    ck_assert_str_eq(x->err.msg, y->err.msg);
    ck_assert_msg(x->result.records == y->result.records && x->result.bad == y->result.bad &&
                  x->result.skipped == y->result.skipped && x->result.is_partial == y->result.is_partial, "%s", name);
    ck_assert_str_eq(x->result.error_code, y->result.error_code);
    ck_assert_str_eq(x->result.error_text, y->result.error_text);
    ck_assert_msg(slice_eq(buf_slice(&x->records), buf_slice(&y->records)), "%s: records differ", name);
    ck_assert_msg(slice_eq(buf_slice(&x->bad), buf_slice(&y->bad)), "%s: unreadable rows differ:\n%s\n%s", name,
                  buf_cstr(&x->bad), buf_cstr(&y->bad));
}

/* ---- the same as at home ------------------------------------------------------------------------------- */

struct both {
    struct decoder *home, *apart;
    size_t files;
};

static void compare(struct both *b, struct slice s, const char *name)
{
    for (int i = 0; i < 2; i++) {
        struct kit x = kit_decode_with(b->home, s, i == 1, TABLE_NONE);
        struct kit y = kit_decode_with(b->apart, s, i == 1, TABLE_NONE);

        same(&x, &y, name);
        kit_release(&x);
        kit_release(&y);
    }
}

static void read_file(const char *path, struct buf *out)
{
    char part[4096];
    FILE *f = fopen(path, "re");
    size_t n;

    ck_assert_msg(f != NULL, "%s", path);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(out, part, n);
    (void)fclose(f);
}

static void compare_folder(struct both *b, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL) {
        struct buf text = BUF_INIT(KIT_TEXT_MAX);
        char path[512];

        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.')
            continue;
        read_file(path, &text);
        compare(b, buf_slice(&text), path);
        buf_release(&text);
        b->files++;
    }
    (void)closedir(d);
}

START_TEST(what_comes_out_is_what_reading_at_home_gives)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct both b = { .home = decoder_new(), .apart = decoder_new_apart(a) };
    struct apart_status st;

    compare_folder(&b, "tests/golden/rows");
    compare_folder(&b, "tests/fuzz/corpus/answer");
    compare_folder(&b, "tests/fuzz/corpus/export");
    ck_assert_uint_gt(b.files, 50);
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 0);
    decoder_free(b.home);
    decoder_free(b.apart);
    apart_free(a);
}
END_TEST

/* How many entries there are; -1: both failed. */
static int64_t same_feed(struct apart *a, struct slice bytes, enum feed_format format, const char *name)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_table *home = NULL, *apart = NULL;
    struct feed_report x, y;
    struct error ex = { 0 }, ey = { 0 };
    int64_t now = INT64_C(1787220000) * NS_PER_S;
    int rc;

    opt.format = format;
    opt.columns = format == FEED_FORMAT_CSV ? "address,confidence,-,note" : NULL;
    rc = feed_parse(bytes, &opt, now, &home, &x, &ex);
    ck_assert_msg(feed_parse_apart(a, bytes, &opt, now, &apart, &y, &ey) == rc, "%s: %s | %s", name, ex.msg, ey.msg);
    ck_assert_str_eq(ex.msg, ey.msg);
    ck_assert_msg(x.lines == y.lines && x.bad == y.bad && x.skipped == y.skipped && x.said == y.said, "%s", name);
    if (rc == 0) {
        struct buf hx = BUF_INIT(KIT_TEXT_MAX), hy = BUF_INIT(KIT_TEXT_MAX);

        ck_assert_int_eq(x.entries, y.entries);
        ck_assert(feed_table_save(home, &hx, &ex) == 0 && feed_table_save(apart, &hy, &ey) == 0);
        ck_assert_msg(slice_eq(buf_slice(&hx), buf_slice(&hy)), "%s", name);
        buf_release(&hx);
        buf_release(&hy);
    }
    feed_table_free(home);
    feed_table_free(apart);
    return rc == 0 ? x.entries : -1;
}

/* A list of everyday size: what libraries ask the system for when there is much to sort or keep, they ask in the cage. */
static void large_feed(enum feed_format format, struct buf *out)
{
    static const struct { const char *head, *entry, *tail; } forms[] = {
        [FEED_FORMAT_LIST] = { "# listed\n", "%s\n", "" },
        [FEED_FORMAT_CSV] = { "", "%s,80,x,a note\n", "" },
        [FEED_FORMAT_TOR] = { "", "ExitNode 0011\nExitAddress %s 2026-08-19 10:06:08\n", "" },
        [FEED_FORMAT_STIX] = { "{\"type\":\"bundle\",\"objects\":[{}",
                               ",{\"type\":\"indicator\",\"id\":\"indicator--%s\",\"pattern_type\":\"stix\","
                               "\"pattern\":\"[ipv4-addr:value = '%s']\",\"valid_from\":\"2026-08-01T00:00:00Z\"}", "]}" },
        [FEED_FORMAT_WORKSPACE] = { "[{}", ",{\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"%s\","
                                    "\"Id\":\"%s\",\"ValidFrom\":\"2026-08-01T00:00:00Z\"}", "]" },
    };

    buf_add_str(out, forms[format].head);
    for (unsigned i = 0; i < 20000; i++) {
        char address[20];
        struct slice entry = slice_of(forms[format].entry);

        (void)snprintf(address, sizeof address, "198.%u.%u.%u", 18 + i % 2, i / 256 % 256, i % 256);
        for (size_t at; (at = slice_find(entry, SL("%s"))) != SIZE_MAX;) {
            buf_add(out, entry.at, at);
            buf_add_str(out, address);
            entry = slice_make(entry.at + at + 2, entry.len - at - 2);
        }
        buf_add_slice(out, entry);
    }
    buf_add_str(out, forms[format].tail);
}

START_TEST(large_feeds_come_out_as_they_do_at_home)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct apart_status st;

    for (int f = FEED_FORMAT_LIST; f <= FEED_FORMAT_WORKSPACE; f++) {
        struct buf text = BUF_INIT(64u << 20);

        const char *name = feed_format_name((enum feed_format)f);

        large_feed((enum feed_format)f, &text);
        ck_assert_msg(same_feed(a, buf_slice(&text), (enum feed_format)f, name) >= 10000, "%s", name);
        buf_release(&text);
    }
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 0);
    apart_free(a);
}
END_TEST

START_TEST(feeds_come_out_as_they_do_at_home)
{
    static const char folder[] = "tests/fuzz/corpus/feed";
    struct apart *a = new_apart(PATIENT_MS);
    DIR *d = opendir(folder);
    struct dirent *e;
    struct apart_status st;
    size_t files = 0;

    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL) {
        struct buf text = BUF_INIT(KIT_TEXT_MAX);
        char path[512];

        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.')
            continue;
        read_file(path, &text); /* its first byte chose the form */
        for (int f = 0; f <= FEED_FORMAT_WORKSPACE && text.len > 0; f++)
            (void)same_feed(a, slice_make(text.at + 1, text.len - 1), (enum feed_format)f, path);
        buf_release(&text);
        files++;
    }
    (void)closedir(d);
    ck_assert_uint_gt(files, 5);
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 0);
    apart_free(a);
}
END_TEST

static void make_rows(struct buf *out, size_t n)
{
    buf_add_str(out, HEAD);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s[\"2026-05-04T10:00:00Z\",\"agent \\u00e9 %zu\",%zu]", i ? "," : "", i, i % 500);
    buf_add_str(out, TAIL);
}

START_TEST(many_batches_come_whole_and_in_order)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct both b = { .home = decoder_new(), .apart = decoder_new_apart(a) };
    struct buf text = BUF_INIT(KIT_TEXT_MAX);

    make_rows(&text, 20000); /* 160 B each: a dozen batches */
    compare(&b, buf_slice(&text), "20000 rows");
    buf_release(&text);
    decoder_free(b.home);
    decoder_free(b.apart);
    apart_free(a);
}
END_TEST

/* ---- a row that ends it -------------------------------------------------------------------------------- */

START_TEST(a_row_that_ends_the_reader_costs_itself_alone)
{
    const struct fault *f = &faults[_i];
    struct apart *a = new_apart(f->happen == stand_still ? HASTY_MS : PATIENT_MS);
    char text[1024];
    struct apart_status st;
    struct kit k;

    (void)snprintf(text, sizeof text, HEAD "[\"2026-05-04T10:00:00Z\",\"first\",200],[\"2026-05-04T10:00:01Z\",\"%s\",200],"
                   "[\"2026-05-04T10:00:02Z\",\"last\",200]" TAIL, f->name);
    k = ask(a, text, false);
    ck_assert_msg(k.rc == 0, "%s: %s", f->name, k.err.msg);
    ck_assert_int_eq(k.result.records, 2);
    ck_assert_int_eq(k.result.bad, 1);
    ck_assert_msg(kit_has(&k.records, "user_agent=first") && kit_has(&k.records, "user_agent=last"), "%s", f->name);
    ck_assert_uint_eq(count_of(&k.records, "user_agent="), 2);
    ck_assert_msg(kit_has(&k.bad, "this row ended the reader twice: ") && kit_has(&k.bad, f->reason), "%s: %s", f->name,
                  buf_cstr(&k.bad));
    (void)snprintf(text, sizeof text, "[\"2026-05-04T10:00:01Z\",\"%s\",200]", f->name);
    ck_assert_msg(kit_has(&k.bad, text), "%s: its bytes are not there: %s", f->name, buf_cstr(&k.bad));
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 2);
    ck_assert_int_eq(st.left_out, 1);
    ck_assert_int_gt(st.pid, 0);
    kit_release(&k);
    apart_free(a);
}
END_TEST

START_TEST(it_costs_itself_alone_in_files_too)
{
    static const char *const texts[] = {
        "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"first\"}\n{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"abort\"}\n"
        "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"last\"}\n",
        "[{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"first\"},{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"abort\"},"
        "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"last\"}]",
        "{\"records\":[{\"category\":\"DataPlaneRequests\",\"properties\":{\"userAgent\":\"first\"}},"
        "{\"category\":\"DataPlaneRequests\",\"properties\":{\"userAgent\":\"abort\"}},"
        "{\"category\":\"DataPlaneRequests\",\"properties\":{\"userAgent\":\"last\"}}]}",
    };
    struct apart *a = new_apart(PATIENT_MS);

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct kit k = ask(a, texts[i], true);

        ck_assert_msg(k.rc == 0, "%zu: %s", i, k.err.msg);
        ck_assert_msg(k.result.records == 2 && k.result.bad == 1, "%zu: %s", i, buf_cstr(&k.bad));
        ck_assert_msg(kit_has(&k.records, "=first") && kit_has(&k.records, "=last") && kit_has(&k.bad, "abort"), "%zu", i);
        kit_release(&k);
    }
    apart_free(a);
}
END_TEST

START_TEST(several_such_rows_go_one_by_one)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct apart_status st;
    struct kit k;

    buf_add_str(&text, HEAD);
    for (int i = 0; i < 20; i++)
        buf_addf(&text, "%s[\"2026-05-04T10:00:00Z\",\"%s\",200]", i ? "," : "", i % 4 == 0 ? "abort" : "fine");
    buf_add_str(&text, TAIL);
    k = ask(a, buf_cstr(&text), false);
    ck_assert_msg(k.rc == 0, "%s", k.err.msg);
    ck_assert_int_eq(k.result.records, 15);
    ck_assert_int_eq(k.result.bad, 5);
    ck_assert_uint_eq(count_of(&k.records, "=fine"), 15);
    ck_assert_uint_eq(count_of(&k.bad, "SIGABRT"), 5);
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 10);
    kit_release(&k);
    buf_release(&text);
    apart_free(a);
}
END_TEST

START_TEST(more_of_them_than_are_left_out_are_too_many_and_said)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct kit k;

    buf_add_str(&text, HEAD);
    for (int i = 0; i <= APART_LEFT_OUT_MAX; i++)
        buf_addf(&text, "%s[\"2026-05-04T10:00:00Z\",\"abort\",200]", i ? "," : "");
    buf_add_str(&text, TAIL);
    k = ask(a, buf_cstr(&text), false);
    ck_assert_int_eq(k.rc, -1);
    ck_assert_int_eq(k.err.code, ERR_PARTIAL);
    ck_assert_msg(strstr(k.err.msg, "more than 64 rows ended the reader") != NULL, "%s", k.err.msg);
    kit_release(&k);
    buf_release(&text);
    apart_free(a);
}
END_TEST

START_TEST(bytes_that_end_it_before_their_first_row_are_an_error_that_says_so)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct kit k = ask(a, HEAD "[\"before the first row\",\"\",1]" TAIL, false);

    ck_assert_int_eq(k.rc, -1);
    ck_assert_int_eq(k.err.code, ERR_PARTIAL); /* the window is halved */
    ck_assert_msg(strstr(k.err.msg, "ended the reader twice before their first row: SIGABRT") != NULL, "%s", k.err.msg);
    kit_release(&k);
    k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"next\",200]" TAIL, false);
    ck_assert_msg(k.rc == 0 && k.result.records == 1, "%s", k.err.msg);
    kit_release(&k);
    apart_free(a);
}
END_TEST

/* Whatever it writes: an answer or a reason, and nothing read or written where it should not be (sanitizers look). */
START_TEST(a_reader_that_scribbles_harms_nobody)
{
    struct apart *a = new_apart(PATIENT_MS);
    int told = 0;

    for (int i = 0; i < 60; i++) {
        struct buf text = BUF_INIT(KIT_TEXT_MAX);
        struct kit k;

        buf_add_str(&text, HEAD);
        for (int row = 0; row < 12; row++)
            buf_addf(&text, "%s[\"2026-05-04T10:00:00Z\",\"%s \\u00e9 %d\",200]", row ? "," : "",
                     row == 8 ? "scribble" : "fine", row == 8 ? i : row);
        buf_add_str(&text, TAIL);
        k = ask(a, buf_cstr(&text), false);
        ck_assert_msg(k.rc == 0 || k.err.code == ERR_PARTIAL, "%s", k.err.msg);
        told += k.rc < 0 || k.result.bad > 0;
        kit_release(&k);
        buf_release(&text);
    }
    ck_assert_int_gt(told, 5);
    apart_free(a);
}
END_TEST

START_TEST(a_sum_that_is_not_right_is_no_answer)
{
    static const char *const columns[] = { "one row too many", "nothing at the end" };
    struct apart *a = new_apart(PATIENT_MS);

    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        char text[256];
        struct kit k;

        (void)snprintf(text, sizeof text, "{\"tables\":[{\"columns\":[{\"name\":\"%s\"}],\"rows\":[]}]}", columns[i]);
        k = ask(a, text, false);
        ck_assert_int_eq(k.rc, -1);
        ck_assert_int_eq(k.err.code, ERR_PARTIAL);
        ck_assert_msg(strstr(k.err.msg, "cannot be") != NULL, "%s", k.err.msg);
        kit_release(&k);
    }
    apart_free(a);
}
END_TEST

START_TEST(no_reader_is_given_bytes_for_ever)
{
    const struct apart_config cfg = { .life_ms = 1 };
    struct apart *a = NULL;
    struct error err = { 0 };
    pid_t first = 0;

    ck_assert_int_eq(apart_new(&cfg, &a, &err), 0);
    for (int i = 0; i < 2; i++) {
        struct kit k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"x\",200]" TAIL, false);
        struct apart_status st;

        ck_assert_int_eq(k.result.records, 1);
        apart_look(a, &st);
        ck_assert_int_eq(st.ended, 0);
        ck_assert_int_ne(st.pid, first);
        first = st.pid;
        (void)poll(NULL, 0, 5);
        kit_release(&k);
    }
    apart_free(a);
}
END_TEST

/* ---- a reader that dies of something else -------------------------------------------------------------- */

struct killing {
    struct kit k;
    struct apart *a;
    int64_t at, seen;
    int signal;
};

static int kill_it_at(void *self, const struct record *rec, struct error *err)
{
    struct killing *g = self;
    struct apart_status st;

    if (g->seen++ == g->at) {
        apart_look(g->a, &st);
        ck_assert_int_eq(kill(st.pid, g->signal), 0);
    }
    return kit_on_record(&g->k, rec, err);
}

static void kill_halfway(int signal)
{
    struct killing g = { .k = { .records = BUF_INIT(KIT_TEXT_MAX), .bad = BUF_INIT(KIT_TEXT_MAX) },
                         .a = new_apart(signal == SIGSTOP ? HASTY_MS : PATIENT_MS), .at = 3000, .signal = signal };
    const struct decode_sink sink = { .self = &g, .on_record = kill_it_at, .on_bad = kit_on_bad };
    struct decoder *d = decoder_new_apart(g.a), *home = decoder_new();
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct apart_status st;
    struct kit k;
    char *at;

    make_rows(&text, 20000);
    at = kit_padded(buf_slice(&text));
    g.k.rc = decode_answer(d, at, text.len, TABLE_DATA_PLANE, &sink, &g.k.result, &g.k.err);
    k = kit_decode_with(home, buf_slice(&text), false, TABLE_DATA_PLANE);
    same(&k, &g.k, "killed halfway");
    apart_look(g.a, &st);
    ck_assert_int_eq(st.ended, 1);
    ck_assert_int_eq(st.left_out, 0);
    free(at);
    kit_release(&k);
    kit_release(&g.k);
    buf_release(&text);
    decoder_free(d);
    decoder_free(home);
    apart_free(g.a);
}

START_TEST(killed_halfway_no_row_is_lost_or_doubled)
{
    kill_halfway(SIGKILL);
}
END_TEST

START_TEST(stopped_halfway_it_is_replaced)
{
    kill_halfway(SIGSTOP);
}
END_TEST

START_TEST(signals_for_the_agent_are_none_for_it)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
    struct apart *a = new_apart(PATIENT_MS);
    struct error err = { 0 };
    struct apart_status before, after;
    struct kit k;

    ck_assert_int_eq(apart_start(a, &err), 0);
    apart_look(a, &before);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        ck_assert_int_eq(kill(before.pid, signals[i]), 0);
    k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"x\",200]" TAIL, false);
    ck_assert_int_eq(k.result.records, 1);
    apart_look(a, &after);
    ck_assert_int_eq(before.pid, after.pid);
    kit_release(&k);
    apart_free(a);
}
END_TEST

START_TEST(that_none_can_be_started_is_said_and_passes)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct rlimit was, few;
    struct kit k;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"x\",200]" TAIL, false);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    ck_assert_int_eq(k.rc, -1);
    ck_assert_msg(k.err.code == ERR_IO || k.err.code == ERR_NOMEM, "%s", k.err.msg);
    ck_assert_msg(strstr(k.err.msg, "reader") != NULL, "%s", k.err.msg);
    kit_release(&k);
    k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"x\",200]" TAIL, false);
    ck_assert_msg(k.rc == 0, "%s", k.err.msg);
    kit_release(&k);
    apart_free(a);
}
END_TEST

static int stop_at_once(void *self UNUSED, const struct record *rec UNUSED, struct error *err)
{
    return error_set(err, ERR_LIMIT, "enough");
}

START_TEST(who_wants_no_more_gets_no_more_and_the_reader_lives_on)
{
    const struct decode_sink sink = { .on_record = stop_at_once };
    struct apart *a = new_apart(PATIENT_MS);
    struct decoder *d = decoder_new_apart(a);
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct decode_result result;
    struct error err = { 0 };
    struct apart_status st;
    struct kit k;

    make_rows(&text, 20000);
    buf_add(&text, (char[DECODE_PADDING]){ 0 }, DECODE_PADDING);
    ck_assert_int_eq(decode_answer(d, text.at, text.len - DECODE_PADDING, TABLE_DATA_PLANE, &sink, &result, &err), -1);
    ck_assert_str_eq(err.msg, "enough");
    ck_assert_int_eq(err.code, ERR_LIMIT);
    k = ask(a, HEAD "[\"2026-05-04T10:00:00Z\",\"x\",200]" TAIL, false);
    ck_assert_int_eq(k.result.records, 1);
    apart_look(a, &st);
    ck_assert_int_eq(st.ended, 0);
    kit_release(&k);
    buf_release(&text);
    decoder_free(d);
    apart_free(a);
}
END_TEST

/* ---- what it holds ------------------------------------------------------------------------------------- */

static void read_proc(pid_t pid, const char *name, struct buf *out)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    read_file(path, out);
}

START_TEST(it_has_no_environment_three_kinds_of_descriptor_and_a_filter)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct buf text = BUF_INIT(1u << 20);
    struct error err = { 0 };
    struct apart_status st;
    struct dirent *e;
    char path[64];
    DIR *d;
    int descriptors = 0, secret = open("/etc/passwd", O_RDONLY); /* inheritable, as a careless library opens it */

    ck_assert_int_eq(setenv("COSMOWATCH_SECRET", "in the environment", 1), 0);
    ck_assert_int_eq(apart_start(a, &err), 0);
    apart_look(a, &st);
    (void)snprintf(path, sizeof path, "/proc/%d/fd", st.pid);
    d = opendir(path);
    if (!d) /* not root, and the reader is not dumpable: nobody sees more of it */
        goto out;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.') {
            descriptors++;
            ck_assert_msg(e->d_name[0] <= '3' && e->d_name[1] == '\0', "descriptor %s", e->d_name);
        }
    (void)closedir(d);
    ck_assert_int_eq(descriptors, 4);
    read_proc(st.pid, "environ", &text);
    ck_assert_uint_eq(text.len, 0);
    read_proc(st.pid, "status", &text);
    ck_assert_msg(kit_has(&text, "Seccomp:\t2") && kit_has(&text, "NoNewPrivs:\t1"), "%s", buf_cstr(&text));
    buf_clear(&text);
    read_proc(st.pid, "cmdline", &text);
    ck_assert_str_eq(buf_cstr(&text), "cosmowatch: reader");
    buf_clear(&text);
    read_proc(st.pid, "limits", &text);
    ck_assert_msg(kit_has(&text, "Max core file size        0                    0"), "%s", buf_cstr(&text));
out:
    (void)close(secret);
    buf_release(&text);
    apart_free(a);
}
END_TEST

/* Neither side can cut or change what the other has mapped. */
START_TEST(shared_memory_is_sealed)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct kit k = ask(a, "{}", true); /* so that there is memory for a body, too */
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int pages, found = 0;

    ck_assert_ptr_nonnull(d);
    kit_release(&k);
    while ((e = readdir(d)) != NULL) {
        char path[300], name[128] = "";

        (void)snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        if (readlink(path, name, sizeof name - 1) < 0 || !strstr(name, "cosmowatch-"))
            continue;
        pages = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(pages, 0);
        if (strstr(name, "body")) /* what is mapped anew is not to be written */
            ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pages, 0), MAP_FAILED);
        ck_assert_int_eq(ftruncate(pages, 0), -1);
        ck_assert_int_eq(fcntl(pages, F_ADD_SEALS, F_SEAL_WRITE), -1);
        (void)close(pages);
        found++;
    }
    ck_assert_int_eq(found, 2);
    (void)closedir(d);
    apart_free(a);
}
END_TEST

START_TEST(it_ends_when_the_agent_does_even_standing_still)
{
    int pipe_fds[2];
    pid_t agent, reader = 0;

    ck_assert_int_eq(pipe(pipe_fds), 0);
    agent = fork();
    if (agent == 0) {
        struct apart *a = new_apart(PATIENT_MS);
        struct error err = { 0 };
        struct apart_status st;

        if (apart_start(a, &err) < 0)
            _exit(1);
        apart_look(a, &st);
        (void)kill(st.pid, SIGSTOP);
        if (write(pipe_fds[1], &st.pid, sizeof st.pid) != sizeof st.pid)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(read(pipe_fds[0], &reader, sizeof reader), sizeof reader);
    ck_assert_int_eq(waitpid(agent, NULL, 0), agent);
    {
        int fd = (int)syscall(SYS_pidfd_open, reader, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (fd >= 0) {
            ck_assert_int_eq(poll(&p, 1, 30000), 1);
            (void)close(fd);
        }
    }
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}
END_TEST

static int drop(void *self UNUSED, const struct record *rec UNUSED, struct error *err UNUSED)
{
    return 0;
}

static long allocations_of(struct decoder *d, size_t rows)
{
    const struct decode_sink sink = { .on_record = drop };
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct decode_result result;
    struct error err = { 0 };
    long before;

    make_rows(&text, rows);
    buf_add(&text, (char[DECODE_PADDING]){ 0 }, DECODE_PADDING);
    before = allocations;
    ck_assert_int_eq(decode_answer(d, text.at, text.len - DECODE_PADDING, TABLE_DATA_PLANE, &sink, &result, &err), 0);
    before = allocations - before;
    ck_assert_int_eq(result.records, (int64_t)rows);
    buf_release(&text);
    return before;
}

START_TEST(no_row_costs_the_agent_an_allocation)
{
    struct apart *a = new_apart(PATIENT_MS);
    struct decoder *d = decoder_new_apart(a);

    (void)allocations_of(d, 10);
    ck_assert_int_eq(allocations_of(d, 10), allocations_of(d, 20000));
    decoder_free(d);
    apart_free(a);
}
END_TEST

int main(int argc, char **argv)
{
    static apart_service *const services[] = { [DECODE_SERVICE] = serve, [FEED_SERVICE] = feed_serve };
    TCase *c = tcase_create("apart");

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    tcase_set_timeout(c, 120);
    tcase_add_test(c, what_comes_out_is_what_reading_at_home_gives);
    tcase_add_test(c, feeds_come_out_as_they_do_at_home);
    tcase_add_test(c, large_feeds_come_out_as_they_do_at_home);
    tcase_add_test(c, many_batches_come_whole_and_in_order);
    tcase_add_loop_test(c, a_row_that_ends_the_reader_costs_itself_alone, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(c, it_costs_itself_alone_in_files_too);
    tcase_add_test(c, several_such_rows_go_one_by_one);
    tcase_add_test(c, more_of_them_than_are_left_out_are_too_many_and_said);
    tcase_add_test(c, bytes_that_end_it_before_their_first_row_are_an_error_that_says_so);
    tcase_add_test(c, a_reader_that_scribbles_harms_nobody);
    tcase_add_test(c, a_sum_that_is_not_right_is_no_answer);
    tcase_add_test(c, no_reader_is_given_bytes_for_ever);
    tcase_add_test(c, killed_halfway_no_row_is_lost_or_doubled);
    tcase_add_test(c, stopped_halfway_it_is_replaced);
    tcase_add_test(c, signals_for_the_agent_are_none_for_it);
    tcase_add_test(c, that_none_can_be_started_is_said_and_passes);
    tcase_add_test(c, who_wants_no_more_gets_no_more_and_the_reader_lives_on);
    tcase_add_test(c, it_has_no_environment_three_kinds_of_descriptor_and_a_filter);
    tcase_add_test(c, shared_memory_is_sealed);
    tcase_add_test(c, it_ends_when_the_agent_does_even_standing_still);
    tcase_add_test(c, no_row_costs_the_agent_an_allocation);
    return run_group("apart", c);
}
