/* opsgenie - alerts of Opsgenie (which is to be switched off on 5 April 2027; its successor is Jira Service Management).
 *
 * The alert id is the alias: updates count up the same Opsgenie alert. The key must be of an API integration. Accepted: 202, which
 * says that the request was queued there.
 * Source: Opsgenie "Alert API", read 2026. SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/severity.h"

#include <stddef.h>

#define BODY_MAX ((size_t)128 << 10)
#define MESSAGE_MAX 130
#define TAG_MAX 50
#define DESCRIPTION_MAX 15000 /* bytes here, characters there */

struct opsgenie {
    char *url;
    struct secret api_key;
    char *api_key_reference;
    struct endpoint endpoint;

    struct authorization authorization;
};

static const struct option_spec opsgenie_options[] = {
    { .key = "api_key", .type = OPT_SECRET, .at = offsetof(struct opsgenie, api_key), .required = true,
      .reference_at = offsetof(struct opsgenie, api_key_reference), .example = "${file:/etc/cosmowatch/opsgenie}",
      .help = "reference to the key of an API integration" },
    { .key = "url", .type = OPT_URL, .at = offsetof(struct opsgenie, url), .preset = "https://api.opsgenie.com",
      .help = "API; Europe: https://api.eu.opsgenie.com" },
    ENDPOINT_OPTIONS(offsetof(struct opsgenie, endpoint)),
    { 0 },
};

static int opsgenie_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct opsgenie *o = self;

    o->authorization = (struct authorization){ .scheme = "GenieKey", .secret = &o->api_key,
                                               .reference = o->api_key_reference };
    if (endpoint_open(&o->endpoint, o->url, name, sv, err) < 0)
        return -1;
    return authorization_open(&o->authorization, err);
}

static void opsgenie_close(void *self)
{
    authorization_close(&((struct opsgenie *)self)->authorization);
}

static int add_alert(const struct alert *a, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };
    CLEANUP(buf_release) struct buf text = BUF_INIT(BODY_MAX);

    if (brief_init(&b, a, MESSAGE_MAX, 2000, err) < 0)
        return -1;
    brief_add_plain(&text, &b);
    out->failed |= text.failed;
    buf_add_char(out, '{');
    json_add_member(out, "message", buf_slice(&b.title));
    json_add_member(out, "alias", slice_of(a->id));
    json_add_member(out, "description", slice_cut(buf_slice(&text), DESCRIPTION_MAX));
    json_add_member(out, "priority", slice_of(severity_scale(a->severity)->opsgenie));
    json_add_member(out, "entity", slice_of(a->account));
    json_add_member(out, "source", SL(GIST_VENDOR));
    json_add_key(out, "tags");
    buf_add_char(out, '[');
    json_add_string(out, slice_cut(slice_of(a->type->id), TAG_MAX));
    buf_add_char(out, ',');
    json_add_string(out, slice_cut(slice_of(a->type->intent), TAG_MAX));
    buf_add_char(out, ']');
    json_add_key(out, "details");
    buf_add_char(out, '{');
    for (size_t i = 0; i < b.lines_len; i++)
        json_add_member(out, b.lines[i].label, buf_slice(&b.lines[i].value));
    buf_add_str(out, "}}");
    return buf_check(out, err);
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX), url = BUF_HERE(4096);
    struct opsgenie *o = self;
    const struct endpoint_user user = authorization_user(&o->authorization);

    if (add_alert(item->alert, &body, err) < 0 || endpoint_add_url(&url, o->url, "/v2/alerts", err) < 0)
        return -1;
    return endpoint_post(&o->endpoint, &user, buf_cstr(&url), buf_slice(&body), ret, 1, err);
}

static int opsgenie_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                            struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

static int opsgenie_probe(void *self, struct buf *said, struct error *err)
{
    struct opsgenie *o = self;
    const struct endpoint_user user = authorization_user(&o->authorization);

    return endpoint_probe(&o->endpoint, &user, o->url, said, err);
}

const struct output_ops output_opsgenie = {
    .name = "opsgenie",
    .summary = "alerts of Opsgenie",
    .options = opsgenie_options,
    .size = sizeof(struct opsgenie),
    .default_format = "json",
    .batch_max = 20,
    .batch_bytes_max = (size_t)1 << 20,
    .open = opsgenie_open,
    .deliver = opsgenie_deliver,
    .probe = opsgenie_probe,
    .close = opsgenie_close,
};
