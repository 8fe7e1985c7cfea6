/* Memory refused to the console: its start and every page, with ordinary questions and hostile ones, over the
 * Unix socket that it listens on. A page is whole and right, or it is none: an answer of 500 with a sentence, or
 * a connection that ends. Asked again with memory there, the same console shows it. See torture_kit.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "torture_kit.h"

#include "assemble.h"
#include "base/num.h"
#include "console/console.h"
#include "encode_kit.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "fixed_clock.h"
#include "tests/kit/certs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MAX (4 << 20)

struct visit {
    const char *name;
    const char *request; /* {A} in it: an alert's id; NULL: only its start */
    bool has_token, has_tls;
};

#define GET(what) "GET " what " HTTP/1.1\r\n"

static const struct visit visits[] = {
    { "start", NULL, true, false },
    { "start: TLS", NULL, true, true },
    { "overview", GET("/"), false, false },
    { "alerts", GET("/alerts"), false, false },
    { "alerts: filtered",
      GET("/alerts?severity=high&since=3650d&type=CosmosDB_TorAnomaly&told=waiting&account=shop-prod&q=203.0"), false,
      false },
    { "alerts: a second page", GET("/alerts?page=1787220000000000000_00000000-0000-0000-0000-000000000000"), false,
      false },
    { "alerts: hostile", GET("/alerts?q=%3Cscript%3E%00%ff&account=%22%27%3E&type=../..&tactic=%0a&page=_&to=x"), false,
      false },
    { "alert", GET("/alerts/{A}"), false, false },
    { "alert: hostile", GET("/alerts/%3Cscript%3E%00..%2f..%2fetc"), false, false },
    { "accounts", GET("/accounts"), false, false },
    { "account", GET("/accounts/contoso-orders"), false, false },
    { "account: hostile", GET("/accounts/%3Cimg%20src=x%3E%ff"), false, false },
    { "rules", GET("/rules"), false, false },
    { "metrics", GET("/metrics"), false, false },
    { "metrics: OpenMetrics", GET("/metrics") "Accept: application/openmetrics-text\r\n", false, false },
    { "healthz", GET("/healthz"), false, false },
    { "readyz", GET("/readyz"), false, false },
    { "style", GET("/style.css"), false, false },
    { "no such page", GET("/%2e%2e/%2e%2e/etc/passwd"), false, false },
    { "a body", "POST /alerts HTTP/1.1\r\nContent-Length: 3\r\n", false, false },
    { "without a token", GET("/"), true, false },
    { "token", GET("/rules") "Authorization: Bearer s3cret\r\n", true, false },
    { "password", GET("/rules") "Authorization: Basic YW55Ym9keTpzM2NyZXQ=\r\n", true, false },
    { "wrong password", GET("/rules") "Authorization: Basic YW55Ym9keTp3cm9uZw==\r\n", true, false },
};

static struct folder folder;
static char socket_path[100], listen_on[110], pem[110], config_path[110], alert_id[40];
static struct assembly agent;
static struct console *console;

static const char config[] =
    "store: { path: '%s' }\n"
    "networks:\n  - { cidr: 203.0.113.0/28, name: <office>, country: DE, trusted: true }\n"
    "trusted:\n  - { address: 192.0.2.0/24, note: <ours>, until: 2030-01-01 }\n"
    "suppressions:\n  - { name: drill, types: [CosmosDB_SuspiciousIp], addresses: [192.0.2.9], reason: '<b>' }\n";

static const char status[] =
    "{\"version\":\"1\",\"writtenAt\":\"2026-08-20T09:59:58Z\",\"startedAt\":\"2026-08-20T08:00:00Z\","
    "\"sources\":[{\"name\":\"<q>\",\"type\":\"log_analytics\",\"state\":\"failing\",\"reason\":\"<no>\"}],"
    "\"outputs\":[{\"name\":\"soc\",\"type\":\"syslog\",\"state\":\"held\",\"reason\":\"HTTP 401\"}],"
    "\"detectors\":[{\"name\":\"bad_address\",\"alerts\":3}],"
    "\"feeds\":[{\"name\":\"tor\",\"type\":\"tor_exits\",\"entries\":2,\"refreshedAt\":\"2026-08-20T09:00:00Z\"}]}";

