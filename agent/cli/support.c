/* support.c - `cosmowatch support`: one file for somebody who helps, from which nobody learns whose it is.
 *
 * What goes in goes through support/hide.h or is made of numbers here. No secret is read for it, nobody is asked, and each
 * part is told whether or not the others can be: a broken configuration or a damaged store is why it is wanted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "assemble.h"
#include "base/file.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "console/health.h"
#include "outputs/output.h"
#include "status.h"
#include "support/archive.h"
#include "support/hide.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <librdkafka/rdkafka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <yaml.h>

#define PART_MAX (16u << 20)
#define ALERT_DAYS 30

struct bundle {
    struct archive *archive;
    struct hide *hide;
    const struct cli_args *args;
    struct services sv;
    struct store *store;             /* NULL: it cannot be opened; why stands in store.json */
    struct settings *settings;       /* NULL: the configuration has errors */
    struct json_object *status;      /* what the agent said of itself last; NULL */
    struct buf out;                  /* the part that is being written */
    int64_t now_ns, bytes, n;
};

/* ---- words -------------------------------------------------------------------------------------------------------- */

static int keep_modules(struct hide *h, const struct module_desc *modules, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (hide_keep(h, modules[i].name, err) < 0)
            return -1;
    return 0;
}

static int keep_words(struct hide *h, struct error *err)
{
    static const char *const states[] = { "starting", "reading", "up to date", "failing", "paused", "idle", "working",
                                          "waiting", "held", "not configured", COSMOWATCH_VERSION };
    const struct settings_registry *r = assemble_registry();

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (hide_keep(h, states[i], err) < 0)
            return -1;
    for (size_t i = 0; alert_type_at(i); i++)
        if (hide_keep(h, alert_type_at(i)->id, err) < 0)
            return -1;
    for (size_t i = 0; encoders_all[i]; i++)
        if (hide_keep(h, encoders_all[i]->name, err) < 0)
            return -1;
    if (keep_modules(h, r->sources, r->sources_len, err) < 0 || keep_modules(h, r->outputs, r->outputs_len, err) < 0 ||
        keep_modules(h, r->detectors, r->detectors_len, err) < 0)
        return -1;
    return keep_modules(h, r->feeds, r->feeds_len, err);
}

/* ---- parts -------------------------------------------------------------------------------------------------------- */

static void add_sentence(struct buf *out, const char *key, const char *text)
{
    json_add_key(out, key);
    hide_add_sentence(out, text);
}

static int end_part(struct bundle *b, const char *name, struct error *err)
{
    if (buf_check(&b->out, err) < 0 || archive_add(b->archive, name, buf_slice(&b->out), b->now_ns / NS_PER_S, err) < 0)
        return -1;
    b->bytes += (int64_t)b->out.len;
    b->n++;
    buf_clear(&b->out);
    return 0;
}

static int add_readme(struct bundle *b, struct error *err)
{
    buf_add_str(&b->out,
                "What a helper needs to know of a cosmowatch, and of nobody who uses it.\n\n"
                "host.json           versions, kernel, distribution, memory, room on the disk\n"
                "process.json        the running agent: memory, threads, descriptors, limits\n"
                "configuration.json  what is configured; or where its errors are\n"
                "status.json         sources, outputs, feeds, judgement, as the agent said them last\n"
                "health.json         what is wrong according to it\n"
                "store.json          tables with their rows, what is wrong with them\n"
                "coverage.ndjson     which intervals were read, and why the others were not\n"
                "outputs.ndjson      accepted, waiting, refused\n"
                "alerts.ndjson       alerts of each day, by type and severity: how many\n\n"
                "Left out: secrets (none was read), query texts, log rows, alerts, messages of the log. Names of whatever kind\n"
                "(sources, accounts, hosts, addresses, files) are name-1, name-2; the same name has the same number in all\n"
                "parts. In reasons, words that are not of a list of common ones stand as '...'.\n\n"
                "Look through it before you send it. What it cannot say may be needed as well: the lines of the log around the\n"
                "trouble (journalctl -u cosmowatch), after you took out what is nobody's business.\n");
    return end_part(b, "README.txt", err);
}

