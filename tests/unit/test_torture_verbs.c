/* Memory refused to the command line: each verb is run in this process, over a configuration that uses every
 * list there is and a store that has something of everything, and prints what it always prints or says why
 * not. With them goes the whole way of a row: decoding, folding, every detector, alerts, formats. See
 * torture_kit.h. SPDX-License-Identifier: Apache-2.0 */
#include "torture_kit.h"

#include "apart/inside.h"
#include "baseline/baseline.h"
#include "cli/cli.h"
#include "encode_kit.h"
#include "fixed_clock.h"
#include "reader_main.h"
#include "tests/kit/mmdb.h"
#include "tests/kit/outsider.h"

#include <fcntl.h>

#define ARGS_MAX 20

/* {F} in words: the folder; {S}: the address of a server that answers as Azure does. */
struct verb_scene {
    const struct verb *verb;
    const char *words[ARGS_MAX];
    int code; /* it ends with */
    int dear;
    const char *also; /* a file it makes, compared as well */
    const char *old;  /* a file it replaces: that one or the new one is there, whole, and no other beside it */
};

static struct folder folder;
static char alert_id[64];
static char outside[OUTSIDER_WORD_MAX]; /* the server's address */
static pid_t server;
static int out_fd, err_fd, real_out, real_err;
static char words[ARGS_MAX][200], *argv_now[ARGS_MAX + 1];
static int argc_now;

static const char config[] =
    "store: { path: {F}/state }\n"
    "sources:\n"
    "  - { name: prod, type: log_analytics, workspace: 00000000-0000-0000-0000-000000000000, mode: rows, "
    "accounts: [contoso-orders, shop-prod],\n"
    "      auth: { type: client_secret, tenant: 11111111-1111-1111-1111-111111111111,\n"
    "              client_id: 22222222-2222-2222-2222-222222222222, client_secret: '${env:TEST_SECRET}' } }\n"
    "feeds:\n"
    "  - { name: tor, type: tor_exits, path: {F}/tor.txt }\n"
    "  - { name: bad, type: addresses, path: {F}/bad.csv, format: csv }\n"
    "networks:\n"
    "  - { file: {F}/networks.csv }\n"
    "  - { cidr: 203.0.113.0/28, name: head office, country: DE, trusted: true }\n"
    "places: { databases: [{F}/places.mmdb] }\n"
    "accounts:\n  - { name: contoso-orders, tags: [pci], owner: shop team }\n"
    "trusted:\n  - { address: 192.0.2.0/24, note: ours, until: 2030-01-01 }\n"
    "suppressions:\n  - { name: drill, types: [CosmosDB_SuspiciousIp], addresses: [192.0.2.9], reason: "
    "planned }\n"
    "outputs:\n"
    "  - { name: soc, type: syslog, address: 'siem.example.net:6514', format: cef, route: { min_severity: "
    "medium } }\n"
    "  - { name: hook, type: webhook, url: 'https://soc.example.net/in', token: '${env:TEST_SECRET}',\n"
    "      route: { any_of: [{ min_severity: high }, { addresses: [198.51.100.0/24] }], not: { accounts: "
    "[test-*] } } }\n"
    "  - { name: hook2, type: webhook, url: 'https://soc.example.net/in', token: '${file:{F}/secret}' }\n"
    "  - { name: hook3, type: webhook, url: 'https://soc.example.net/in', token: '${credential:hook}' }\n"
    "  - { name: file, type: file, path: {F}/alerts.json }\n";

static const char online[] =
    "store: { path: {F}/state }\n"
    "sources:\n"
    "  - { name: prod, type: log_analytics, workspace: 00000000-0000-0000-0000-000000000000, mode: rows, endpoint: "
    "'{S}',\n"
    "      auth: { type: client_secret, tenant: 11111111-1111-1111-1111-111111111111, authority: '{S}',\n"
    "              client_id: 22222222-2222-2222-2222-222222222222, client_secret: '${file:{F}/secret}' } }\n"
    "feeds:\n"
    "  - { name: tor, type: tor_exits, url: '{S}/tor' }\n"
    "  - { name: bad, type: addresses, path: {F}/bad.csv, format: csv }\n"
    "  - { name: azure, type: azure_service_tags, path: {F}/tags.json }\n"
    "outputs:\n"
    "  - { name: hook, type: webhook, url: '{S}/in', token: '${credential:hook}' }\n"
    "  - { name: file, type: file, path: {F}/alerts.json }\n";

