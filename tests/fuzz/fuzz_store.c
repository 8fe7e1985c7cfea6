/* fuzz_store - a store whose file was written over here and there, or cut: it opens or says why, and everything in it can be
 * asked for. The input is a list of wounds: offset (3 bytes), length (1 byte), so many bytes; with length 0 the file
 * ends at the offset. SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "baseline/baseline.h"
#include "engine.h"
#include "store/store.h"
#include "tests/fuzz/fuzz_alert.h"

#include <dirent.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define WOUNDS_MAX 16

static void fill(struct store *s)
{
    struct alert *a = fuzz_alert_with(SL("203.0.113.66"));
    struct error err = { 0 };

    PROMISE(store_begin(s, &err) == 0 && store_put_alert(s, a, &err) == 0);
    for (int i = 0; i < 20; i++) {
        struct window w = { .source = "prod", .from_ns = FUZZ_NOW_NS + i * NS_PER_MIN,
                            .to_ns = FUZZ_NOW_NS + (i + 1) * NS_PER_MIN, .state = i < 10 ? WINDOW_RECHECKED : WINDOW_CLOSED };

        PROMISE(store_put_window(s, &w, &err) == 0 && store_put_seen(s, &w, SL("0123456789"), &err) == 0);
    }
    PROMISE(store_add_delivery(s, "soc", a, &err) == 0 && store_add_delivery(s, "siem", a, &err) == 0);
    PROMISE(store_put_blob(s, "feed/tor", SL("198.51.100.1"), &err) == 0);
    PROMISE(store_park_row(s, "prod", SL("{"), "not JSON", 1, &err) == 0);
    PROMISE(store_commit(s, &err) == 0);
    alert_free(a);
}

static void empty_folder(void)
{
    DIR *d = opendir(fuzz_folder());
    char path[400];

    PROMISE(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", fuzz_folder(), e->d_name);
        (void)unlink(path); /* "." and ".." stay */
    }
    (void)closedir(d);
}

/* The whole file as it was written, once for the process. */
static struct slice sound_file(void)
{
    static char bytes[FILE_MAX];
    static size_t len;
    char path[160];
    struct store *s = NULL;
    struct error err = { 0 };
    FILE *f;

    if (len > 0)
        return slice_make(bytes, len);
    PROMISE(store_open(&(struct store_config){ .dir = fuzz_folder() }, STORE_RUN, &s, &err) == 0);
    fill(s);
    store_close(s);
    (void)snprintf(path, sizeof path, "%s/store.db", fuzz_folder());
    f = fopen(path, "re");
    len = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    PROMISE(len > 4096 && len < sizeof bytes && fclose(f) == 0);
    return slice_make(bytes, len);
}

static void write_wounded(struct slice wounds)
{
    static char bytes[FILE_MAX];
    struct slice sound = sound_file();
    const unsigned char *w = (const unsigned char *)wounds.at;
    size_t len = sound.len, left = wounds.len;

    memcpy(bytes, sound.at, sound.len);
    for (int i = 0; i < WOUNDS_MAX && left >= 4; i++) {
        size_t at = ((size_t)w[0] << 16 | (size_t)w[1] << 8 | w[2]) % sound.len, n = w[3];

        if (n == 0)
            len = at;
        n = n > left - 4 ? left - 4 : n;
        memcpy(bytes + at, w + 4, n > sound.len - at ? sound.len - at : n);
        w += 4 + n;
        left -= 4 + n;
    }
    empty_folder();
    (void)fuzz_file("store.db", slice_make(bytes, len));
}

static int see_window(void *self UNUSED, const struct window *w, struct error *err UNUSED)
{
    fuzz_touch(slice_of(w->source));
    return 0;
}

static int see_alert(void *self UNUSED, const struct alert *a, struct error *err UNUSED)
{
    PROMISE(a->type && a->account);
    return 0;
}

static int see_output(void *self UNUSED, const char *output, const struct output_counts *counts UNUSED, struct error *err UNUSED)
{
    fuzz_touch(slice_of(output));
    return 0;
}

static int see_bad_row(void *self UNUSED, const struct bad_row *r, struct error *err UNUSED)
{
    fuzz_touch(r->raw);
    return 0;
}

static void read_all(struct store *s, struct baseline *b)
{
    struct delivery_row rows[4];
    struct buf blob = BUF_INIT((size_t)1 << 20);
    struct alert_filter all = { .until_ns = INT64_MAX };
    struct error err = { 0 };
    size_t n = 0;
    bool is_found = false;

    fuzz_done_or_told(store_each_window(s, NULL, 0, see_window, NULL, &err), &err);
    fuzz_done_or_told(store_each_alert(s, &all, see_alert, NULL, &err), &err);
    fuzz_done_or_told(store_each_output(s, see_output, NULL, &err), &err);
    fuzz_done_or_told(store_each_bad_row(s, 100, see_bad_row, NULL, &err), &err);
    fuzz_done_or_told(store_load_baselines(s, b, &err), &err);
    fuzz_done_or_told(store_get_blob(s, "feed/tor", &blob, &is_found, &err), &err);
    if (store_take(s, "soc", ARRAY_LEN(rows), rows, &n, &err) == 0)
        for (size_t i = 0; i < n; i++)
            delivery_row_release(&rows[i]);
    buf_release(&blob);
}

FUZZ_TARGET(store)
{
    struct store_config cfg = { .dir = fuzz_folder() };
    struct baseline *b = baseline_new(&(struct baseline_config){ .horizon_ns = NS_PER_HOUR });
    struct store *s = NULL;
    struct error err = { 0 };

    write_wounded(slice_make((const char *)data, size));
    PROMISE(b);
    if (store_open(&cfg, STORE_READ, &s, &err) == 0)
        read_all(s, b);
    store_close(s);
    s = NULL;
    if (store_open(&cfg, STORE_RUN, &s, &err) == 0)
        read_all(s, b);
    else
        PROMISE(err.code != ERR_NONE && err.msg[0]);
    store_close(s);
    baseline_free(b);
    return 0;
}