/* The value of KEY=value or KEY="value" of os-release(5): the distribution's words. */
static void add_release(struct buf *out, const char *text, const char *key)
{
    struct slice rest = slice_of(text), line = { 0 };

    while (slice_split(&rest, '\n', &line)) {
        struct slice name = { 0 };

        if (!slice_split(&line, '=', &name) || !slice_eq(name, slice_of(key)))
            continue;
        if (line.len > 1 && line.at[0] == '"')
            line = slice_make(line.at + 1, line.len - 2);
        json_add_member(out, key, line);
    }
}

static void add_room(struct buf *out, const char *dir)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0)
        return;
    json_add_member_i64(out, "diskBytes", (int64_t)fs.f_blocks * (int64_t)fs.f_frsize);
    json_add_member_i64(out, "diskBytesFree", (int64_t)fs.f_bavail * (int64_t)fs.f_frsize);
}

static int add_host(struct bundle *b, struct error *err)
{
    CLEANUP(buf_release) struct buf release = BUF_INIT(1u << 16);
    struct utsname kernel = { 0 };
    struct sysinfo memory = { 0 };
    struct error unread = { 0 };
    struct buf *out = &b->out;

    (void)uname(&kernel);
    (void)sysinfo(&memory);
    if (file_read(&release, "/etc/os-release", &unread) < 0)
        buf_clear(&release);
    buf_add_char(out, '{');
    json_add_member_time(out, "writtenAt", b->now_ns, 0);
    json_add_member(out, "cosmowatch", slice_of(COSMOWATCH_VERSION));
    json_add_member(out, "libcurl", slice_of(curl_version()));
    json_add_member(out, "librdkafka", slice_of(rd_kafka_version_str()));
    json_add_member(out, "json-c", slice_of(json_c_version()));
    json_add_member(out, "libyaml", slice_of(yaml_get_version_string()));
    json_add_member(out, "SQLite", slice_of(sqlite3_libversion()));
    json_add_member(out, "kernel", slice_of(kernel.release));
    json_add_member(out, "machine", slice_of(kernel.machine));
    add_release(out, buf_cstr(&release), "ID");
    add_release(out, buf_cstr(&release), "VERSION_ID");
    json_add_member_i64(out, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    json_add_member_i64(out, "memoryBytes", (int64_t)memory.totalram * memory.mem_unit);
    json_add_member_i64(out, "memoryBytesFree", (int64_t)memory.freeram * memory.mem_unit);
    json_add_member_i64(out, "uptimeSeconds", memory.uptime);
    if (b->settings)
        add_room(out, b->settings->store.path);
    buf_add_str(out, "}\n");
    return end_part(b, "host.json", err);
}

/* ---- the process -------------------------------------------------------------------------------------------------- */

/* Lines "Key:\tvalue" of /proc/PID/status whose values are numbers. */
static void add_process_status(struct buf *out, const char *text)
{
    static const char *const keys[] = { "VmPeak", "VmHWM", "VmRSS", "VmLck", "VmSwap", "Threads", "CapEff", "NoNewPrivs",
                                        "Seccomp" };
    struct slice rest = slice_of(text), line = { 0 };

    while (slice_split(&rest, '\n', &line)) {
        struct slice key = { 0 };

        if (!slice_split(&line, ':', &key))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            if (slice_eq(key, slice_of(keys[i])))
                json_add_member(out, keys[i], slice_trim(line));
    }
}

static bool read_of_process(struct buf *ret, int64_t pid, const char *name)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(64);
    struct error unread = { 0 };

    buf_clear(ret);
    buf_addf(&path, "/proc/%" PRId64 "/%s", pid, name);
    return file_read(ret, buf_cstr(&path), &unread) == 0;
}

static void add_process(struct buf *out, int64_t pid)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20), path = BUF_HERE(64);

    buf_add_char(out, '{');
    json_add_member_i64(out, "pid", pid);
    if (pid > 0 && read_of_process(&text, pid, "comm") && slice_starts(buf_slice(&text), slice_of("cosmo"))) {
        json_add_member_bool(out, "runs", true);
        if (read_of_process(&text, pid, "status"))
            add_process_status(out, buf_cstr(&text));
        buf_addf(&path, "/proc/%" PRId64 "/fd", pid);
        json_add_member_i64(out, "descriptors", file_count(buf_cstr(&path)));
        if (read_of_process(&text, pid, "limits"))
            json_add_member(out, "limits", buf_slice(&text));
    } else {
        json_add_member_bool(out, "runs", false);
    }
    buf_add_char(out, '}');
}

