/* Memory refused to what comes from outside: tokens by every proof of who we are, feeds of every form read at home
 * and in the reader, feeds fetched, merged and kept, files that tell places. What could not be had now is had from
 * the same object once there is memory; what was known stays known. See torture_kit.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "torture_kit.h"

#include "store_kit.h"

#include "apart/apart.h"
#include "azure/credential.h"
#include "base/json_in.h"
#include "enrich/feed_apart.h"
#include "enrich/service_tags_apart.h"
#include "source/answer_apart.h"
#include "enrich/places.h"
#include "feeder.h"
#include "net/http.h"
#include "record/decode_apart.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/mmdb.h"
#include "tests/kit/outsider.h"

#include <json-c/json.h>

#define TENANT "11111111-1111-1111-1111-111111111111"
#define APP "22222222-2222-2222-2222-222222222222"
#define SCOPE "https://api.loganalytics.io/.default"
#define JSON_TYPE "Content-Type: application/json\r\n"

static struct folder folder;
static struct fake_services world;
static char outside[OUTSIDER_WORD_MAX], fabric[OUTSIDER_WORD_MAX]; /* the servers' addresses; this one has TLS */
static char thumbprint[41];                                        /* of its certificate */
static pid_t server, fabric_server;

static const char *path_of(const char *name)
{
    return folder_file(&folder, name);
}

/* ---- the server's process ---------------------------------------------------------------------------------- */

#define TOR_LIST "# exits\n198.51.100.23\n198.51.100.99\n203.0.113.0/24 # a range\nnonsense\n"

static void answer_arc(const struct httpd_request *rq, struct httpd_reply *say, const char *token)
{
    char authorization[200], challenge[200];

    if (httpd_header(rq, "Authorization", authorization, sizeof authorization)) {
        httpd_say(say, 200, JSON_TYPE, token);
        return;
    }
    (void)snprintf(challenge, sizeof challenge, "WWW-Authenticate: Basic realm=%s/0f.key\r\n", folder.path);
    httpd_say(say, 401, challenge, "{}");
}

static void answer(void *unused UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    static const char token[] = "{\"access_token\":\"tok\",\"expires_in\":\"86399\",\"expires_on\":\"9999999999\","
                                "\"resource\":\"r\",\"token_type\":\"Bearer\"}";
    char etag[40] = "";

    (void)httpd_header(rq, "If-None-Match", etag, sizeof etag);
    if (strncmp(rq->target, "/refuses/", 9) == 0 || slice_find(rq->body, SL("..")) != SIZE_MAX) /* no claims */
        httpd_say(say, 401, JSON_TYPE,
                  "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid\",\"error_codes\":"
                  "[7000215]}");
    else if (strncmp(rq->target, "/arc/", 5) == 0)
        answer_arc(rq, say, token);
    else if (strcmp(rq->target, "/tor") == 0 && strcmp(etag, "\"one\"") == 0)
        httpd_say(say, 304, "", "");
    else if (strcmp(rq->target, "/tor") == 0)
        httpd_say(say, 200, "Content-Type: text/plain\r\nETag: \"one\"\r\n", TOR_LIST);
    else
        httpd_say(say, 200, JSON_TYPE, token);
}

/* ---- tokens ------------------------------------------------------------------------------------------------ */

struct identity {
    enum azure_auth_type type;
    const char *authority;          /* after the server's address; NULL: none */
    const char *imds, *certificate; /* of the same kind; a file in the folder */
    const char *env[6];             /* names and values; with a mark at the start of a value */
    bool has_app, has_secret, has_reference, has_password, has_token_file;
};

