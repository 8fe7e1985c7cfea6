/* fuzz_console - any bytes as a request to the console, over its Unix socket, with a store that has something to show. What
 * was asked never comes back as markup. SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/utf8.h"
#include "console/console.h"
#include "engine.h"
#include "store/store.h"
#include "tests/fuzz/fuzz_alert.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)8 << 20)
#define ANSWER_MS 200

static struct {
    struct assembly assembly; /* its engine's baseline describes rows */
    struct console_settings settings;
    struct console *console;
    char listen[100];
} agent;

static void fill_store(const struct store_config *cfg)
{
    struct alert *a = fuzz_alert_with(SL("203.0.113.66"));
    struct store *s = NULL;
    struct window w = { .source = "prod", .from_ns = FUZZ_NOW_NS, .to_ns = FUZZ_NOW_NS + NS_PER_MIN, .state = WINDOW_GAP,
                        .reason = "<q>" };
    struct error err = { 0 };

    PROMISE(store_open(cfg, STORE_RUN, &s, &err) == 0);
    PROMISE(store_begin(s, &err) == 0 && store_put_alert(s, a, &err) == 0 && store_put_window(s, &w, &err) == 0);
    PROMISE(store_add_delivery(s, "soc", a, &err) == 0);
    PROMISE(store_put_blob(s, STORE_BLOB_STATUS, SL("{\"sources\":[{\"name\":\"<q>\"}],\"detectors\":[]}"), &err) == 0);
    PROMISE(store_commit(s, &err) == 0);
    store_close(s);
    alert_free(a);
}

static void stop_agent(void)
{
    console_stop(agent.console);
    assembly_release(&agent.assembly);
}

static void start_agent(void)
{
    struct store_config store = { .dir = fuzz_folder() };
    struct error err = { 0 };

    if (agent.console)
        return;
    fill_store(&store);
    PROMISE(assemble(&agent.assembly, NULL, ASSEMBLE_ENGINE | ASSEMBLE_PRESETS, &err) == 0);
    (void)snprintf(agent.listen, sizeof agent.listen, "unix:%s/socket", store.dir);
    agent.settings.listen = agent.listen;
    PROMISE(console_start(&(struct console_config){ .sv = &agent.assembly.sv, .settings = &agent.settings, .store = &store,
                                                    .baseline = engine_baseline(agent.assembly.engine),
                                                    .suppress = agent.assembly.suppress }, &agent.console, &err) == 0);
    (void)atexit(stop_agent);
}

/* Whether the answer came to its end. */
static bool ask(struct slice request, struct buf *answer)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char piece[16384];
    ssize_t n = -1;

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", agent.listen + 5);
    PROMISE(fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    (void)!send(fd, request.at, request.len, MSG_NOSIGNAL);
    (void)!send(fd, "\r\n\r\n", 4, MSG_NOSIGNAL); /* most requests are over then */
    (void)shutdown(fd, SHUT_WR);
    /* One that is not would be waited for, 15 s long: nothing is promised about it. */
    while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, ANSWER_MS) > 0 && (n = recv(fd, piece, sizeof piece, 0)) > 0)
        buf_add(answer, piece, (size_t)n);
    (void)close(fd);
    return n == 0;
}

static bool is_utf8(struct slice s)
{
    uint32_t c = 0;

    for (size_t i = 0; i < s.len && c != UTF8_BAD;)
        i += utf8_next(s, i, &c);
    return c != UTF8_BAD;
}

FUZZ_TARGET(console)
{
    struct buf answer = BUF_INIT(ANSWER_MAX);
    struct slice got, head;
    bool whole;

    start_agent();
    whole = ask(slice_make((const char *)data, size), &answer);
    got = buf_slice(&answer);
    head = slice_find(got, SL("\r\n\r\n")) == SIZE_MAX ? got : slice_make(got.at, slice_find(got, SL("\r\n\r\n")));
    PROMISE(got.len == 0 || slice_starts(got, SL("HTTP/1.")));
    /* A browser takes nothing else for markup: every answer says nosniff. */
    PROMISE(slice_find(head, SL("text/html")) == SIZE_MAX || slice_find_nocase(got, SL("<q")) == SIZE_MAX);
    PROMISE(!whole || slice_find(head, SL("charset=utf-8")) == SIZE_MAX || is_utf8(got));
    PROMISE(slice_find(buf_slice(&answer), SL("HTTP/1.1 500")) != 0);
    buf_release(&answer);
    return 0;
}
