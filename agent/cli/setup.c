/* setup.c - `cosmowatch setup`: from a workspace and where alerts should go to a configuration that was tried.
 *
 * Takes words on the command line, and asks for the rest where a person sits at a terminal. What an output needs is read
 * from its own option table, so a new output is known here at once. It writes one file and runs `check --online` on it;
 * in Azure it changes nothing, but prints the commands that somebody with the rights may run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/azure.h"
#include "base/json_out.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { V_WORKSPACE, V_CLOUD, V_IDENTITY, V_TENANT, V_CLIENT, V_SECRET, V_CONSOLE, V_ENDPOINT };
static const char *const value_names[] = { "--workspace", "--cloud", "--identity", "--tenant", "--client-id", "--secret",
                                           "--console", "--endpoint", NULL };
enum { F_REPLACE, F_OFFLINE, F_NO_FEEDS };
static const char *const flag_names[] = { "--replace", "--offline", "--no-feeds", NULL };

struct setup {
    struct cli_args args;
    struct buf yaml;
    bool asks;              /* a person is there */
    char line[4096];        /* the last answer */
};

/* ---- questions ------------------------------------------------------------------------------------------------------ */

/* The answer, or the preset for an empty one. NULL: the input ended. */
static const char *ask(struct setup *s, const char *question, const char *preset)
{
    size_t len = 0;

    (void)fprintf(stderr, preset && preset[0] ? "%s [%s]: " : "%s: ", question, preset);
    if (!fgets(s->line, sizeof s->line, stdin))
        return NULL;
    len = strlen(s->line);
    while (len > 0 && (s->line[len - 1] == '\n' || s->line[len - 1] == '\r' || s->line[len - 1] == ' '))
        s->line[--len] = '\0';
    return len > 0 ? s->line : preset;
}