static const char *const env_names[] = { "AZURE_TENANT_ID",
                                         "AZURE_CLIENT_ID",
                                         "AZURE_CLIENT_SECRET",
                                         "AZURE_CLIENT_CERTIFICATE_PATH",
                                         "AZURE_CLIENT_CERTIFICATE_PASSWORD",
                                         "AZURE_FEDERATED_TOKEN_FILE",
                                         "AZURE_AUTHORITY_HOST",
                                         "IDENTITY_ENDPOINT",
                                         "IDENTITY_HEADER",
                                         "IDENTITY_SERVER_THUMBPRINT",
                                         "IMDS_ENDPOINT",
                                         "MSI_ENDPOINT",
                                         "MSI_SECRET",
                                         "AZURE_POD_IDENTITY_AUTHORITY_HOST" };

/* What is known only now stands for its mark. */
static void set_variable(const char *name, const char *text)
{
    static const struct {
        const char *mark, *stands_for;
    } marks[] = { { "{S}", outside }, { "{F}", folder.path }, { "{T}", fabric }, { "{P}", thumbprint } };
    const char *start = "";
    char value[300];

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strncmp(text, marks[i].mark, 3) == 0) {
            start = marks[i].stands_for;
            text += 3;
            break;
        }
    (void)snprintf(value, sizeof value, "%s%s", start, text);
    (void)setenv(name, value, 1);
}

static void set_env(const struct identity *id)
{
    for (size_t i = 0; i < ARRAY_LEN(env_names); i++)
        (void)unsetenv(env_names[i]);
    for (size_t i = 0; i + 1 < ARRAY_LEN(id->env) && id->env[i]; i += 2)
        set_variable(id->env[i], id->env[i + 1]);
}

static char authority[200], imds[200], certificate[200], token_file[200], reference[200];
static struct secret app_secret, password;

static void before_token(void)
{
    const struct identity *id = scene_now->with;

    set_env(id);
    fake_services_init(&world, true);
    (void)snprintf(authority, sizeof authority, "%s%s", outside, id->authority ? id->authority : "");
    (void)snprintf(imds, sizeof imds, "%s%s", outside, id->imds ? id->imds : "");
    (void)snprintf(certificate, sizeof certificate, "%s", path_of(id->certificate ? id->certificate : "none"));
    (void)snprintf(token_file, sizeof token_file, "%s", path_of("federated"));
    (void)snprintf(reference, sizeof reference, "${file:%s}", path_of("secret"));
}

/* The server says no to us, or we to the server, whose certificate is another's. */
static bool is_refusal(const struct error *err)
{
    return err->code == ERR_AUTH || strstr(err->msg, "another thumbprint");
}

/* -1 when it was not told, or for want of memory; what is refused is said. */
static int want_token(struct azure_credential *c, struct buf *said, struct error *err)
{
    struct secret token = SECRET_INIT;
    int rc = azure_credential_token(c, SCOPE, &token, err);

    if (rc == 0)
        buf_addf(said, "%s: %s\n", azure_credential_describe(c), secret_reveal(&token));
    secret_release(&token);
    if (rc < 0 && is_refusal(err)) {
        buf_addf(said, "refused: %s\n", err->msg);
        *err = (struct error) { 0 };
        return 0;
    }
    return rc;
}

/* The same one, when the time is over in which it asks nobody. */
static void ask_again(struct azure_credential *c, const struct error *first)
{
    static struct buf said = BUF_INIT(10000);
    struct error err = { 0 };

    fake_services_pass(&world, 600000);
    if (want_token(c, &said, &err) < 0)
        scene_fail("after '%s' the same credential says: %s", first->msg, err.msg);
    buf_release(&said);
}