#define WORDS(...) __VA_ARGS__
#define RUN(name, args, ...)                                                                                 \
    {                                                                                                        \
        .verb = &verb_##name, .words = { #name, WORDS args }, ##__VA_ARGS__                                  \
    }

static const struct verb_scene verbs[] = {
    RUN(config, ("sample")),
    RUN(config, ("schema")),
    RUN(config, ("man")),
    RUN(config, ("alerts")),
    RUN(check, ("{F}/cosmowatch.yaml")),
    RUN(check, ("--json", "{F}/wrong.yaml"), .code = CLI_USAGE),
    RUN(check, ("--online", "{F}/online.yaml")),
    RUN(check, ("--online", "--json", "{F}/online.yaml")),
    RUN(setup,
        ("--workspace", "00000000-0000-0000-0000-000000000000", "--identity", "client_secret", "--tenant",
         "contoso.example", "--client-id", "22222222-2222-2222-2222-222222222222", "--secret", "${file:{F}/secret}",
         "--offline", "--replace", "-c", "{F}/made.yaml", "file,path={F}/alerts.json",
         "webhook,url=https://soc.example.net/in,token=${env:TEST_SECRET}"),
        .also = "made.yaml", .old = "made.yaml"),
    RUN(setup,
        ("--workspace", "00000000-0000-0000-0000-000000000000", "--identity", "environment", "--endpoint", "{S}",
         "--no-feeds", "--console", "127.0.0.1:9797", "--replace", "-c", "{F}/made.yaml", "webhook,url={S}/in"),
        .also = "made.yaml", .old = "made.yaml"),
    RUN(queries, ("-c", "{F}/cosmowatch.yaml")),
    RUN(queries, ("--alerts")),
    RUN(sample, ("--json")),
    RUN(sample, ("--list")),
    RUN(sample, ("--format", "defender")),
    RUN(sample, ("--format", "cef")),
    RUN(sample, ("--format", "leef")),
    RUN(sample, ("--format", "ocsf")),
    RUN(sample, ("--format", "ecs")),
    RUN(sample, ("--format", "asim")),
    RUN(sample, ("--format", "sentinel")),
    RUN(sample, ("--format", "cloudevents")),
    RUN(azure,
        ("template", "all", "--workspace", "w", "--principal", "33333333-3333-3333-3333-333333333333")),
    RUN(rules, ("types", "--json")),
    RUN(alerts, ("list", "-c", "{F}/cosmowatch.yaml")),
    RUN(alerts, ("list", "--cards", "--reverse", "-c", "{F}/cosmowatch.yaml")),
    RUN(alerts, ("export", "-c", "{F}/cosmowatch.yaml")),
    RUN(alerts, ("explain", "{A}", "-c", "{F}/cosmowatch.yaml")),
    RUN(coverage, ("-c", "{F}/cosmowatch.yaml")),
    RUN(coverage, ("--unreadable", "--json", "-c", "{F}/cosmowatch.yaml")),
    RUN(status, ("-c", "{F}/cosmowatch.yaml")),
    RUN(status, ("--json", "-c", "{F}/cosmowatch.yaml")),
    RUN(baseline, ("show", "-c", "{F}/cosmowatch.yaml")),
    RUN(baseline, ("forget", "contoso-orders", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("status", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("parked", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("route", "CosmosDB_TorAnomaly", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("retry", "soc", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("drop", "soc", "--yes", "-c", "{F}/cosmowatch.yaml")),
    RUN(outputs, ("backfill", "soc", "--since", "2026-01-01T00:00:00Z", "-c", "{F}/cosmowatch.yaml")),
    RUN(report,
        ("--from", "2026-01-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z", "-c", "{F}/cosmowatch.yaml")),
    RUN(report, ("--json", "--from", "2026-01-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z", "-c",
                 "{F}/cosmowatch.yaml")),
    RUN(store, ("check", "-c", "{F}/cosmowatch.yaml")),
    RUN(store, ("export", "--out", "{F}/out", "-c", "{F}/cosmowatch.yaml"), .also = "out"),
    RUN(store, ("import", "{F}/export", "--replace", "-c", "{F}/cosmowatch.yaml")),
    RUN(store, ("compact", "-c", "{F}/cosmowatch.yaml")),
};

static const struct verb_scene first_export =
    RUN(store, ("export", "--out", "{F}/export", "-c", "{F}/cosmowatch.yaml"));

/* ---- what they find
 * ------------------------------------------------------------------------------------------------------ */

/* {F}: the folder; {A}: an alert; {S}: the server. */
static void fill_in(const char *text, char *ret, size_t size)
{
    size_t n = 0;

    for (; *text && n + 1 < size; text++) {
        if (strncmp(text, "{F}", 3) == 0 || strncmp(text, "{A}", 3) == 0 || strncmp(text, "{S}", 3) == 0) {
            n += (size_t)snprintf(ret + n, size - n, "%s",
                                  text[1] == 'F' ? folder.path : text[1] == 'S' ? outside : alert_id);
            text += 2;
        } else {
            ret[n++] = *text;
        }
    }
    ret[n] = '\0';
}

static const char *path_of(const char *name)
{
    return folder_file(&folder, name);
}

static void write_file(const char *name, const char *text)
{
    static char whole[8000];

    fill_in(text, whole, sizeof whole);
    folder_write(&folder, name, whole);
}

static void fill_store(void)
{
    struct store *s = store_at(path_of("state"), STORE_RUN);
    struct baseline_row row = { .memory = "volume.actor",
                                .version = 1,
                                .account = SL("contoso-orders"),
                                .key = SL("k"),
                                .label = SL("an actor"),
                                .value = SL("value"),
                                .seen_ns = NS_PER_DAY,
                                .id = { 1, 2, 3 } };
    struct alert *tor = kit_tor_alert();

    (void)snprintf(alert_id, sizeof alert_id, "%s", tor->id);
    OK(store_begin(s, err));
    OK(store_put_alert(s, tor, err));
    for (int i = 0; i < 8; i++) {
        struct window w = window_nth("prod", i,
                                     i < 4    ? WINDOW_RECHECKED
                                     : i == 7 ? WINDOW_GAP
                                              : WINDOW_CLOSED);

        OK(store_put_window(s, &w, err));
        OK(store_put_seen(s, &w, SL("seen"), err));
        put_nth(s, "soc", i);
    }
    OK(store_put_baseline(s, &row, err));
    OK(store_put_blob(s, "feed/tor", SL("198.51.100.1"), err));
    OK(store_put_blob(s, STORE_BLOB_STATUS,
                      SL("{\"version\":\"1\",\"sources\":[{\"name\":\"prod\",\"type\":\"log_analytics\","
                         "\"state\":\"failing\","
                         "\"reason\":\"no\"}],\"outputs\":[],\"detectors\":[],\"feeds\":[]}"),
                      err));
    OK(store_park_row(s, "prod", SL("{"), "not JSON", 1, err));
    OK(store_commit(s, err));
    park_first(s, "{}");
    alert_free(tor);
    store_close(s);
}

static void copy_file(const char *from, const char *to)
{
    static char part[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;

    SCENE_NEEDS(in >= 0 && out >= 0);
    while ((n = read(in, part, sizeof part)) > 0)
        SCENE_NEEDS(write(out, part, (size_t)n) == n);
    (void)close(in);
    (void)close(out);
}

static const char *in_state(const char *name)
{
    static char paths[2][220];
    static int at;

    at = !at;
    (void)snprintf(paths[at], sizeof paths[at], "%s/state/%s", folder.path, name);
    return paths[at];
}

static void say_words(const struct verb_scene *v)
{
    for (argc_now = 0; argc_now < ARGS_MAX && v->words[argc_now]; argc_now++) {
        fill_in(v->words[argc_now], words[argc_now], sizeof words[0]);
        argv_now[argc_now] = words[argc_now];
    }
    argv_now[argc_now] = NULL;
}

/* ---- detectors: a hit of each, with weeks of ordinary life before it
 * ------------------------------------------------- */

#define DETECTORS "tests/detectors"
#define DETECTORS_MAX 60

static struct verb_scene detectors[DETECTORS_MAX];
static char detector_folders[DETECTORS_MAX][100];
static int detectors_len;

static int is_wanted(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void link_into(const char *from_folder, const char *to_folder, const char *name)
{
    char from[400], to[400], here[200];

    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    (void)snprintf(from, sizeof from, "%s/%s/%s", here, from_folder, name);
    (void)snprintf(to, sizeof to, "%s/%s", to_folder, name);
    ck_assert_int_eq(symlink(from, to), 0);
}

static bool is_of_case(const char *name)
{
    return strncmp(name, "hit", 3) == 0 || strncmp(name, "near_miss", 9) == 0 ||
           strncmp(name, "noise", 5) == 0;
}

/* The folder's first hit, and what is no case: configuration, lists. */
static void take_hit(const char *detector)
{
    char from[200], to[200];
    struct dirent **each = NULL;
    size_t hit = 0;
    const char *name = NULL;
    int n;

    (void)snprintf(from, sizeof from, DETECTORS "/%s", detector);
    (void)snprintf(to, sizeof to, "%s/%s", folder.path, detector);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    n = scandir(from, &each, is_wanted, alphasort);
    for (int i = 0; i < n; i++) {
        if (!name && strncmp(each[i]->d_name, "hit", 3) == 0) {
            name = each[i]->d_name;
            hit = strcspn(name, ".") + 1;
        }
        if (!is_of_case(each[i]->d_name) || (name && strncmp(each[i]->d_name, name, hit) == 0))
            link_into(from, to, each[i]->d_name);
    }
    for (int i = 0; i < n; i++)
        free(each[i]);
    free(each);
}

/* Before main() counts the tests. */
static void find_detectors(void)
{
    struct dirent **each = NULL;
    int n = scandir(DETECTORS, &each, is_wanted, alphasort);

    for (int i = 0; i < n; i++) {
        if (each[i]->d_type == DT_DIR && each[i]->d_name[0] != '_' && detectors_len < DETECTORS_MAX) {
            (void)snprintf(detector_folders[detectors_len], sizeof detector_folders[0], "{F}/%s",
                           each[i]->d_name);
            detectors[detectors_len] =
                (struct verb_scene)RUN(rules, ("test", detector_folders[detectors_len]), .dear = 6);
            detectors_len++;
        }
        free(each[i]);
    }
    free(each);
}

/* ---- a server that answers as Azure does ------------------------------------------------------------------- */

#define TABLE(columns, rows) "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[" columns "],\"rows\":[" rows "]}]}"
#define COLUMN(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"

/* By a word of the query; the last one by any. */
static const struct {
    const char *asks, *answer;
} answers[] = {
    { "DelayMs", TABLE(COLUMN("Account", "string") "," COLUMN("Type", "string") "," COLUMN("Rows", "long") ","
                       COLUMN("DelayMs", "long") "," COLUMN("Texts", "long") "," COLUMN("Masked", "long"),
                       "[\"contoso-orders\",\"CDBDataPlaneRequests\",5,180000,0,0],"
                       "[\"contoso-orders\",\"CDBQueryRuntimeStatistics\",5,180000,5,5]") },
    { "Megabytes", TABLE(COLUMN("Type", "string") "," COLUMN("Megabytes", "long") "," COLUMN("Hours", "long"),
                         "[\"CDBDataPlaneRequests\",4800,48]") },
    { "Placed", TABLE(COLUMN("Account", "string") "," COLUMN("Addresses", "long") "," COLUMN("Placed", "long"),
                      "[\"contoso-orders\",3,2]") },
    { "Groups", TABLE(COLUMN("Rows", "long") "," COLUMN("Groups", "long"), "[100,20]") },
    { "", TABLE(COLUMN("print_0", "long"), "[1]") },
};

static void answer(void *unused UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    size_t i = 0;

    if (strstr(rq->target, "/oauth2/")) {
        httpd_say(say, 200, "Content-Type: application/json\r\n",
                  "{\"access_token\":\"tok\",\"token_type\":\"Bearer\",\"expires_in\":3599}");
        return;
    }
    if (strcmp(rq->target, "/tor") == 0) {
        httpd_say(say, 200, "Content-Type: text/plain\r\n", "198.51.100.23\n");
        return;
    }
    while (slice_find(rq->body, slice_of(answers[i].asks)) == SIZE_MAX)
        i++;
    httpd_say(say, 200, "Content-Type: application/json\r\n", answers[i].answer);
}

static const char *const store_files[] = { "store.db", "store.db-wal", "store.db-shm" };

static void start(void)
{
    static const struct mmdb_entry places[] = {
        { .cidr = "203.0.113.0/24", .country = "DE", .city = "Berlin", .lat = 52.5, .lon = 13.4 },
        { .cidr = "198.51.100.0/24", .country = "US", .asn = 64500, .org = "Example" }
    };

    folder = folder_in_memory();
    (void)setenv("TEST_SECRET", "s3cret-value", 1);
    (void)setenv("NO_COLOR", "1", 1);
    log_set_fd(-1);
    server = outsider_http(answer, NULL, outside);
    (void)setenv("CREDENTIALS_DIRECTORY", folder.path, 1);
    (void)setenv("AZURE_TENANT_ID", "contoso.example", 1);
    (void)setenv("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222", 1);
    (void)setenv("AZURE_CLIENT_SECRET", "s3cret-value", 1);
    (void)setenv("AZURE_AUTHORITY_HOST", outside, 1);
    ck_assert_ptr_nonnull(freopen("/dev/null", "r", stdin)); /* nobody is asked anything */
    write_file("secret", "s3cret-value\n");
    write_file("hook", "s3cret-value\n");
    write_file("online.yaml", online);
    write_file("tor.txt", "# exits\n198.51.100.23\n198.51.100.99\n");
    write_file("bad.csv", "address,category,confidence\n203.0.113.66,botnet,90\n");
    write_file("tags.json", "{\"values\":[{\"name\":\"AzureCosmosDB\",\"properties\":{\"systemService\":\"AzureCosmosDB\","
                            "\"addressPrefixes\":[\"20.50.1.0/25\"]}}]}");
    write_file("networks.csv", "cidr,name,country,city,lat,lon,asn,org,trusted\n192.0.2.0/"
                               "24,office,DE,Bonn,50.7,7.1,64501,Contoso,true\n");
    mmdb_write(path_of("places.mmdb"), "GeoLite2-City", FIXED_CLOCK_S, places, ARRAY_LEN(places));
    write_file("cosmowatch.yaml", config);
    write_file("wrong.yaml",
               "detectors:\n  volum: { floor: x }\nnetworks: { a: 1 }\noutputs:\n  - { type: sylog }\n");
    for (int i = 0; i < detectors_len; i++)
        take_hit(detector_folders[i] + 4);
    link_into(DETECTORS, folder.path, "defaults.ndjson");
    fill_store();
    copy_file(in_state("store.db"), path_of("master.db"));
    say_words(&first_export);
    ck_assert_int_eq(first_export.verb->run(argc_now, argv_now), 0);
}

static void stop(void)
{
    outsider_end(server);
    for (int i = 0; i <= detectors_len; i++) {
        const char *path = path_of(i < detectors_len ? detector_folders[i] + 4 : "state");

        folder_empty(path);
        (void)rmdir(path);
    }
    folder_remove(&folder);
}

/* ---- running one
 * ---------------------------------------------------------------------------------------------------------
 */

static void before(void)
{
    const struct verb_scene *v = scene_now->with;

    say_words(v);
    if (v->old)
        write_file(v->old, "# the old one\n");
    for (size_t i = 0; i < ARRAY_LEN(store_files); i++)
        (void)unlink(in_state(store_files[i]));
    copy_file(path_of("master.db"), in_state(store_files[0]));
    if (out_fd == 0) {
        out_fd = memfd_create("out", MFD_CLOEXEC);
        err_fd = memfd_create("err", MFD_CLOEXEC);
        real_out = dup(STDOUT_FILENO);
        memory.trace_fd = real_err = dup(STDERR_FILENO);
    }
    SCENE_NEEDS(ftruncate(out_fd, 0) == 0 && ftruncate(err_fd, 0) == 0 && lseek(out_fd, 0, SEEK_SET) == 0 &&
                lseek(err_fd, 0, SEEK_SET) == 0);
}

static void read_all(int fd, struct buf *out)
{
    static char part[65536];
    ssize_t n;

    SCENE_NEEDS(lseek(fd, 0, SEEK_SET) == 0);
    while ((n = read(fd, part, sizeof part)) > 0)
        buf_add(out, part, (size_t)n);
}

/* Numbers that a refusal or the hour changes: how far a store's journal has grown, how long an answer took. */
static void forget_numbers(struct buf *said, struct slice unit)
{
    for (size_t i = 1; i + unit.len <= said->len; i++)
        if (memcmp(said->at + i, unit.at, unit.len) == 0)
            for (size_t k = i; k-- > 0 && said->at[k] >= '0' && said->at[k] <= '9';)
                said->at[k] = '#';
}

/* Whatever happened: the old one or the new one, and nothing half-made beside it. */
static void look_at_old(const struct verb_scene *v)
{
    static struct buf whole = BUF_INIT(100000), name = BUF_INIT(200);
    int fd = open(path_of(v->old), O_RDONLY | O_CLOEXEC);

    SCENE_NEEDS(fd >= 0);
    read_all(fd, &whole);
    (void)close(fd);
    if (!slice_eq(buf_slice(&whole), SL("# the old one\n")) &&
        !(slice_starts(buf_slice(&whole), SL("# Written by")) && slice_ends_nocase(buf_slice(&whole), SL("\n"))))
        scene_fail("left of %s: %.100s", v->old, buf_cstr(&whole));
    buf_addf(&name, "%s.new", v->old);
    if (access(path_of(buf_cstr(&name)), F_OK) == 0)
        scene_fail("%s is left behind", buf_cstr(&name));
    buf_release(&name);
    buf_release(&whole);
}

/* `check` says on its standard output what does not answer; what could not be asked beside it is a note, and no
 * fault, which ret_is_noted tells. */
static void find_failure(const struct buf *said, char *ret, size_t size, bool *ret_is_noted)
{
    struct slice rest = buf_slice(said), line = { 0 };

    while (slice_split(&rest, '\n', &line)) {
        bool is_note = slice_find(line, SL("note: ")) != SIZE_MAX && slice_find(line, SL(": query: ")) != SIZE_MAX;

        *ret_is_noted |= is_note;
        if (is_note || slice_starts(line, SL("FAIL ")) || slice_find(line, SL("\"ok\":false")) != SIZE_MAX)
            (void)snprintf(ret, size, "%.*s", SLF(line));
    }
}

/* What it printed, and the file it made. */
static int play(struct buf *said, struct error *err)
{
    const struct verb_scene *v = scene_now->with;
    static char words_of_error[2000];
    bool is_noted = false;
    ssize_t n;
    int code, fd;

    (void)dup2(out_fd, STDOUT_FILENO);
    (void)dup2(err_fd, STDERR_FILENO);
    code = v->verb->run(argc_now, argv_now);
    (void)fflush(stdout);
    (void)scene_pause();
    (void)dup2(real_out, STDOUT_FILENO);
    (void)dup2(real_err, STDERR_FILENO);
    read_all(out_fd, said);
    if (argc_now > 1 && strcmp(argv_now[1], "compact") == 0)
        forget_numbers(said, SL(" kB"));
    forget_numbers(said, SL("ms\n"));
    buf_addf(said, "exit code %d\n", code);
    if (v->old)
        look_at_old(v);
    if (v->also) {
        fd = open(path_of(v->also), O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            read_all(fd, said);
        (void)close(fd);
        (void)unlink(path_of(v->also));
    }
    SCENE_NEEDS(lseek(err_fd, 0, SEEK_SET) == 0);
    n = read(err_fd, words_of_error, sizeof words_of_error - 1);
    words_of_error[n > 0 ? n : 0] = '\0';
    if (memory.is_tracing)
        (void)fputs(words_of_error, stderr);
    if (!words_of_error[0] || v->old)
        find_failure(said, words_of_error, sizeof words_of_error, &is_noted);
    if ((code == v->code && !is_noted) || !words_of_error[0])
        return 0; /* what it printed is compared: without a word it must be right */
    return error_set(err, ERR_NOMEM, "%.200s", words_of_error);
}

static const char *name_of(const struct verb_scene *v)
{
    static char name[60];
    size_t n = 0;

    for (int i = 0; i < ARGS_MAX && v->words[i] && n < sizeof name; i++)
        if ((v->words[i][0] != '{' && v->words[i][0] != '-') || v->words[i][1] == '-')
            n += (size_t)snprintf(name + n, sizeof name - n, "%s%s", i ? " " : "", v->words[i]);
        else if (strcmp(v->words[0], "rules") == 0)
            n += (size_t)snprintf(name + n, sizeof name - n, " %s", v->words[i] + 4);
    return name;
}

START_TEST(a_verb_without_memory_says_so_or_does_its_work)
{
    const struct verb_scene *v =
        _i < (int)ARRAY_LEN(verbs) ? &verbs[_i] : &detectors[_i - (int)ARRAY_LEN(verbs)];
    const struct scene s = { .name = name_of(v), .before = before, .play = play, .with = v, .dear = v->dear };

    ck_assert_int_eq(scene_torture(&s), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (apart_is_asked(argc, argv))
        return reader_main();
    find_detectors();
    return torture_main("torture: verbs", a_verb_without_memory_says_so_or_does_its_work,
                        (int)ARRAY_LEN(verbs) + detectors_len, start, stop);
}
