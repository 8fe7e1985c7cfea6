/* store_kit.h - what the store, delivery and output tests share: a folder of their own, alerts to put in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_STORE_KIT_H
#define COSMOWATCH_TEST_STORE_KIT_H

#include "alert/alert.h"
#include "base/base.h"
#include "base/buf.h"
#include "store/store.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct error ok_err_ = { 0 };                                                              \
        struct error *err = &ok_err_;                                                              \
        int ok_rc_ = (call);                                                                       \
        ck_assert_msg(ok_rc_ == 0, "%s: %s: %s", #call, error_code_name(ok_err_.code), ok_err_.msg); \
    } while (0)

#define FAILS(call, wanted)                                                                        \
    do {                                                                                           \
        struct error fails_err_ = { 0 };                                                           \
        struct error *err = &fails_err_;                                                           \
        ck_assert_msg((call) == -1, "%s did not fail", #call);                                     \
        ck_assert_msg(fails_err_.code == (wanted), "%s: %s: %s", #call,                            \
                      error_code_name(fails_err_.code), fails_err_.msg);                           \
    } while (0)

struct folder { char path[64]; };

/* In memory where that is to be had: for tests that ask nothing of a disk, and open a store a thousand times. */
static UNUSED struct folder folder_in_memory(void)
{
    struct folder f;
    struct stat st;

    (void)snprintf(f.path, sizeof f.path, "%s/cw-store-XXXXXX", stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(f.path));
    return f;
}

static UNUSED struct folder folder_new(void)
{
    struct folder f;

    (void)snprintf(f.path, sizeof f.path, "/tmp/cw-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f.path));
    return f;
}

/* Of a file in it; good until eight more are asked for. */
static UNUSED const char *folder_file(const struct folder *f, const char *name)
{
    static char paths[8][200];
    static size_t at;

    at = (at + 1) % ARRAY_LEN(paths);
    (void)snprintf(paths[at], sizeof paths[at], "%s/%s", f->path, name);
    return paths[at];
}

static UNUSED void folder_write(const struct folder *f, const char *name, const char *text)
{
    FILE *file = fopen(folder_file(f, name), "w");

    ck_assert(file && fputs(text, file) >= 0 && fchmod(fileno(file), 0600) == 0 && fclose(file) == 0);
}

static UNUSED void folder_empty(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        char file[400];

        if (e->d_name[0] == '.' && (e->d_name[1] == '\0' || e->d_name[1] == '.'))
            continue;
        (void)snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        (void)unlink(file);
    }
    if (d)
        closedir(d);
}

static UNUSED void folder_remove(struct folder *f)
{
    folder_empty(f->path);
    (void)rmdir(f->path);
}

static UNUSED struct store *store_at(const char *dir, enum store_mode mode)
{
    struct store *s = NULL;

    OK(store_open(&(struct store_config){ .dir = dir }, mode, &s, err));
    return s;
}

/* The n-th alert of a series: id and everything else follow from n. */
static UNUSED struct alert *alert_nth(int n)
{
    char subject[32];
    struct alert *a = NULL;
    int len = snprintf(subject, sizeof subject, "198.51.%d.%d", n / 250, n % 250);
    const struct fact_value facts[] = {
        { .name = "address", .kind = FACT_SET, .text = slice_make(subject, (size_t)len) },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 1000 + n },
    };

    OK(alert_from_draft(&(struct alert_draft){
           .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly",
           .severity = (enum severity)(n % 4), .confidence = 80, .api = API_NOSQL, .account = SL("contoso-orders"),
           .resource_id = SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg/providers/"
                             "microsoft.documentdb/databaseaccounts/contoso-orders"),
           .subject = slice_of(subject), .bucket_ns = NS_PER_DAY * 20000, .first_ns = NS_PER_DAY * 20000 + n,
           .last_ns = NS_PER_DAY * 20000 + n * NS_PER_MIN, .count = n + 1, .facts = facts,
           .facts_len = ARRAY_LEN(facts) }, &a, err));
    return a;
}

static UNUSED void put_nth(struct store *s, const char *output, int n)
{
    struct alert *a = alert_nth(n);

    OK(store_put_alert(s, a, err));
    OK(store_add_delivery(s, output, a, err));
    alert_free(a);
}

static UNUSED struct window window_nth(const char *source, int n, enum window_state state)
{
    struct window w = { .from_ns = n * NS_PER_MIN, .to_ns = (n + 1) * NS_PER_MIN, .state = state, .records = n };

    (void)snprintf(w.source, sizeof w.source, "%s", source);
    return w;
}

static UNUSED int64_t count_pending(struct store *s, const char *output)
{
    struct output_counts c = { 0 };

    OK(store_count_output(s, output, &c, err));
    return c.pending;
}

static UNUSED int count_windows_fn(void *self, const struct window *w, struct error *err)
{
    (void)w;
    (void)err;
    ++*(int *)self;
    return 0;
}

static UNUSED int count_windows(struct store *s, const char *source)
{
    int n = 0;

    OK(store_each_window(s, source, 0, count_windows_fn, &n, err));
    return n;
}

static UNUSED int count_alerts_fn(void *self, const struct alert *a, struct error *err)
{
    (void)a;
    (void)err;
    ++*(int *)self;
    return 0;
}

static UNUSED int count_alerts(struct store *s)
{
    int n = 0;

    OK(store_each_alert(s, &(struct alert_filter){ 0 }, count_alerts_fn, &n, err));
    return n;
}

/* An encoder for tests that only ask which records went out. */
static UNUSED int encode_id(const struct alert *a, struct buf *out, struct error *err)
{
    buf_add_str(out, a->record_id);
    return buf_check(out, err);
}

/* The output "soc" refuses the alert that waits first. */
static UNUSED void park_first(struct store *s, const char *refused)
{
    struct delivery_row d = { 0 };
    size_t n = 0;

    OK(store_take(s, "soc", 1, &d, &n, err));
    OK(store_settle(s,
                    &(struct settlement) { .seq = d.seq, .what = SETTLE_PARKED, .now_ns = 1, .reason = "HTTP 400",
                                           .refused = slice_of(refused) },
                    1, err));
    delivery_row_release(&d);
}

#endif