static int add_processes(struct bundle *b, struct error *err)
{
    static const char *const readers[] = { "reader", "statementReader" };
    struct json_object *reader = NULL;

    buf_add_char(&b->out, '{');
    json_add_key(&b->out, "agent");
    add_process(&b->out, json_number(b->status, "pid"));
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        if (json_object_object_get_ex(b->status, readers[i], &reader)) {
            json_add_key(&b->out, readers[i]);
            add_process(&b->out, json_number(reader, "pid"));
        }
    buf_add_str(&b->out, "}\n");
    return end_part(b, "process.json", err);
}

/* ---- configuration ------------------------------------------------------------------------------------------------- */

static void add_name(void *self, struct buf *out, const char *name)
{
    hide_add_text(self, out, name);
}

static void add_config_errors(struct buf *out, const struct settings_errors *errors)
{
    buf_addf(out, "{\"errors\":[");
    for (size_t i = 0; i < errors->len; i++) {
        json_add_comma(out);
        buf_add_char(out, '{');
        json_add_member_i64(out, "line", errors->at[i].line);
        json_add_member_i64(out, "column", errors->at[i].column);
        add_sentence(out, "sentence", errors->at[i].text);
        buf_add_char(out, '}');
    }
    buf_addf(out, "],\"more\":%zu}", errors->omitted);
}

static int add_configuration(struct bundle *b, struct error *err)
{
    struct settings_errors errors = { .ignore_secrets = true };
    const char *path = b->args->config ? b->args->config : CLI_DEFAULT_CONFIG;

    if (settings_load(path, assemble_registry(), SETTINGS_OWN_FILE, &b->settings, &errors) == 0)
        settings_print_outline(&b->out, b->settings, add_name, b->hide);
    else
        add_config_errors(&b->out, &errors);
    settings_errors_release(&errors);
    buf_add_char(&b->out, '\n');
    return end_part(b, "configuration.json", err);
}

/* ---- status, health ------------------------------------------------------------------------------------------------ */

static int add_status(struct bundle *b, struct error *err)
{
    static const char *const sentences[] = { "reason", "why", "lastEnd", "storeRecovery", NULL };

    if (b->status)
        hide_add_json(b->hide, &b->out, b->status, sentences);
    else
        buf_add_str(&b->out, "null");
    buf_add_char(&b->out, '\n');
    return end_part(b, "status.json", err);
}

static int add_health(struct bundle *b, struct error *err)
{
    static const char *const sentences[] = { "what", "kind", NULL };
    bool is_good = false;
    struct json_object *said = health_json(b->status, b->now_ns, &is_good);

    hide_add_json(b->hide, &b->out, said, sentences);
    json_object_put(said);
    buf_add_char(&b->out, '\n');
    return end_part(b, "health.json", err);
}

/* ---- the store ----------------------------------------------------------------------------------------------------- */

static int say_wrong(void *self, const char *what, const char *remedy, struct error *err UNUSED)
{
    struct bundle *b = self;

    json_add_comma(&b->out);
    buf_add_char(&b->out, '{');
    add_sentence(&b->out, "wrong", what);
    add_sentence(&b->out, "remedy", remedy);
    buf_add_char(&b->out, '}');
    return 0;
}

static int say_count(void *self, const char *table, int64_t rows, struct error *err UNUSED)
{
    struct bundle *b = self;

    json_add_comma(&b->out);
    buf_add_char(&b->out, '{');
    json_add_member(&b->out, "table", slice_of(table));
    json_add_member_i64(&b->out, "rows", rows);
    buf_add_char(&b->out, '}');
    return 0;
}