/* From the command line, or asked for. -1: neither. */
static int want(struct setup *s, int value, const char *question, const char *preset, struct error *err)
{
    const char *answer = s->args.value[value];

    if (!answer)
        answer = s->asks ? ask(s, question, preset) : preset;
    if (!answer || !answer[0])
        return error_set(err, ERR_CONFIG, "%s is needed: %s", value_names[value], question);
    if (answer != s->line)
        (void)snprintf(s->line, sizeof s->line, "%s", answer);
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

/* A JSON string is a YAML one. */
static void add_pair(struct buf *out, int indent, const char *key, const char *value)
{
    buf_addf(out, "%*s%s: ", indent, "", key);
    json_add_string(out, slice_of(value));
    buf_add_char(out, '\n');
}

static int add_auth(struct setup *s, struct error *err)
{
    static const char *const kinds[] = { "managed_identity", "client_secret", "certificate", "workload_identity",
                                         "environment", "default", NULL };
    const char *found = getenv("AZURE_FEDERATED_TOKEN_FILE") ? "workload_identity"
                        : getenv("AZURE_CLIENT_ID") ? "environment" : "managed_identity";
    int kind = 0;

    if (want(s, V_IDENTITY, "How the agent proves who it is (managed_identity, client_secret, certificate, workload_identity, "
                            "environment)", found, err) < 0)
        return -1;
    while (kinds[kind] && strcmp(kinds[kind], s->line) != 0)
        kind++;
    if (!kinds[kind])
        return error_set(err, ERR_CONFIG, "'%.40s' is no way to prove who we are; did you mean %s?", s->line,
                         settings_nearest(slice_of(s->line), kinds) ? settings_nearest(slice_of(s->line), kinds)
                                                                    : "managed_identity");
    buf_add_str(&s->yaml, "    # needs the role Log Analytics Reader on the workspace\n    auth:\n");
    add_pair(&s->yaml, 6, "type", kinds[kind]);
    if (kind == 1 || kind == 2) {
        if (want(s, V_TENANT, "Entra tenant, id or domain", getenv("AZURE_TENANT_ID"), err) < 0)
            return -1;
        add_pair(&s->yaml, 6, "tenant", s->line);
        if (want(s, V_CLIENT, "Client id of the app registration", getenv("AZURE_CLIENT_ID"), err) < 0)
            return -1;
        add_pair(&s->yaml, 6, "client_id", s->line);
        if (want(s, V_SECRET, kind == 1 ? "Where its secret is (a reference, never the secret itself)"
                                        : "File with its certificate and key",
                 kind == 1 ? "${file:/etc/cosmowatch/client-secret}" : "/etc/cosmowatch/app.pem", err) < 0)
            return -1;
        if (kind == 1 && !secret_ref_is_valid(slice_of(s->line)))
            return error_set(err, ERR_CONFIG, "a secret is named by ${file:/PATH}, ${env:NAME} or ${credential:NAME}, and "
                                              "never written down here");
        add_pair(&s->yaml, 6, kind == 1 ? "client_secret" : "certificate", s->line);
    } else if (s->args.value[V_CLIENT]) {
        add_pair(&s->yaml, 6, "client_id", s->args.value[V_CLIENT]);
    }
    return 0;
}

static int add_source(struct setup *s, struct error *err)
{
    buf_add_str(&s->yaml, "# Written by `cosmowatch setup`. Everything that can be said here: cosmowatch config sample\n"
                          "sources:\n  - name: workspace\n    type: log_analytics\n");
    if (want(s, V_WORKSPACE, "Id of the Log Analytics workspace (a GUID; portal: Overview, Workspace ID)", NULL, err) < 0)
        return -1;
    add_pair(&s->yaml, 4, "workspace", s->line);
    if (want(s, V_CLOUD, "Which Azure (public, us_government, china)", "public", err) < 0)
        return -1;
    if (!azure_cloud_find(s->line))
        return error_set(err, ERR_CONFIG, "'%.40s' is no Azure we know: public, us_government, china", s->line);
    if (strcmp(s->line, "public") != 0)
        add_pair(&s->yaml, 4, "cloud", s->line);
    if (s->args.value[V_ENDPOINT])
        add_pair(&s->yaml, 4, "endpoint", s->args.value[V_ENDPOINT]);
    return add_auth(s, err);
}

/* ---- outputs -------------------------------------------------------------------------------------------------------- */

static const struct output_ops *find_output(const char *type, struct error *err)
{
    const char *names[64] = { NULL }, *near = NULL;
    size_t n = 0;

    for (; outputs_all[n] && n + 1 < ARRAY_LEN(names); n++) {
        names[n] = outputs_all[n]->name;
        if (strcmp(type, names[n]) == 0)
            return outputs_all[n];
    }
    near = settings_nearest(slice_of(type), names);
    (void)error_set(err, ERR_CONFIG, "'%.40s' is no type of output%s%s%s", type, near ? ", did you mean '" : "",
                    near ? near : "", near ? "'?" : "; cosmowatch config sample lists them");
    return NULL;
}

static const struct option_spec *find_option(const struct output_ops *o, struct slice key)
{
    for (const struct option_spec *spec = o->options; spec && spec->key; spec++)
        if (slice_eq(slice_of(spec->key), key))
            return spec;
    return NULL;
}

static void add_option(struct buf *out, const struct option_spec *spec, const char *key, const char *value)
{
    bool is_plain = spec && (spec->type == OPT_INT || spec->type == OPT_REAL || spec->type == OPT_BOOL);

    if (spec && spec->help)
        buf_addf(out, "    # %s\n", spec->help);
    if (is_plain)
        buf_addf(out, "    %s: %s\n", key, value);
    else
        add_pair(out, 4, key, value);
}

static int ask_required(struct setup *s, const struct output_ops *o, const struct option_spec *spec, struct error *err)
{
    CLEANUP(buf_release) struct buf question = BUF_INIT(1024);
    const char *answer = NULL;

    if (!s->asks)
        return error_set(err, ERR_CONFIG, "output %s needs %s=..., %s", o->name, spec->key, spec->help);
    buf_addf(&question, "%s: %s (%s)", o->name, spec->key, spec->help);
    if (spec->example)
        buf_addf(&question, ", such as %s", spec->example);
    answer = ask(s, buf_cstr(&question), NULL);
    if (!answer || !answer[0])
        return error_set(err, ERR_CONFIG, "output %s cannot be without %s", o->name, spec->key);
    add_option(&s->yaml, spec, spec->key, answer);
    return 0;
}

/* "syslog,address=siem.example.net:6514" */
static int add_output(struct setup *s, const char *words, struct error *err)
{
    struct slice rest = slice_of(words), word = { 0 };
    CLEANUP(buf_release) struct buf type = BUF_INIT(64);
    const struct output_ops *o = NULL;
    bool given[64] = { false };

    (void)slice_split(&rest, ',', &word);
    buf_add_slice(&type, word);
    o = find_output(buf_cstr(&type), err);
    if (!o)
        return -1;
    buf_addf(&s->yaml, "  # %s\n  - name: %s\n    type: %s\n", o->summary, o->name, o->name);
    while (slice_split(&rest, ',', &word)) {
        const char *equals = memchr(word.at, '=', word.len);
        struct slice key = slice_make(word.at, equals ? (size_t)(equals - word.at) : word.len);
        const struct option_spec *spec = find_option(o, key);
        CLEANUP(buf_release) struct buf name = BUF_INIT(256), value = BUF_INIT(4096);

        if (!equals || (!spec && !slice_eq(key, SL("format"))))
            return error_set(err, ERR_CONFIG, "output %s: '%.*s' is no option of it; cosmowatch config sample lists them", o->name,
                             SLF(key));
        if (spec && (size_t)(spec - o->options) < ARRAY_LEN(given))
            given[spec - o->options] = true;
        buf_add_slice(&name, key);
        buf_add(&value, equals + 1, word.len - key.len - 1);
        add_option(&s->yaml, spec, buf_cstr(&name), buf_cstr(&value));
    }
    for (size_t i = 0; o->options && o->options[i].key; i++)
        if (o->options[i].required && !(i < ARRAY_LEN(given) && given[i]) && ask_required(s, o, &o->options[i], err) < 0)
            return -1;
    return 0;
}

static int add_outputs(struct setup *s, struct error *err)
{
    buf_add_str(&s->yaml, "\noutputs:\n");
    for (int i = 0; i < s->args.operands_len; i++)
        if (add_output(s, s->args.operands[i], err) < 0)
            return -1;
    if (s->args.operands_len > 0)
        return 0;
    if (!s->asks)
        return add_output(s, "file,path=/var/log/cosmowatch/alerts.json", err);
    (void)fprintf(stderr, "Where alerts go:");
    for (size_t i = 0; outputs_all[i]; i++)
        (void)fprintf(stderr, " %s", outputs_all[i]->name);
    (void)fputc('\n', stderr);
    for (bool is_first = true;; is_first = false) {
        const char *type = ask(s, is_first ? "First output" : "Another output, or nothing", is_first ? "file" : NULL);
        char copy[256];

        if (!type || !type[0])
            return 0;
        (void)snprintf(copy, sizeof copy, "%s", type);
        if (add_output(s, strcmp(copy, "file") == 0 ? "file,path=/var/log/cosmowatch/alerts.json" : copy, err) < 0)
            return -1;
    }
}

static void add_rest(struct setup *s)
{
    const char *console = s->args.value[V_CONSOLE];

    if (!console && s->asks)
        console = ask(s, "Address of the local web page and metrics, or none", "127.0.0.1:9797");
    if (console && strcmp(console, "none") != 0) {
        buf_add_str(&s->yaml, "\n# a local web page, /metrics and /healthz\nconsole:\n");
        add_pair(&s->yaml, 2, "listen", console);
    }
    if (s->args.flag[F_NO_FEEDS])
        return;
    buf_add_str(&s->yaml, "\nfeeds:\n  # exits of the Tor network, asked for every hour\n"
                          "  - { name: tor, type: tor_exits, url: \"https://check.torproject.org/torbulkexitlist\" }\n");
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, struct slice text, struct error *err)
{
    const struct group *group = getuid() == 0 ? getgrnam("cosmowatch") : NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    bool is_written = false;

    if (fd < 0)
        return error_errno(err, ERR_IO, errno, "%s", path);
    is_written = (!group || fchown(fd, (uid_t)-1, group->gr_gid) == 0) &&
                 write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written) {
        error_errno(err, ERR_IO, errno, "%s", path);
        (void)unlink(path);
        return -1;
    }
    return 0;
}

