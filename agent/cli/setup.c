/* setup.c - `cosmowatch setup`: from a workspace and where alerts should go to a configuration that was tried.
 *
 * Takes words on the command line, and asks for the rest where a person sits at a terminal: then each part is tried as soon
 * as it is known, and may be answered again. What an output needs is read from its own option table, so a new output is
 * known here at once. It writes one file, and one of mode 0600 for each secret that was typed, and runs `check --online` on
 * it; in Azure it changes nothing: the commands for what is missing there are printed. Until the end nothing is in place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "azure/azure.h"
#include "azure/credential.h"
#include "base/json_out.h"
#include "cli/check.h"
#include "cli/setup.h"
#include "net/http.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER "cosmowatch" /* whom the service runs as */

enum { V_WORKSPACE, V_CLOUD, V_IDENTITY, V_TENANT, V_CLIENT, V_SECRET, V_CONSOLE, V_ENDPOINT };
static const char *const value_names[] = { "--workspace", "--cloud", "--identity", "--tenant", "--client-id", "--secret",
                                           "--console", "--endpoint", NULL };
static const char *const flag_names[] = { "--replace", "--offline", "--no-feeds", NULL };

enum { AUTH_MANAGED, AUTH_SECRET, AUTH_CERTIFICATE, AUTH_WORKLOAD, AUTH_ENVIRONMENT, AUTH_DEFAULT };
static const char *const identities[] = { "managed_identity", "client_secret", "certificate", "workload_identity",
                                          "environment", "default", NULL };

/* ---- what may be answered ------------------------------------------------------------------------------------------- */

typedef int accept_fn(const char *answer, struct error *err);

static int accept_workspace(const char *answer, struct error *err)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool is_one = strlen(answer) == sizeof shape - 1;

    for (size_t i = 0; is_one && shape[i]; i++)
        is_one = shape[i] == '-' ? answer[i] == '-' : strchr("0123456789abcdefABCDEF", answer[i]) != NULL;
    if (is_one)
        return 0;
    return error_set(err, ERR_CONFIG, "'%.60s' is no workspace id: that is a GUID (8-4-4-4-12 digits and letters a to f); "
                                      "the name of the workspace and its resource id are something else", answer);
}

static int accept_cloud(const char *answer, struct error *err)
{
    if (azure_cloud_find(answer))
        return 0;
    return error_set(err, ERR_CONFIG, "'%.40s' is no Azure we know: public, us_government, china", answer);
}

static int accept_identity(const char *answer, struct error *err)
{
    const char *near = settings_nearest(slice_of(answer), identities);

    for (size_t i = 0; identities[i]; i++)
        if (strcmp(identities[i], answer) == 0)
            return 0;
    return error_set(err, ERR_CONFIG, "'%.40s' is no way to prove who we are; did you mean %s?", answer,
                     near ? near : "managed_identity");
}

static int accept_reference(const char *answer, struct error *err)
{
    if (secret_ref_is_valid(slice_of(answer)))
        return 0;
    return error_set(err, ERR_CONFIG, "a secret is named by ${file:/PATH}, ${env:NAME} or ${credential:NAME}, and never "
                                      "written down here");
}

/* From the command line, or asked for until it is right. -1: neither, or what the command line says is wrong. The answer
 * stands in asker.line. */