/* ---- what it shows ----------------------------------------------------------------------------------------- */

static void fill_store(void)
{
    struct store *s = store_at(folder.path, STORE_RUN);
    struct alert *tor = kit_tor_alert();

    (void)snprintf(alert_id, sizeof alert_id, "%s", tor->id);
    OK(store_begin(s, err));
    OK(store_put_alert(s, tor, err));
    OK(store_add_delivery(s, "soc", tor, err));
    for (int i = 0; i < 8; i++) {
        struct window w = window_nth("prod", i, i == 7 ? WINDOW_GAP : WINDOW_CLOSED);

        (void)snprintf(w.reason, sizeof w.reason, "%s", i == 7 ? "<gap>" : "");
        OK(store_put_window(s, &w, err));
        put_nth(s, "soc", i);
    }
    OK(store_put_baseline(s,
                          &(struct baseline_row) { .memory = "usual",
                                                   .version = 1,
                                                   .account = SL("contoso-orders"),
                                                   .key = SL("k"),
                                                   .label = SL("<an actor>"),
                                                   .value = SL("value"),
                                                   .seen_ns = NS_PER_DAY,
                                                   .id = { 1, 2, 3 } },
                          err));
    OK(store_put_blob(s, STORE_BLOB_STATUS, slice_of(status), err));
    OK(store_park_row(s, "prod", SL("{<"), "not JSON", 1, err));
    OK(store_commit(s, err));
    store_close(s);
    alert_free(tor);
}

static void start(void)
{
    FILE *f;

    log_set_fd(-1);
    folder = folder_in_memory();
    (void)snprintf(socket_path, sizeof socket_path, "%s.socket", folder.path);
    (void)snprintf(listen_on, sizeof listen_on, "unix:%s", socket_path);
    (void)snprintf(pem, sizeof pem, "%s.pem", folder.path);
    (void)snprintf(config_path, sizeof config_path, "%s.yaml", folder.path);
    cert_make(pem, &(struct cert_wish) { .cn = "127.0.0.1" });
    fill_store();
    f = fopen(config_path, "w");
    ck_assert(f && fprintf(f, config, folder.path) > 0 && fchmod(fileno(f), 0600) == 0 && fclose(f) == 0);
    OK(assemble(&agent, config_path, ASSEMBLE_ENGINE, err));
}

static void stop(void)
{
    assembly_release(&agent);
    folder_remove(&folder);
    (void)unlink(socket_path);
    (void)unlink(pem);
    (void)unlink(config_path);
}

/* ---- one visit --------------------------------------------------------------------------------------------- */

static struct console_settings settings;

static int start_console(const struct visit *v, struct error *err)
{
    const struct store_config store = { .dir = folder.path };

    return console_start(&(struct console_config) { .sv = &agent.sv,
                                                    .settings = &settings,
                                                    .store = &store,
                                                    .baseline = engine_baseline(agent.engine),
                                                    .suppress = agent.suppress,
                                                    .trusted = enrich_trusted(agent.enrich),
                                                    .detectors = agent.detectors,
                                                    .detectors_len = agent.detectors_len },
                         &console, err) < 0 ||
                   (!console && error_set(err, ERR_BUG, "no console for %s", v->name) < 0)
               ? -1
               : 0;
}

static void before(void)
{
    const struct visit *v = scene_now->with;

    settings = (struct console_settings) { .listen = listen_on };
    if (v->has_token)
        SCENE_NEEDS(secret_set(&settings.token, SL("s3cret")));
    if (v->has_tls)
        settings.cert = settings.key = pem;
}

static void after(const struct buf *said UNUSED)
{
    secret_release(&settings.token);
}

/* A console that no descriptor is left for lets a client wait; this one gives up when something was refused. */
static bool is_answering(int fd)
{
    for (int waited = 0; poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 50) == 0;)
        if (memory.refused > 0 && ++waited == 2)
            return false;
    return true;
}

