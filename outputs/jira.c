/* jira - alerts as issues of Jira Cloud, one for each alert.
 *
 * Jira removes no duplicates, so a label made from the alert id does: it is searched for before an issue is made, also after
 * a time-out, whose issue may exist. An update of an alert that has its issue changes nothing there. Between a time-out
 * and Jira's index a second issue can still slip in.
 * A 400 that names project, issue type, labels or a field that the project requires is held: no alert is at fault.
 * The description is a document of Atlassian's format, of text nodes only: nothing from the wire is markup in it.
 * Source: Jira Cloud REST API v3, "Create issue", "Search for issues using JQL enhanced search"; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"

#include <json-c/json.h>
#include <stddef.h>

#define BODY_MAX ((size_t)256 << 10)
#define SUMMARY_MAX 255
#define DESCRIPTION_MAX 32000 /* bytes here, 32,767 characters there */

struct jira {
    char *url, *username, *project, *issue_type;
    struct secret token;
    char *token_reference;
    struct endpoint endpoint;

    struct authorization authorization;
};

static void check_project(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const char *key = ((const struct jira *)self)->project;

    for (const char *p = key ? key : ""; *p; p++)
        if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_')) {
            settings_errors_add(errors, value, "a project is named by its key, capital letters and digits, as in SEC");
            return;
        }
}

static const struct option_spec jira_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct jira, url), .required = true,
      .example = "https://example.atlassian.net", .help = "the site" },
    { .key = "username", .type = OPT_STRING, .at = offsetof(struct jira, username), .required = true, .min = 1, .max = 254,
      .example = "cosmowatch@example.net", .help = "mail address of the account that makes the issues" },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct jira, token), .required = true,
      .reference_at = offsetof(struct jira, token_reference), .example = "${file:/etc/cosmowatch/jira-token}",
      .help = "reference to the account's API token" },
    { .key = "project", .type = OPT_STRING, .at = offsetof(struct jira, project), .required = true, .min = 1, .max = 255,
      .check = check_project, .example = "SEC", .help = "key of the project" },
    { .key = "issue_type", .type = OPT_STRING, .at = offsetof(struct jira, issue_type), .min = 1, .max = 255,
      .preset = "Task", .help = "name of the issue type" },
    ENDPOINT_OPTIONS(offsetof(struct jira, endpoint)),
    { 0 },
};

static int jira_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct jira *j = self;

    j->authorization = (struct authorization){ .user = j->username, .secret = &j->token,
                                               .reference = j->token_reference };
    if (endpoint_open(&j->endpoint, j->url, name, sv, err) < 0)
        return -1;
    return authorization_open(&j->authorization, err);
}

static void jira_close(void *self)
{
    authorization_close(&((struct jira *)self)->authorization);
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* *ret_found is set when the answer could be read; else the verdict is in ret. */
static int find_issue(struct jira *j, const struct alert *a, bool *ret_found, bool *ret_judged,
                      struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096), jql = BUF_HERE(1000);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    const struct endpoint_user user = authorization_user(&j->authorization);
    struct json_object *o = NULL, *issues = NULL;

    *ret_judged = false;
    if (endpoint_add_url(&url, j->url, "/rest/api/3/search/jql?maxResults=1&fields=key", err) < 0)
        return -1;
    buf_addf(&jql, "project = \"%s\" AND labels = \"cosmowatch-%s\"", j->project, a->id);
    http_form_add(&url, "jql", buf_slice(&jql));
    if (buf_check(&url, err) < 0 ||
        endpoint_call(&j->endpoint, &user, &(struct http_request){ .method = "GET", .url = buf_cstr(&url) }, &answer,
                      err) < 0)
        return -1;
    if (answer.status != 200) {
        if (verdict_from_answer(&answer, ret, 1, err) < 0)
            return -1;
        if (ret->verdict == DELIVERY_REFUSED || ret->verdict == DELIVERY_ACCEPTED)
            ret->verdict = DELIVERY_HOLD; /* a search that fails is no fault of the alert: the project, mostly */
        *ret_judged = true;
        return 0;
    }
    o = answer.body.len > 0 ? json_tokener_parse(buf_cstr(&answer.body)) : NULL;
    if (!json_object_object_get_ex(o, "issues", &issues) || !json_object_is_type(issues, json_type_array)) {
        json_object_put(o);
        return error_set(err, ERR_SERVER, "HTTP 200 whose body is no search result: is this Jira Cloud?");
    }
    *ret_found = json_object_array_length(issues) > 0;
    json_object_put(o);
    return 0;
}

/* ---- making ------------------------------------------------------------------------------------- */