static int want(struct setup *s, int value, const char *question, const char *preset, accept_fn *accept, struct error *err)
{
    const char *given = s->args.value[value], *answer = given;

    for (;;) {
        if (!given)
            answer = s->asker.is_there ? ask_line(&s->asker, question, preset) : preset;
        if (answer && answer[0] && (!accept || accept(answer, err) == 0))
            break;
        if (!answer || given || !s->asker.is_there)
            return answer && answer[0] ? -1 : error_set(err, ERR_CONFIG, "%s is needed: %s", value_names[value], question);
        (void)fprintf(stderr, "  %s\n", answer[0] ? err->msg : "there is no way without");
        *err = (struct error){ 0 };
    }
    if (answer != s->asker.line)
        (void)snprintf(s->asker.line, sizeof s->asker.line, "%s", answer);
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

/* Who the service runs as; false where there is no such user, or where we may give nothing away. */
static bool find_user(uid_t *ret_user, gid_t *ret_group)
{
    struct passwd user, *found = NULL;
    char room[4096];

    if (getuid() != 0 || getpwnam_r(USER, &user, room, sizeof room, &found) != 0 || !found)
        return false;
    *ret_user = user.pw_uid;
    *ret_group = user.pw_gid;
    return true;
}

/* The service must be able to read it when root writes it; nobody else needs to. */
static int write_new(const char *path, struct slice text, mode_t mode, bool is_for_user, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool is_written = false;
    uid_t user = 0;
    gid_t group = 0;

    if (fd < 0)
        return error_errno(err, ERR_IO, errno, "%s", path);
    ask_began(path);
    is_written = (!find_user(&user, &group) || fchown(fd, is_for_user ? user : (uid_t)-1, group) == 0) &&
                 write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (close(fd) == 0 && is_written)
        return 0;
    error_errno(err, ERR_IO, errno, "%s", path);
    (void)unlink(path);
    return -1;
}

static int write_fresh(struct setup *s, const struct buf *text, struct error *err)
{
    (void)unlink(buf_cstr(&s->fresh)); /* of a run that was killed */
    return buf_check(text, err) < 0 ? -1 : write_new(buf_cstr(&s->fresh), buf_slice(text), 0640, false, err);
}

/* Beside the configuration, under a name that is free; out: ${file:/etc/cosmowatch/webhook-token} */
static int keep_secret(struct setup *s, const char *name, const char *value, struct buf *out, struct error *err)
{
    const char *slash = strrchr(s->path, '/');
    char *dir = slash ? strndup(s->path, (size_t)(slash - s->path + 1)) : strdup(".");
    char *whole = dir ? realpath(dir, NULL) : NULL;
    int rc = whole ? -1 : error_errno(err, ERR_IO, errno, "the folder of %s", s->path);

    for (int n = 1; whole && n < 100; n++) {
        CLEANUP(buf_release) struct buf path = BUF_HERE(4096);

        buf_addf(&path, "%s/%s", whole, name);
        if (n > 1)
            buf_addf(&path, "-%d", n);
        rc = write_new(buf_cstr(&path), slice_of(value), 0600, true, err);
        if (rc == 0) {
            (void)fprintf(stderr, "  kept in %s, which only the service's user may read\n", buf_cstr(&path));
            buf_addf(out, "${file:%s}", buf_cstr(&path));
        }
        if (rc == 0 || access(buf_cstr(&path), F_OK) != 0)
            break;
    }
    free(whole);
    free(dir);
    return rc;
}

int setup_want_secret(struct setup *s, const char *name, const char *question, struct buf *out, struct error *err)
{
    for (;;) {
        const char *answer = ask_hidden(&s->asker, question);

        if (!answer && feof(stdin))
            return error_set(err, ERR_CONFIG, "%s is needed", name);
        if (answer && answer[0] == '$' && answer[1] == '{' && accept_reference(answer, err) == 0)
            return buf_add_str(out, answer), 0;
        if (answer && !(answer[0] == '$' && answer[1] == '{'))
            return keep_secret(s, name, answer, out, err);
        (void)fprintf(stderr, "  %s\n", answer ? err->msg : "there is no way without");
        *err = (struct error){ 0 };
    }
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

void setup_add_pair(struct buf *out, int indent, const char *key, const char *value)
{
    buf_addf(out, "%*s%s: ", indent, "", key);
    json_add_string(out, slice_of(value));
    buf_add_char(out, '\n');
}

/* ---- the source ----------------------------------------------------------------------------------------------------- */

static bool has_env(const char *name)
{
    const char *value = getenv(name);

    return value && value[0];
}

/* Does this host have an identity of Azure? Asked for at most two seconds. */
static const char *find_managed(void)
{
    static const char *const said[] = {
        [MANAGED_ABSENT] = "no managed identity answers on this host",
        [MANAGED_REFUSES] = "this host is in Azure but has no managed identity (az vm identity assign gives it one)",
        [MANAGED_GIVES] = "a managed identity of this host",
    };
    struct services sv = { .clock = &clock_system, .random = &random_system };
    struct azure_credential c = { .sv = &sv };
    enum managed_state state = MANAGED_ABSENT;

    sv.http = http_client_new(&(struct http_client_config){ .user_agent = "cosmowatch/" COSMOWATCH_VERSION }, &sv);
    if (sv.http)
        state = managed_look(&c, azure_cloud_find("public")->query_scope);
    managed_release(&c.managed);
    http_client_free(sv.http);
    (void)fprintf(stderr, "  found: %s\n", said[state]);
    return state == MANAGED_GIVES ? identities[AUTH_MANAGED] : NULL;
}

/* The same order as `default` has. */
static const char *find_identity(const struct setup *s)
{
    const char *found = NULL;

    if (has_env("AZURE_CLIENT_ID") && has_env("AZURE_TENANT_ID") &&
        (has_env("AZURE_CLIENT_SECRET") || has_env("AZURE_CLIENT_CERTIFICATE_PATH"))) {
        (void)fprintf(stderr, "  found: an app in AZURE_* of the environment (the service must have them too)\n");
        return identities[AUTH_ENVIRONMENT];
    }
    if (has_env("AZURE_FEDERATED_TOKEN_FILE")) {
        (void)fprintf(stderr, "  found: a workload identity (AZURE_FEDERATED_TOKEN_FILE)\n");
        return identities[AUTH_WORKLOAD];
    }
    found = s->args.flag[SETUP_OFFLINE] ? NULL : find_managed();
    return found || !s->asker.is_there || s->args.flag[SETUP_OFFLINE] ? identities[AUTH_MANAGED] : identities[AUTH_SECRET];
}

static int add_app(struct setup *s, bool is_secret, struct error *err)
{
    CLEANUP(buf_release) struct buf reference = BUF_INIT(8192);

    if (want(s, V_TENANT, "  Entra tenant, id or domain", getenv("AZURE_TENANT_ID"), NULL, err) < 0)
        return -1;
    setup_add_pair(&s->source, 6, "tenant", s->asker.line);
    if (want(s, V_CLIENT, "  Application (client) id of the app registration", getenv("AZURE_CLIENT_ID"), NULL, err) < 0)
        return -1;
    setup_add_pair(&s->source, 6, "client_id", s->asker.line);
    if (!is_secret) {
        if (want(s, V_SECRET, "  File with its certificate and key", "/etc/cosmowatch/app.pem", NULL, err) < 0)
            return -1;
        setup_add_pair(&s->source, 6, "certificate", s->asker.line);
        return 0;
    }
    if (s->asker.is_there && !s->args.value[V_SECRET]) {
        if (setup_want_secret(s, "client-secret", "  Its secret, the value and not the id (not shown), or where it is: "
                                            "${file:/PATH}, ${credential:NAME}", &reference, err) < 0)
            return -1;
    } else {
        if (want(s, V_SECRET, "where the secret of the app is", "${file:/etc/cosmowatch/client-secret}", accept_reference,
                 err) < 0)
            return -1;
        buf_add_str(&reference, s->asker.line);
    }
    buf_take_refusal(&s->source, &reference);
    setup_add_pair(&s->source, 6, "client_secret", buf_cstr(&reference));
    return 0;
}

static int add_auth(struct setup *s, struct error *err)
{
    const char *found = s->args.value[V_IDENTITY] ? NULL : find_identity(s);

    if (want(s, V_IDENTITY, "  How the agent proves who it is (managed_identity, client_secret, certificate, "
                            "workload_identity, environment)", found, accept_identity, err) < 0)
        return -1;
    buf_add_str(&s->source, "    # needs the role Log Analytics Reader on the workspace\n    auth:\n");
    setup_add_pair(&s->source, 6, "type", s->asker.line);
    if (strcmp(s->asker.line, identities[AUTH_SECRET]) == 0 || strcmp(s->asker.line, identities[AUTH_CERTIFICATE]) == 0)
        return add_app(s, strcmp(s->asker.line, identities[AUTH_SECRET]) == 0, err);
    if (s->args.value[V_CLIENT])
        setup_add_pair(&s->source, 6, "client_id", s->args.value[V_CLIENT]);
    return 0;
}

static int add_source(struct setup *s, struct error *err)
{
    buf_clear(&s->source);
    buf_add_str(&s->source, "# Written by `cosmowatch setup`. Everything that can be said here: cosmowatch config sample\n"
                            "sources:\n  - name: workspace\n    type: log_analytics\n");
    if (want(s, V_WORKSPACE, "  Id of the Log Analytics workspace (a GUID; portal: the workspace, Overview, Workspace ID)",
             NULL, accept_workspace, err) < 0)
        return -1;
    setup_add_pair(&s->source, 4, "workspace", s->asker.line);
    if (want(s, V_CLOUD, "  Which Azure (public, us_government, china)", "public", accept_cloud, err) < 0)
        return -1;
    if (strcmp(s->asker.line, "public") != 0)
        setup_add_pair(&s->source, 4, "cloud", s->asker.line);
    if (s->args.value[V_ENDPOINT])
        setup_add_pair(&s->source, 4, "endpoint", s->args.value[V_ENDPOINT]);
    return add_auth(s, err);
}

/* ---- trying a part -------------------------------------------------------------------------------------------------- */

static int probe(struct assembly *a, struct buf *said, struct error *err)
{
    struct delivery_output_config *o = a->outputs;
    int rc = 0;

    if (a->sources_len > 0)
        return a->sources[0].ops->probe(a->sources[0].self, said, err);
    if (a->outputs_len == 0)
        return 0;
    if (o->ops->open)
        rc = o->ops->open(o->self, o->name, &a->sv, err);
    if (rc == 0 && o->ops->probe)
        rc = o->ops->probe(o->self, said, err);
    if (o->ops->close)
        o->ops->close(o->self);
    return rc;
}

/* Of what a part says when it fails: the commands that mend it. */
static void print_commands(const struct buf *said)
{
    struct slice rest = buf_slice(said), line = { 0 };

    while (slice_split(&rest, '\n', &line))
        if (slice_starts(line, SL("  do: ")))
            (void)fprintf(stderr, "  %.*s\n", SLF(line));
}

bool setup_try(struct setup *s, const struct buf *yaml, unsigned part, const char *what)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(buf_release) struct buf said = BUF_INIT(1u << 20);
    struct error err = { 0 };
    bool is_read = false, is_ok = false;

    (void)fprintf(stderr, "  trying %s ...\n", what);
    is_read = write_fresh(s, yaml, &err) == 0 && assemble(&a, buf_cstr(&s->fresh), part, &err) == 0;
    is_ok = is_read && probe(&a, &said, &err) == 0;
    (void)unlink(buf_cstr(&s->fresh));
    if (is_ok) {
        (void)fprintf(stderr, "  ok\n");
        return true;
    }
    (void)fprintf(stderr, "  FAIL: %s\n", err.msg);
    print_commands(&said);
    return false;
}

static void forget_answers(struct setup *s)
{
    for (int i = V_WORKSPACE; i <= V_SECRET; i++)
        s->args.value[i] = NULL;
}

static int find_source(struct setup *s, struct error *err)
{
    if (s->asker.is_there)
        (void)fputs("\nWhere the logs are\n", stderr);
    for (;;) {
        int mark = ask_mark();

        if (add_source(s, err) < 0)
            return -1;
        if (!s->asker.is_there || s->args.flag[SETUP_OFFLINE] ||
            setup_try(s, &s->source, ASSEMBLE_SOURCES, "the workspace") ||
            !ask_yes(&s->asker, "  Answer these again? (no: keep them, and mend it in Azure)", false))
            return 0;
        ask_undo(mark);
        forget_answers(s);
    }
}

/* ---- the rest ------------------------------------------------------------------------------------------------------- */

static void add_rest(struct setup *s)
{
    const char *console = s->args.value[V_CONSOLE];

    if (!console && s->asker.is_there) {
        (void)fputs("\nLooking at it\n", stderr);
        console = ask_line(&s->asker, "  Address of the local web page and metrics, or none", "127.0.0.1:9797");
    }
    if (console && strcmp(console, "none") != 0) {
        buf_add_str(&s->rest, "\n# a local web page, /metrics and /healthz\nconsole:\n");
        setup_add_pair(&s->rest, 2, "listen", console);
    }
    if (s->args.flag[SETUP_NO_FEEDS])
        return;
    buf_add_str(&s->rest, "\nfeeds:\n  # exits of the Tor network, asked for every hour\n"
                          "  - { name: tor, type: tor_exits, url: \"https://check.torproject.org/torbulkexitlist\" }\n");
}

/* Before anything is asked: may it be written there, and is there something already? */
static int want_place(struct setup *s, struct error *err)
{
    CLEANUP(buf_release) struct buf nothing = BUF_HERE(16);

    if (access(s->path, F_OK) == 0 && !s->args.flag[SETUP_REPLACE]) {
        if (!s->asker.is_there)
            return error_set(err, ERR_CONFIG, "%s is there already: --replace writes a new one, -c FILE another", s->path);
        (void)fprintf(stderr, "%s is there already.\n", s->path);
        if (!ask_yes(&s->asker, "Write a new one? The one before is kept beside it, as .old", false))
            return error_set(err, ERR_CONFIG, "%s stays as it is", s->path);
    }
    if (write_fresh(s, &nothing, err) < 0)
        return error_wrap(err, errno == EACCES ? "run it with sudo, or write elsewhere with -c FILE"
                                               : "-c FILE writes elsewhere");
    (void)unlink(buf_cstr(&s->fresh));
    return 0;
}

/* The one before is never gone, not for a moment. */
static int put_in_place(struct setup *s, struct error *err)
{
    CLEANUP(buf_release) struct buf old = BUF_INIT(8192);

    buf_addf(&old, "%s.old", s->path);
    if (access(s->path, F_OK) == 0) {
        (void)unlink(buf_cstr(&old));
        if (link(s->path, buf_cstr(&old)) < 0)
            return error_errno(err, ERR_IO, errno, "%s", buf_cstr(&old));
    }
    ask_hold();
    if (rename(buf_cstr(&s->fresh), s->path) < 0)
        return error_errno(err, ERR_IO, errno, "%s", s->path);
    ask_keep();
    return 0;
}

static void print_next(const struct setup *s, const struct check_result *r)
{
    bool is_usual = strcmp(s->path, CLI_DEFAULT_CONFIG) == 0;
    const char *c = is_usual ? "" : " -c ", *path = is_usual ? "" : s->path;

    (void)printf("\n%s is written.\n", s->path);
    if (r->bad > 0)
        (void)printf("Not everything answers yet: the lines with FAIL say why. A new role in Azure takes some minutes to be "
                     "in force.\n");
    if (!s->args.flag[SETUP_OFFLINE])
        (void)printf("Lines with `do:` are for somebody with rights in Azure; every account of a subscription at once:\n"
                     "  cosmowatch azure template policy%s%s\n", c, path);
    (void)printf("\nNext:\n  cosmowatch check --online%s%s\n  cosmowatch outputs test%s%s\n", c, path, c, path);
    (void)printf(is_usual ? "  systemctl enable --now cosmowatch\n" : "  cosmowatch run -c %s\n", path);
}

/* Tried before it is put in place: a file that does not read well is not left behind. */
static int finish(struct setup *s, struct error *err)
{
    CLEANUP(buf_release) struct buf whole = BUF_INIT(1u << 20);
    struct check_result result = { 0 };
    int rc = 0;

    buf_add_buf(&whole, &s->source);
    buf_add_str(&whole, "\noutputs:\n");
    buf_add_buf(&whole, &s->outputs);
    buf_add_buf(&whole, &s->rest);
    if (write_fresh(s, &whole, err) < 0)
        return -1;
    if (!s->args.flag[SETUP_OFFLINE])
        (void)fprintf(stderr, "%strying all of it ...\n", s->asker.is_there ? "\n" : "");
    rc = check_config(buf_cstr(&s->fresh), !s->args.flag[SETUP_OFFLINE], false, &result);
    if (rc != CLI_OK)
        return error_set(err, rc == CLI_USAGE ? ERR_CONFIG : ERR_IO, "nothing was changed");
    if (put_in_place(s, err) < 0)
        return -1;
    print_next(s, &result);
    return result.bad ? 1 : 0;
}

static int make(struct setup *s, struct error *err)
{
    if (buf_check(&s->fresh, err) < 0 || want_place(s, err) < 0)
        return -1;
    if (s->asker.is_there)
        (void)fprintf(stderr, "%s comes of this. Enter takes what stands in [brackets]; Ctrl-C leaves everything as it "
                              "was.\n", s->path);
    if (find_source(s, err) < 0 || setup_find_outputs(s, err) < 0)
        return -1;
    add_rest(s);
    return finish(s, err);
}

static int run_setup(int argc, char **argv)
{
    struct setup s = { .args = { .flags = flag_names, .values = value_names }, .fresh = BUF_INIT(8192),
                       .source = BUF_INIT(1u << 16), .outputs = BUF_INIT(1u << 19), .rest = BUF_INIT(1u << 16),
                       .made = BUF_INIT(1u << 16) };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_setup, argc, argv, &s.args, &exit_code);

    if (rc != 0)
        return exit_code;
    s.path = s.args.config ? s.args.config : CLI_DEFAULT_CONFIG;
    buf_addf(&s.fresh, "%s.new", s.path);
    ask_init(&s.asker);
    rc = make(&s, &err);
    if (rc < 0)
        ask_undo(0);
    ask_release(&s.asker);
    buf_release(&s.fresh);
    buf_release(&s.source);
    buf_release(&s.outputs);
    buf_release(&s.rest);
    buf_release(&s.made);
    return rc < 0 ? cli_fail(&err) : rc > 0 ? CLI_FAILED : CLI_OK;
}