static int play_token(struct buf *said, struct error *err)
{
    static const struct http_client_config client = { .user_agent = "test" };
    const struct identity *id = scene_now->with;
    const struct azure_auth_config cfg = {
        .type = id->type,
        .tenant = id->has_app ? TENANT : NULL,
        .client_id = id->has_app ? APP : NULL,
        .client_secret = id->has_secret ? &app_secret : NULL,
        .client_secret_reference = id->has_reference ? reference : NULL,
        .certificate = id->certificate ? certificate : NULL,
        .certificate_password = id->has_password ? &password : NULL,
        .token_file = id->has_token_file ? token_file : NULL,
        .authority = id->authority ? authority : NULL,
        .imds_endpoint = id->imds ? imds : NULL,
    };
    struct azure_credential *c = NULL;
    int rc = -1;

    world.sv.http = http_client_new(&client, &world.sv);
    if (!world.sv.http)
        (void)error_set(err, ERR_NOMEM, "HTTP client");
    else
        rc = azure_credential_new(&cfg, azure_cloud_find("public"), &world.sv, &c, err);
    if (rc == 0) {
        c->managed.retry_ms = 1;
        c->managed.arc_key_dir = folder.path;
        rc = want_token(c, said, err);
        (void)scene_pause();
        if (rc < 0)
            ask_again(c, err);
    }
    (void)scene_pause();
    azure_credential_free(c);
    fake_services_release(&world);
    return rc;
}

#define APP_SETTINGS .authority = "", .has_app = true
static const struct identity secret_id = { AZURE_AUTH_CLIENT_SECRET, APP_SETTINGS, .has_secret = true };
static const struct identity refused_id = { AZURE_AUTH_CLIENT_SECRET, .authority = "/refuses", .has_app = true,
                                            .has_secret = true };
static const struct identity reference_id = { AZURE_AUTH_CLIENT_SECRET, APP_SETTINGS, .has_reference = true };
static const struct identity pem_id = { AZURE_AUTH_CERTIFICATE, APP_SETTINGS, .certificate = "app.pem" };
static const struct identity locked_id = { AZURE_AUTH_CERTIFICATE, APP_SETTINGS, .certificate = "locked.pem",
                                           .has_password = true };
static const struct identity pfx_id = { AZURE_AUTH_CERTIFICATE, APP_SETTINGS, .certificate = "app.pfx",
                                        .has_password = true };
static const struct identity workload_id = { AZURE_AUTH_WORKLOAD_IDENTITY, APP_SETTINGS, .has_token_file = true };
static const struct identity vm_id = { AZURE_AUTH_MANAGED_IDENTITY, .imds = "" };
static const struct identity app_service_id = {
    AZURE_AUTH_MANAGED_IDENTITY,
    .env = { "IDENTITY_ENDPOINT", "{S}/msi/token", "IDENTITY_HEADER", "h", NULL },
};
static const struct identity ml_id = {
    AZURE_AUTH_MANAGED_IDENTITY,
    .env = { "MSI_ENDPOINT", "{S}/msi/token", "MSI_SECRET", "h", NULL },
};
static const struct identity fabric_id = {
    AZURE_AUTH_MANAGED_IDENTITY,
    .env = { "IDENTITY_ENDPOINT", "{T}/msi/token", "IDENTITY_HEADER", "h", "IDENTITY_SERVER_THUMBPRINT", "{P}" },
};
static const struct identity other_fabric_id = {
    AZURE_AUTH_MANAGED_IDENTITY,
    .env = { "IDENTITY_ENDPOINT", "{T}/msi/token", "IDENTITY_HEADER", "h", "IDENTITY_SERVER_THUMBPRINT",
             "0000000000000000000000000000000000000000" },
};
static const struct identity arc_id = {
    AZURE_AUTH_MANAGED_IDENTITY,
    .env = { "IDENTITY_ENDPOINT", "{S}/arc/token", "IMDS_ENDPOINT", "{S}", NULL },
};
static const struct identity default_id = {
    AZURE_AUTH_DEFAULT,
    .authority = "",
    .env = { "AZURE_TENANT_ID", TENANT, "AZURE_CLIENT_ID", APP, "AZURE_CLIENT_CERTIFICATE_PATH", "{F}/app.pem" },
};

/* ---- feeds: reading, merging, keeping ---------------------------------------------------------------------- */

#define LATER_NS (NS_PER_DAY * 20002)
#define NOW_NS (NS_PER_DAY * 20001)