/* With nothing but the stack: refused is only what the console asks for. */
static size_t ask(const struct visit *v, char *ret, size_t size)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char request[600];
    const char *id = strstr(v->request, "{A}");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), len;
    ssize_t n;
    size_t got = 0;

    len = snprintf(request, sizeof request, "%.*s%s%sHost: localhost\r\nConnection: close\r\n\r\n%s",
                   id ? (int)(id - v->request) : (int)strlen(v->request), v->request, id ? alert_id : "",
                   id ? id + 3 : "", strncmp(v->request, "POST", 4) == 0 ? "abc" : "");
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", socket_path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) < 0)
        scene_fail("nobody listens");
    (void)!send(fd, request, (size_t)len, MSG_NOSIGNAL);
    while (got + 1 < size && is_answering(fd) && (n = recv(fd, ret + got, size - got - 1, 0)) > 0)
        got += (size_t)n;
    ret[got] = '\0';
    (void)close(fd);
    return got;
}

/* What came is all that was promised to come. */
static bool is_whole(const char *answer, size_t len)
{
    const char *head = strstr(answer, "Content-Length: "), *body = strstr(answer, "\r\n\r\n");
    int64_t promised = 0;

    return head && body &&
           parse_i64(slice_make(head + 16, strcspn(head + 16, "\r")), 0, ANSWER_MAX, &promised) &&
           (size_t)(body + 4 - answer) + (size_t)promised == len;
}

/* Without when it was written, how long it is, which would hide where two of them part, and what the process has
 * used so far. */
static void keep_answer(const char *answer, size_t len, struct buf *said)
{
    struct slice rest = slice_make(answer, len), line = { 0 };

    while (slice_split(&rest, '\n', &line))
        if (!slice_starts(line, SL("Date: ")) && !slice_starts(line, SL("Content-Length: ")) &&
            !slice_starts(line, SL("process_"))) {
            buf_add_slice(said, line);
            buf_add_char(said, '\n');
        }
}

/* 500: with the sentence; a connection that ends: with nothing of a page. */
static int visit(const struct visit *v, struct buf *said, struct error *err)
{
    static char answer[ANSWER_MAX];
    const char *body;
    bool was;
    size_t len;
    int rc = 0;

    memory_is_excused = true; /* who asks */
    len = ask(v, answer, sizeof answer);
    memory_is_excused = false;
    was = scene_pause();
    body = strstr(answer, "\r\n\r\n");
    if (len == 0 || !is_whole(answer, len))
        rc = error_set(err, ERR_NET, "the connection ended");
    else if (strncmp(answer, "HTTP/1.1 500", 12) == 0)
        rc = error_set(err, ERR_SERVER, "%.100s", body + 4);
    else
        keep_answer(answer, len, said);
    scene_go_on(was);
    return rc;
}

static int play(struct buf *said, struct error *err)
{
    const struct visit *v = scene_now->with;
    bool was = v->request ? scene_pause() : false;
    struct error again = { 0 };
    int rc = start_console(v, err);

    if (v->request) {
        SCENE_NEEDS(rc == 0);
        scene_go_on(was);
        rc = visit(v, said, err);
    }
    (void)scene_pause();
    if (rc < 0 && v->request && visit(v, said, &again) < 0)
        scene_fail("after '%s' the same console says: %s", err->msg, again.msg);
    console_stop(console);
    console = NULL;
    if (access(socket_path, F_OK) == 0)
        scene_fail("its socket is left behind");
    return rc;
}

START_TEST(a_page_without_memory_is_whole_or_none)
{
    const struct visit *v = &visits[_i];
    const struct scene s = { .name = v->name, .before = before, .play = play, .after = after, .with = v };

    ck_assert_int_eq(scene_torture(&s), 0);
}
END_TEST

int main(void)
{
    return torture_main("torture: console", a_page_without_memory_is_whole_or_none, (int)ARRAY_LEN(visits), start, stop);
}