/* A paragraph for each line; an empty text node is refused. */
static void add_document(struct buf *out, struct slice text)
{
    struct slice rest = text, line = { 0 };
    bool is_first = true;

    buf_add_str(out, "{\"type\":\"doc\",\"version\":1,\"content\":[");
    while (slice_split(&rest, '\n', &line)) {
        if (slice_empty(slice_trim(line)))
            continue;
        buf_add_str(out, is_first ? "" : ",");
        buf_add_str(out, "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":");
        json_add_string(out, line);
        buf_add_str(out, "}]}");
        is_first = false;
    }
    buf_add_str(out, "]}");
}

static int add_issue(const struct jira *j, const struct alert *a, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };
    CLEANUP(buf_release) struct buf text = BUF_INIT(BODY_MAX), label = BUF_HERE(100);

    if (brief_init(&b, a, SUMMARY_MAX, 4000, err) < 0)
        return -1;
    brief_add_plain(&text, &b);
    out->failed |= text.failed;
    buf_addf(&label, "cosmowatch-%s", a->id);
    buf_add_str(out, "{\"fields\":{\"project\":{");
    json_add_member(out, "key", slice_of(j->project));
    buf_add_str(out, "},\"issuetype\":{");
    json_add_member(out, "name", slice_of(j->issue_type));
    buf_add_char(out, '}');
    json_add_member(out, "summary", buf_slice(&b.title));
    json_add_key(out, "labels");
    buf_add_str(out, "[\"cosmowatch\",");
    json_add_string(out, buf_slice(&label));
    buf_add_char(out, ']');
    json_add_key(out, "description");
    add_document(out, slice_cut(buf_slice(&text), DESCRIPTION_MAX));
    buf_add_str(out, "}}");
    return buf_check(out, err);
}

/* Which fields Jira complains of. Only summary and description are made of the alert: another one (project, issue type,
 * labels, one that the project requires) would be wrong with every alert. */
static bool is_setup_fault(const struct http_answer *answer)
{
    struct json_object *o = answer->body.len > 0 ? json_tokener_parse(answer->body.at) : NULL, *errors = NULL;
    bool ret = json_object_object_get_ex(o, "errors", &errors) && json_object_is_type(errors, json_type_object) &&
               json_object_object_length(errors) > 0 && !json_object_object_get_ex(errors, "summary", NULL) &&
               !json_object_object_get_ex(errors, "description", NULL);

    json_object_put(o);
    return ret;
}

static int make_issue(struct jira *j, const char *url, struct slice body, struct delivery_result *ret, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    const struct endpoint_user user = authorization_user(&j->authorization);

    if (endpoint_call(&j->endpoint, &user, &(struct http_request){ .method = "POST", .url = url, .body = body,
                                                                   .content_type = "application/json" }, &answer, err) < 0 ||
        verdict_from_answer(&answer, ret, 1, err) < 0)
        return -1;
    if (ret->verdict == DELIVERY_REFUSED && is_setup_fault(&answer))
        ret->verdict = DELIVERY_HOLD;
    return 0;
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX), url = BUF_HERE(4096);
    struct jira *j = self;
    bool is_found = false, is_judged = false;

    if (find_issue(j, item->alert, &is_found, &is_judged, ret, err) < 0)
        return error_wrap(err, "search");
    if (is_judged)
        return 0;
    if (is_found) {
        verdict_all(ret, 1, DELIVERY_ACCEPTED, 0, "");
        return 0;
    }
    if (add_issue(j, item->alert, &body, err) < 0 || endpoint_add_url(&url, j->url, "/rest/api/3/issue", err) < 0)
        return -1;
    return make_issue(j, buf_cstr(&url), buf_slice(&body), ret, err);
}

static int jira_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                        struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

static int jira_probe(void *self, struct buf *said, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096);
    struct jira *j = self;
    const struct endpoint_user user = authorization_user(&j->authorization);

    if (endpoint_add_url(&url, j->url, "/rest/api/3/project/", err) < 0)
        return -1;
    buf_add_str(&url, j->project);
    if (buf_check(&url, err) < 0 ||
        endpoint_call(&j->endpoint, &user, &(struct http_request){ .method = "GET", .url = buf_cstr(&url) }, &answer,
                      err) < 0)
        return -1;
    if (answer.status != 200)
        return error_set(err, answer.status == 401 ? ERR_AUTH : answer.status == 404 ? ERR_NOT_FOUND : ERR_SERVER,
                         "project %s: HTTP %d", j->project, answer.status);
    buf_addf(said, "project %s is there for us", j->project);
    return 0;
}

const struct output_ops output_jira = {
    .name = "jira",
    .summary = "alerts as issues of Jira Cloud",
    .options = jira_options,
    .size = sizeof(struct jira),
    .default_format = "json",
    .batch_max = 10,
    .batch_bytes_max = (size_t)1 << 20,
    .open = jira_open,
    .deliver = jira_deliver,
    .probe = jira_probe,
    .close = jira_close,
};