static const char stix[] =
    "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"indicator\",\"id\":\"indicator--1\","
    "\"pattern\":\"[ipv4-addr:value = '198.51.100.23']\",\"pattern_type\":\"stix\",\"confidence\":80,"
    "\"valid_from\":\"2024-01-01T00:00:00Z\",\"labels\":[\"c2\"],\"name\":\"bad \\u003cone\\u003e\"},"
    "{\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern\":\"[domain-name:value = 'x.example']\","
    "\"pattern_type\":\"stix\",\"valid_from\":\"2024-01-01T00:00:00Z\"}]}";
static const char workspace[] =
    "[{\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"198.51.100.23\",\"Confidence\":90,"
    "\"ValidFrom\":\"2024-01-01T00:00:00Z\",\"IsActive\":true,\"Tags\":\"botnet\",\"Id\":\"i1\"}]";
static const char csv[] = "address,category,confidence,note\n198.51.100.23,botnet,90,\"a, note\"\n203.0.113.0/24,c2,"
                          "70,another\noops,1,c2,\n";
static const char exits[] = "ExitNode FE39F07EBE7870DCE124AB30DF3ABD0700A43F75\nPublished 2024-10-03 00:10:50\n"
                            "LastStatus 2024-10-03 10:00:00\nExitAddress 198.51.100.23 2024-10-03 10:21:54\n";

static const char tags[] =
    "{\"values\":[{\"name\":\"AzureCloud.westeurope\",\"properties\":{\"region\":\"westeurope\",\"addressPrefixes\":["
    "\"20.50.0.0/16\",\"oops\"]}},{\"name\":\"AzureCosmosDB\",\"properties\":{\"systemService\":\"AzureCosmosDB\","
    "\"addressPrefixes\":[\"20.50.1.0/25\"]}}]}";

static void say_listings(const struct enrich *e, struct buf *said)
{
    static const char *const addresses[] = { "198.51.100.23", "203.0.113.7", "192.0.2.1" };

    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct listing each[4];
        size_t n = enrich_listings(e, slice_of(addresses[i]), NOW_NS, each, ARRAY_LEN(each));

        for (size_t k = 0; k < n; k++)
            buf_addf(said, "%s: %s %s %d '%s'\n", addresses[i], each[k].feed,
                     feed_category_name(each[k].category), each[k].confidence, each[k].note);
    }
}

static void say_networks(const struct enrich *e, struct buf *said)
{
    static const char *const addresses[] = { "20.50.1.7", "20.50.9.9", "192.0.2.1" };

    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        const struct network *n = enrich_network(e, slice_of(addresses[i]), NOW_NS);

        if (n)
            buf_addf(said, "%s: %s %s %d %d\n", addresses[i], n->name, n->region, n->is_azure, n->is_azure_service);
    }
}

/* Merged twice, kept and taken out again. */
static int live_on(struct feed_table *first, struct feed_table *second, struct buf *said, struct error *err)
{
    CLEANUP(buf_release) struct buf kept = BUF_INIT(100000);
    CLEANUP(feed_table_freep) struct feed_table *table = NULL, *loaded = NULL, *copy = NULL;
    CLEANUP(enrich_freep) struct enrich *e = enrich_new();

    if (!e) {
        feed_table_free(first);
        feed_table_free(second);
        return error_set(err, ERR_NOMEM, "addresses");
    }
    if (feed_table_update(&table, first, NOW_NS, err) < 0) {
        feed_table_free(second);
        return -1;
    }
    if (feed_table_update(&table, second, LATER_NS, err) < 0 || feed_table_save(table, &kept, err) < 0 ||
        buf_check(&kept, err) < 0 || feed_table_load(buf_slice(&kept), &loaded, err) < 0)
        return -1;
    copy = feed_table_copy(loaded);
    if (!copy)
        return error_set(err, ERR_NOMEM, "a copy");
    if (enrich_set_feed(e, "feed", TAKE(copy), err) < 0)
        return -1;
    buf_add_slice(said, buf_slice(&kept));
    say_listings(e, said);
    return 0;
}