const struct verb verb_setup = {
    .name = "setup",
    .summary = "write a first configuration, and try it",
    .usage = "[--workspace ID] [--identity KIND] [OPTION...] [TYPE[,KEY=VALUE...]...]",
    .help = "Each word is an output: its type and what it needs, as in  syslog,address=siem.example.net  or\n"
            "webhook,url=https://soc.example.net/hook . At a terminal it asks for what was not said, and tries each part\n"
            "at once; a secret that is typed is not shown and goes into a file of its own. Nothing is in its place before\n"
            "the end, and what was there stays beside it as .old. In Azure nothing is changed, the commands are printed.\n\n"
            "      --workspace ID      Log Analytics workspace, a GUID\n"
            "      --cloud NAME        public, us_government or china (preset public)\n"
            "      --identity KIND     managed_identity, client_secret, certificate, workload_identity, environment;\n"
            "                          preset what is found on this host\n"
            "      --tenant ID         of client_secret and certificate\n"
            "      --client-id ID      app registration, or user-assigned managed identity\n"
            "      --secret REF        ${file:/PATH}, ${env:NAME} or ${credential:NAME}; a path for certificate\n"
            "      --endpoint URL      of the query service, where it is not the cloud's own\n"
            "      --console ADDRESS   local web page and metrics, or none\n"
            "      --no-feeds          do not fetch the list of Tor exits\n"
            "      --offline           ask nobody\n"
            "      --replace           write a new file although there is one\n",
    .run = run_setup,
};