static void print_next(const struct setup *s, const char *path, const struct check_result *r)
{
    const char *client = s->args.value[V_CLIENT] ? s->args.value[V_CLIENT] : "<object id of the agent's identity>";

    (void)printf("\n%s is written.\n", path);
    if (r->bad_sources > 0)
        (void)printf("\nThe workspace does not answer yet. Somebody with rights on it may run:\n"
                     "  az role assignment create --role \"Log Analytics Reader\" --assignee \"%s\" \\\n"
                     "     --scope \"<resource id of the workspace>\"\n"
                     "(a new role takes some minutes to be in force)\n", client);
    (void)printf("\nWhere a table above is missing, the database account does not log it yet:\n"
                 "  cosmowatch azure template policy > policy.json    every account of a subscription, by policy\n"
                 "Query texts with their values, without which injections are judged by their shape alone:\n"
                 "  az rest --method PATCH --url \"https://management.azure.com<resource id of the account>?api-version=2021-05-01-preview\" \\\n"
                 "     --body '{\"properties\": {\"diagnosticLogSettings\": {\"enableFullTextQuery\": \"True\"}}}'\n");
    (void)printf("\nNext:\n  cosmowatch check --online%s%s\n  cosmowatch outputs test\n  systemctl enable --now cosmowatch\n",
                 strcmp(path, CLI_DEFAULT_CONFIG) == 0 ? "" : " -c ", strcmp(path, CLI_DEFAULT_CONFIG) == 0 ? "" : path);
}