static int parse_both(struct apart *reader, struct feed_table **first, struct feed_table **second, struct buf *said,
                      struct error *err)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    const char *text = scene_now->with;
    struct feed_report report = { 0 };

    for (int i = 0; i < 2; i++) {
        struct feed_table **ret = i ? second : first;
        int64_t now = i ? LATER_NS : NOW_NS;

        report = (struct feed_report) { 0 };
        if (reader ? feed_parse_apart(reader, slice_of(text), &opt, now, ret, &report, err) < 0
                   : feed_parse(slice_of(text), &opt, now, ret, &report, err) < 0)
            return -1;
    }
    buf_addf(said, "%d lines, %d entries, %d bad, %d skipped\n", (int)report.lines, (int)report.entries,
             (int)report.bad, (int)report.skipped);
    return 0;
}

static int play_feed_with(struct apart *reader, struct buf *said, struct error *err)
{
    struct feed_table *first = NULL, *second = NULL;

    if (parse_both(reader, &first, &second, said, err) < 0) {
        feed_table_free(first);
        feed_table_free(second);
        return -1;
    }
    return live_on(first, second, said, err);
}

static int play_feed(struct buf *said, struct error *err)
{
    return play_feed_with(NULL, said, err);
}

static int play_tags_with(struct apart *reader, struct buf *said, struct error *err)
{
    CLEANUP(network_table_freep) struct network_table *t = NULL;
    CLEANUP(enrich_freep) struct enrich *e = enrich_new();
    struct feed_report report = { 0 };

    if (!e)
        return error_set(err, ERR_NOMEM, "addresses");
    if (reader ? service_tags_parse_apart(reader, slice_of(tags), &t, &report, err) < 0
               : service_tags_parse(slice_of(tags), &t, &report, err) < 0)
        return -1;
    if (enrich_set_azure(e, TAKE(t), err) < 0)
        return -1;
    buf_addf(said, "%d lines, %d entries, %d bad: %s\n", (int)report.lines, (int)report.entries, (int)report.bad,
             report.each[0].reason);
    say_networks(e, said);
    return 0;
}

static int play_tags(struct buf *said, struct error *err)
{
    return play_tags_with(NULL, said, err);
}

/* In the reader, which has memory: it is the agent that is refused. The same reader goes on. */
static int play_apart(int (*play)(struct apart *reader, struct buf *said, struct error *err), struct buf *said,
                      struct error *err)
{
    static const struct apart_config cfg = { .stall_ms = 100000 };
    static struct buf again = BUF_INIT(100000);
    struct error later = { 0 };
    struct apart *reader = NULL;
    int rc = apart_new(&cfg, &reader, err);

    if (rc == 0)
        rc = play(reader, said, err);
    (void)scene_pause();
    if (rc < 0 && reader && play(reader, &again, &later) < 0)
        scene_fail("after '%s' the same reader says: %s", err->msg, later.msg);
    buf_release(&again);
    apart_free(reader);
    return rc;
}

static int play_feed_apart(struct buf *said, struct error *err)
{
    return play_apart(play_feed_with, said, err);
}

static int say_row(void *self, const struct answer_row *row, struct error *err UNUSED)
{
    buf_addf(self, "%.*s %d\n", SLF(answer_text(row, "Type")), (int)answer_int(row, "Rows", -1));
    return 0;
}

static int play_answer_with(struct apart *reader, struct buf *said, struct error *err)
{
    return answer_each_row_apart(reader, SL("{\"tables\":[{\"columns\":[{\"name\":\"Type\"},{\"name\":\"Rows\"}],\"rows\":["
                                            "[\"CDBDataPlaneRequests\",7],[\"AzureActivity\",null]]}]}"),
                                 say_row, said, err);
}

static int play_answer(struct buf *said, struct error *err)
{
    return play_answer_with(NULL, said, err);
}