static void open_store(struct bundle *b, struct error *ret_why)
{
    const struct store_config cfg = { .dir = b->settings ? b->settings->store.path : NULL };

    if (!cfg.dir)
        (void)error_set(ret_why, ERR_CONFIG, "the configuration is wrong");
    else if (store_open(&cfg, STORE_READ, &b->store, ret_why) < 0)
        b->store = NULL;
}

static void read_status(struct bundle *b)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(STATUS_MAX_BYTES);
    struct error unread = { 0 };

    if (b->store && status_read(b->store, &text, &b->status, &unread) < 0)
        b->status = NULL;
}

static int add_store(struct bundle *b, const struct error *why, struct error *err)
{
    const struct store_examiner to = { .self = b, .found = say_wrong, .counted = say_count };
    struct error broken = *why;

    buf_add_char(&b->out, '{');
    if (b->store) {
        json_add_member_i64(&b->out, "bytes", store_size(b->store));
        json_add_key(&b->out, "found");
        buf_add_char(&b->out, '[');
        if (store_examine(b->store, &to, &broken) == 0)
            broken.msg[0] = '\0';
        buf_add_char(&b->out, ']');
    }
    add_sentence(&b->out, "unread", broken.msg);
    buf_add_str(&b->out, "}\n");
    return end_part(b, "store.json", err);
}

static int add_run(void *self, const struct window_run *r, struct error *err UNUSED)
{
    struct bundle *b = self;
    struct buf *out = &b->out;

    buf_add_char(out, '{');
    json_add_key(out, "source");
    hide_add_text(b->hide, out, r->w.source);
    json_add_member_time(out, "from", r->w.from_ns, 0);
    json_add_member_time(out, "to", r->w.to_ns, 0);
    json_add_member(out, "state", slice_of(window_state_name(r->w.state)));
    json_add_member_bool(out, "backfill", r->w.is_backfill);
    json_add_member_i64(out, "rows", r->w.records);
    json_add_member_i64(out, "windows", r->windows);
    json_add_member_i64(out, "attempts", r->w.attempts);
    add_sentence(out, "reason", r->w.reason);
    buf_add_str(out, "}\n");
    return 0;
}

static int add_output(void *self, const char *output, const struct output_counts *n, struct error *err UNUSED)
{
    struct bundle *b = self;
    struct buf *out = &b->out;

    buf_add_char(out, '{');
    json_add_key(out, "output");
    hide_add_text(b->hide, out, output);
    json_add_member_i64(out, "accepted", n->accepted);
    json_add_member_i64(out, "pending", n->pending);
    json_add_member_i64(out, "parked", n->parked);
    json_add_member_i64(out, "dropped", n->dropped);
    buf_add_str(out, "}\n");
    return 0;
}

static int add_parked(void *self, const struct delivery_row *r, struct error *err UNUSED)
{
    struct bundle *b = self;
    struct buf *out = &b->out;

    buf_add_char(out, '{');
    json_add_key(out, "refusedBy");
    hide_add_text(b->hide, out, r->output);
    json_add_member_i64(out, "attempts", r->attempts);
    json_add_member_i64(out, "bytes", (int64_t)r->refused.len);
    add_sentence(out, "reason", r->reason);
    buf_add_str(out, "}\n");
    return 0;
}

static int add_tally(void *self, const struct alert_tally *t, struct error *err UNUSED)
{
    struct bundle *b = self;
    struct buf *out = &b->out;

    buf_add_char(out, '{');
    json_add_member_time(out, "day", t->day_ns, 0);
    json_add_key(out, "alertType");
    hide_add_text(b->hide, out, t->type);
    json_add_member(out, "severity", slice_of(severity_name((enum severity)t->severity)));
    json_add_member_bool(out, "suppressed", t->is_suppressed);
    json_add_member_i64(out, "alerts", t->n);
    buf_add_str(out, "}\n");
    return 0;
}

/* What the store cannot tell any more is told as such, in its place. */
static int end_list(struct bundle *b, const char *name, const struct error *unread, struct error *err)
{
    if (unread->code != ERR_NONE) {
        buf_add_char(&b->out, '{');
        add_sentence(&b->out, "unread", unread->msg);
        buf_add_str(&b->out, "}\n");
    }
    return end_part(b, name, err);
}