/* Tried before it is put in place: a file that does not read well is not left behind. */
static int finish(struct setup *s)
{
    const char *path = s->args.config ? s->args.config : CLI_DEFAULT_CONFIG;
    CLEANUP(buf_release) struct buf fresh = BUF_INIT(8192);
    struct check_result result = { 0 };
    struct error err = { 0 };
    int rc = 0;

    buf_addf(&fresh, "%s.new", path);
    if (buf_check(&s->yaml, &err) < 0 || buf_check(&fresh, &err) < 0 ||
        write_file(buf_cstr(&fresh), buf_slice(&s->yaml), &err) < 0)
        return cli_fail(&err);
    rc = check_config(buf_cstr(&fresh), !s->args.flag[F_OFFLINE], false, &result);
    if (rc != CLI_OK) {
        (void)unlink(buf_cstr(&fresh));
        return rc;
    }
    if (rename(buf_cstr(&fresh), path) < 0) {
        error_errno(&err, ERR_IO, errno, "%s", path);
        return cli_fail(&err);
    }
    print_next(s, path, &result);
    return result.bad ? CLI_FAILED : CLI_OK;
}

static int run_setup(int argc, char **argv)
{
    struct setup s = { .args = { .flags = flag_names, .values = value_names }, .yaml = BUF_INIT(1u << 20) };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_setup, argc, argv, &s.args, &exit_code);
    const char *path = s.args.config ? s.args.config : CLI_DEFAULT_CONFIG;

    if (rc != 0)
        return exit_code;
    s.asks = isatty(STDIN_FILENO) == 1;
    if (!s.args.flag[F_REPLACE] && access(path, F_OK) == 0)
        rc = error_set(&err, ERR_CONFIG, "%s is there already: --replace writes a new one, -c FILE another", path);
    else
        rc = add_source(&s, &err) < 0 || add_outputs(&s, &err) < 0 ? -1 : 0;
    if (rc == 0) {
        add_rest(&s);
        rc = finish(&s);
    } else {
        rc = cli_fail(&err);
    }
    buf_release(&s.yaml);
    return rc;
}

const struct verb verb_setup = {
    .name = "setup",
    .summary = "write a first configuration, and try it",
    .usage = "[--workspace ID] [--identity KIND] [OPTION...] [TYPE[,KEY=VALUE...]...]",
    .help = "Each word is an output: its type and what it needs, as in  syslog,address=siem.example.net  or\n"
            "webhook,url=https://soc.example.net/hook . At a terminal it asks for what was not said. The file is checked\n"
            "against the world before it is put in place; in Azure nothing is changed, the commands are printed.\n\n"
            "      --workspace ID      Log Analytics workspace, a GUID\n"
            "      --cloud NAME        public, us_government or china (preset public)\n"
            "      --identity KIND     managed_identity, client_secret, certificate, workload_identity, environment\n"
            "      --tenant ID         of client_secret and certificate\n"
            "      --client-id ID      app registration, or user-assigned managed identity\n"
            "      --secret REF        ${file:/PATH}, ${env:NAME} or ${credential:NAME}; a path for certificate\n"
            "      --endpoint URL      of the query service, where it is not the cloud's own\n"
            "      --console ADDRESS   local web page and metrics, or none\n"
            "      --no-feeds          do not fetch the list of Tor exits\n"
            "      --offline           ask nobody\n"
            "      --replace           write over the file that is there\n",
    .run = run_setup,
};