static int play_answer_apart(struct buf *said, struct error *err)
{
    return play_apart(play_answer_with, said, err);
}

static int play_tags_apart(struct buf *said, struct error *err)
{
    return play_apart(play_tags_with, said, err);
}

/* ---- feeds: fetching --------------------------------------------------------------------------------------- */

static struct feeder_settings by_file, by_url, of_azure;
static char tor_url[200], list_path[200], tags_path[200];

static const struct feeder_feed feeds[] = {
    { .name = "list", .type = "addresses", .settings = &by_file },
    { .name = "tor", .type = "tor_exits", .settings = &by_url },
    { .name = "azure", .type = FEEDER_AZURE, .settings = &of_azure },
};

static void before_fetch(void)
{
    folder_empty(path_of("state"));
    fake_services_init(&world, true);
    (void)snprintf(tor_url, sizeof tor_url, "%s/tor", outside);
    (void)snprintf(list_path, sizeof list_path, "%s", path_of("list.csv"));
    (void)snprintf(tags_path, sizeof tags_path, "%s", path_of("tags.json"));
    by_file = (struct feeder_settings) { .path = list_path, .confidence = 60, .refresh_ms = 3600000 };
    by_url = (struct feeder_settings) { .url = tor_url, .confidence = 60, .refresh_ms = 3600000 };
    of_azure = (struct feeder_settings) { .path = tags_path, .refresh_ms = 3600000 };
}

static bool is_all_there(struct feeder *f)
{
    struct json_object *list = feeder_status(f);
    bool is_all = true;

    for (size_t i = 0; i < json_object_array_length(list); i++)
        is_all &= !json_text(json_object_array_get_idx(list, i), "reason", "")[0] &&
                  json_number(json_object_array_get_idx(list, i), "entries") > 0;
    json_object_put(list);
    return is_all;
}

struct fetching {
    struct store *store;
    struct enrich *enrich;
    struct feeder *feeder;
};

static int begin_fetching(struct fetching *g, struct error *err)
{
    static const struct http_client_config client = { .user_agent = "test" };

    world.sv.http = http_client_new(&client, &world.sv);
    g->enrich = enrich_new();
    if (!world.sv.http || !g->enrich)
        return error_set(err, ERR_NOMEM, "HTTP client and addresses");
    return feeder_new(&(struct feeder_config) { .sv = &world.sv,
                                                .enrich = g->enrich,
                                                .feeds = feeds,
                                                .feeds_len = ARRAY_LEN(feeds) },
                      &g->feeder, err);
}

static void end_fetching(struct fetching *g)
{
    feeder_free(g->feeder);
    enrich_free(g->enrich);
    store_close(g->store);
    fake_services_release(&world);
}

static void say_all(const struct enrich *e, struct buf *said)
{
    say_listings(e, said);
    say_networks(e, said);
}

/* A feed that failed is asked for again by and by, and then it is all there: by the same feeder. */
static int settle(struct fetching *g, struct buf *said, struct error *err)
{
    int rc = feeder_first(g->feeder, g->store, false, err);
    bool was = scene_pause();

    for (int i = 0; rc == 0 && i < 5 && !is_all_there(g->feeder); i++) {
        fake_services_pass(&world, 61000);
        rc = feeder_first(g->feeder, g->store, false, err);
    }
    if (rc == 0 && !is_all_there(g->feeder))
        scene_fail("a feed never came");
    if (rc == 0)
        say_all(g->enrich, said);
    scene_go_on(was);
    return rc;
}

static int play_fetch(struct buf *said, struct error *err)
{
    struct fetching g = { 0 };
    bool was = scene_pause();
    int rc;

    SCENE_NEEDS(store_open(&(struct store_config) { .dir = path_of("state") }, STORE_RUN, &g.store, err) == 0);
    scene_go_on(was);
    rc = begin_fetching(&g, err);
    if (rc == 0)
        rc = settle(&g, said, err);
    (void)scene_pause();
    end_fetching(&g);
    return rc;
}