static int add_lists(struct bundle *b, struct error *err)
{
    struct error unread = { 0 };

    if (store_each_run(b->store, NULL, INT64_MIN, window_says_the_same, add_run, b, &unread) == 0)
        unread = (struct error){ 0 };
    if (end_list(b, "coverage.ndjson", &unread, err) < 0)
        return -1;
    if (store_each_output(b->store, add_output, b, &unread) == 0 && store_each_parked(b->store, NULL, add_parked, b, &unread) == 0)
        unread = (struct error){ 0 };
    if (end_list(b, "outputs.ndjson", &unread, err) < 0)
        return -1;
    if (store_tally_alerts(b->store, b->now_ns - ALERT_DAYS * NS_PER_DAY, add_tally, b, &unread) == 0)
        unread = (struct error){ 0 };
    return end_list(b, "alerts.ndjson", &unread, err);
}

/* ---- the verb ------------------------------------------------------------------------------------------------------ */

static int add_parts(struct bundle *b, struct error *err)
{
    struct error why = { 0 };

    if (add_readme(b, err) < 0 || add_configuration(b, err) < 0)
        return -1;
    open_store(b, &why);
    read_status(b);
    if (add_host(b, err) < 0 || add_processes(b, err) < 0 || add_status(b, err) < 0 || add_health(b, err) < 0 ||
        add_store(b, &why, err) < 0)
        return -1;
    return b->store ? add_lists(b, err) : 0;
}

static int make(struct bundle *b, const char *path, struct error *err)
{
    int rc = -1;

    b->hide = hide_new();
    if (!b->hide)
        return error_set(err, ERR_NOMEM, "no memory");
    if (keep_words(b->hide, err) == 0 && archive_create(path, &b->archive, err) == 0 && add_parts(b, err) == 0)
        rc = archive_finish(b->archive, err);
    return rc;
}

static void release(struct bundle *b)
{
    archive_freep(&b->archive);
    store_closep(&b->store);
    settings_freep(&b->settings);
    json_object_put(b->status);
    hide_freep(&b->hide);
    buf_release(&b->out);
}

/* Without colons: to tar they end the name of a host. */
static void add_file_name(struct buf *out, int64_t now_ns)
{
    CLEANUP(buf_release) struct buf when = BUF_HERE(64);

    time_add_iso(&when, now_ns, 0);
    buf_add_str(out, "cosmowatch-support-");
    for (size_t i = 0; i < when.len; i++)
        if (when.at[i] != ':')
            buf_add_char(out, when.at[i]);
    buf_add_str(out, ".tar.gz");
}

static int run_support(int argc, char **argv)
{
    static const char *const values[] = { "--out", NULL };
    struct cli_args args = { .values = values };
    CLEANUP(release) struct bundle b = { .args = &args, .sv = { .clock = &clock_system }, .out = BUF_INIT(PART_MAX) };
    CLEANUP(buf_release) struct buf name = BUF_HERE(64), out = BUF_INIT(1u << 16);
    struct error err = { 0 };
    const char *path = NULL;
    int exit_code = 0, rc = cli_parse(&verb_support, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    b.now_ns = sv_wall_ns(&b.sv);
    add_file_name(&name, b.now_ns);
    path = args.value[0] ? args.value[0] : buf_cstr(&name);
    if (make(&b, path, &err) < 0)
        return cli_fail(&err);
    buf_addf(&out, "%s: %" PRId64 " parts, ", path, b.n);
    fmt_bytes(&out, b.bytes);
    buf_addf(&out, ", without secrets, names and rows.\nLook through it before you send it:  tar -xzOf '%s' | less\n", path);
    return cli_print(&out);
}

const struct verb verb_support = {
    .name = "support",
    .summary = "one file for somebody who helps: versions, configuration without its texts, status, store; no secret, no name",
    .usage = "[--out FILE]",
    .help = "      --out FILE          preset cosmowatch-support-TIME.tar.gz here; a file that is there is left alone\n"
            "\n"
            "It works beside a running agent, without one, and when configuration or store are damaged. Nobody is asked and\n"
            "no secret is read. README.txt in it says what the parts are.\n",
    .run = run_support,
};