/* A start where a list is kept and the network is gone: what was kept is there, or it is no start. What only a reader can
 * read is there as soon as there is one. */
static int play_kept_with(struct apart *reader, struct buf *said, struct error *err)
{
    struct fetching g = { 0 };
    bool was = scene_pause();
    int rc;

    SCENE_NEEDS(store_open(&(struct store_config) { .dir = path_of("state") }, STORE_RUN, &g.store, err) == 0 &&
                begin_fetching(&g, err) == 0 && settle(&g, said, err) == 0);
    end_fetching(&g);
    buf_clear(said);
    g = (struct fetching) { 0 };
    fake_services_init(&world, true);
    (void)snprintf(tor_url, sizeof tor_url, "http://127.0.0.1:1/tor");
    (void)snprintf(list_path, sizeof list_path, "/nonexistent/list.csv");
    (void)snprintf(tags_path, sizeof tags_path, "/nonexistent/tags.json");
    SCENE_NEEDS(store_open(&(struct store_config) { .dir = path_of("state") }, STORE_RUN, &g.store, err) == 0 &&
                begin_fetching(&g, err) == 0);
    world.sv.reader = reader;
    scene_go_on(was);
    rc = feeder_first(g.feeder, g.store, false, err);
    (void)scene_pause();
    if (rc == 0 && reader) {
        SCENE_NEEDS(apart_start(reader, err) == 0);
        feeder_swap(g.feeder, g.store);
    }
    if (rc == 0)
        say_all(g.enrich, said);
    end_fetching(&g);
    return rc;
}

static int play_kept(struct buf *said, struct error *err)
{
    return play_kept_with(NULL, said, err);
}

static int play_kept_apart(struct buf *said, struct error *err)
{
    struct apart *reader = NULL;
    bool was = scene_pause();
    int rc;

    SCENE_NEEDS(apart_new(&(struct apart_config) { .stall_ms = 100000 }, &reader, err) == 0);
    scene_go_on(was);
    rc = play_kept_with(reader, said, err);
    (void)scene_pause();
    apart_free(reader);
    return rc;
}

/* ---- places ------------------------------------------------------------------------------------------------ */

static int play_places(struct buf *said, struct error *err)
{
    static const char *const addresses[] = { "203.0.113.9", "198.51.100.7", "192.0.2.1" };
    struct places *p = places_new();
    int rc = p ? 0 : error_set(err, ERR_NOMEM, "places");

    if (rc == 0)
        rc = places_add_database(p, path_of("places.mmdb"), PLACES_NOW, err);
    if (rc == 0)
        rc = places_refresh(p, err) < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(addresses); i++) {
        struct place at;

        places_find(p, NULL, slice_of(addresses[i]), SL(""), &at);
        buf_addf(said, "%s: %s %s %s %d\n", addresses[i], at.country, at.city, at.org, (int)at.asn);
    }
    places_free(p);
    return rc;
}

/* ---- all --------------------------------------------------------------------------------------------------- */

#define TOKEN_SCENE(name, id)                                                                                \
    {                                                                                                        \
        name, before_token, play_token, NULL, &id, 1                                                         \
    }
#define FEED_SCENE(name, text)                                                                               \
    {                                                                                                        \
        name, NULL, play_feed, NULL, text, 1                                                                 \
    }

static const struct scene scenes[] = {
    TOKEN_SCENE("token: secret", secret_id),
    TOKEN_SCENE("token: refused", refused_id),
    TOKEN_SCENE("token: secret in a file", reference_id),
    TOKEN_SCENE("token: certificate", pem_id),
    TOKEN_SCENE("token: locked certificate", locked_id),
    TOKEN_SCENE("token: PFX", pfx_id),
    TOKEN_SCENE("token: workload", workload_id),
    TOKEN_SCENE("token: virtual machine", vm_id),
    TOKEN_SCENE("token: App Service", app_service_id),
    TOKEN_SCENE("token: machine learning", ml_id),
    TOKEN_SCENE("token: Service Fabric", fabric_id),
    TOKEN_SCENE("token: another's Service Fabric", other_fabric_id),
    TOKEN_SCENE("token: Arc", arc_id),
    TOKEN_SCENE("token: environment", default_id),
    FEED_SCENE("feed: list", TOR_LIST),
    FEED_SCENE("feed: csv", csv),
    FEED_SCENE("feed: exits", exits),
    FEED_SCENE("feed: STIX", stix),
    FEED_SCENE("feed: workspace", workspace),
    { "feed: in the reader", NULL, play_feed_apart, NULL, csv, 1 },
    { "service tags", NULL, play_tags, NULL, NULL, 1 },
    { "service tags: in the reader", NULL, play_tags_apart, NULL, NULL, 1 },
    { "small answer", NULL, play_answer, NULL, NULL, 1 },
    { "small answer: in the reader", NULL, play_answer_apart, NULL, NULL, 1 },
    { "feeds: fetched", before_fetch, play_fetch, NULL, NULL, 1 },
    { "feeds: kept", before_fetch, play_kept, NULL, NULL, 1 },
    { "feeds: kept, in the reader", before_fetch, play_kept_apart, NULL, NULL, 1 },
    { "places", NULL, play_places, NULL, NULL, 1 },
};

static void start(void)
{
    static const struct mmdb_entry places[] = {
        { .cidr = "203.0.113.0/24", .country = "DE", .city = "Berlin", .lat = 52.5, .lon = 13.4 },
        { .cidr = "198.51.100.0/24", .country = "US", .asn = 64500, .org = "Example" },
    };

    log_set_fd(-1);
    folder = folder_in_memory();
    ck_assert(secret_set(&app_secret, SL("s3cret")) && secret_set(&password, SL("p w")));
    ck_assert_int_eq(mkdir(path_of("state"), 0700), 0);
    folder_write(&folder, "secret", "s3cret\n");
    folder_write(&folder, "federated", "FED.ONE\n");
    folder_write(&folder, "0f.key", "KEY+CONTENT=\n");
    folder_write(&folder, "list.csv", csv);
    folder_write(&folder, "tags.json", tags);
    cert_make(path_of("app.pem"), &(struct cert_wish) { .cn = "app", .is_rsa = true });
    cert_make(path_of("locked.pem"), &(struct cert_wish) { .cn = "app", .is_rsa = true, .key_password = "p w" });
    cert_to_pfx(path_of("app.pem"), path_of("app.pfx"), "p w");
    mmdb_write(path_of("places.mmdb"), "GeoLite2-City", 1787220000, places, ARRAY_LEN(places));
    cert_make(path_of("fabric.pem"), &(struct cert_wish) { .cn = "fabric" });
    cert_sha1(path_of("fabric.pem"), thumbprint);
    server = outsider_http(answer, NULL, outside);
    fabric_server = outsider_http(answer, &(struct httpd_tls) { path_of("fabric.pem"), path_of("fabric.pem"), NULL }, fabric);
}

static void stop(void)
{
    outsider_end(server);
    outsider_end(fabric_server);
    folder_empty(path_of("state"));
    (void)rmdir(path_of("state"));
    folder_remove(&folder);
    secret_release(&app_secret);
    secret_release(&password);
}

START_TEST(what_comes_from_outside_comes_whole_or_later)
{
    ck_assert_int_eq(scene_torture(&scenes[_i]), 0);
}
END_TEST

int main(int argc, char **argv)
{
    static apart_service *const services[] = { [DECODE_SERVICE] = decode_serve, [FEED_SERVICE] = feed_serve,
                                               [ANSWER_SERVICE] = answer_serve };

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    return torture_main("torture: inputs", what_comes_from_outside_comes_whole_or_later, (int)ARRAY_LEN(scenes), start,
                        stop);
}
