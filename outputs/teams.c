/* teams - alerts as cards in a Microsoft Teams channel, by a workflow ("When a Teams webhook request is received").
 *
 * The connectors of Office 365 that took MessageCards are retired; this sends an Adaptive Card as a workflow wants it. The
 * URL is the secret (it holds a signature): it is given by reference, in no message, and never taken apart.
 * Texts from the wire are escaped for the Markdown that cards render, and kept from being links.
 * Accepted: 2xx, which says that the flow was started. What Teams does with the card later is told to nobody, so the card
 * stays well under the 28 KB that a message may have.
 * Source: Microsoft Learn "Create incoming webhooks with Workflows", adaptivecards.io schema 1.4; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/json_out.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"

#include <stddef.h>

#define CARD_MAX ((size_t)28 << 10)
#define TITLE_MAX 200
#define WHY_MAX 1500

struct teams {
    struct secret url;
    char *url_reference;
    struct endpoint endpoint;
};

static const struct option_spec teams_options[] = {
    { .key = "url", .type = OPT_SECRET, .at = offsetof(struct teams, url), .required = true,
      .reference_at = offsetof(struct teams, url_reference), .example = "${file:/etc/cosmowatch/teams-workflow}",
      .help = "reference to the URL of the workflow's trigger, which is a secret" },
    ENDPOINT_OPTIONS(offsetof(struct teams, endpoint)),
    { 0 },
};

static int teams_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct teams *t = self;

    return endpoint_open(&t->endpoint, secret_reveal(&t->url), name, sv, err);
}

static void teams_close(void *self UNUSED)
{
}

/* The Markdown subset of a TextBlock. */
static void add_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("[]()*_`\\#>~", text.at[i]) && text.at[i])
            buf_add_char(out, '\\');
        buf_add_char(out, text.at[i]);
    }
}

/* A fact is shown as it is, backslashes too; only a link needs breaking. */
static void add_fact_value(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        buf_add_char(out, text.at[i]);
        if (text.at[i] == ']' && i + 1 < text.len && text.at[i + 1] == '(')
            buf_add_char(out, ' ');
    }
}

static void add_block(struct buf *out, const char *style, struct slice text)
{
    CLEANUP(buf_release) struct buf escaped = BUF_INIT(CARD_MAX);

    add_escaped(&escaped, text);
    buf_addf(out, "{\"type\":\"TextBlock\",\"wrap\":true%s,\"text\":", style);
    json_add_string(out, buf_slice(&escaped));
    buf_add_char(out, '}');
    out->failed |= escaped.failed;
}

static void add_facts(struct buf *out, const struct brief *b)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT(CARD_MAX);

    buf_add_str(out, "{\"type\":\"FactSet\",\"facts\":[");
    for (size_t i = 0; i < b->lines_len; i++) {
        buf_clear(&value);
        add_fact_value(&value, buf_slice(&b->lines[i].value));
        buf_addf(out, "%s{\"title\":\"%s\",\"value\":", i > 0 ? "," : "", b->lines[i].label);
        json_add_string(out, buf_slice(&value));
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}");
}

static const char *title_style(enum severity s)
{
    switch (s) {
    case SEVERITY_HIGH:
        return ",\"size\":\"Medium\",\"weight\":\"Bolder\",\"color\":\"Attention\"";
    case SEVERITY_MEDIUM:
        return ",\"size\":\"Medium\",\"weight\":\"Bolder\",\"color\":\"Warning\"";
    case SEVERITY_LOW:
    case SEVERITY_INFORMATIONAL:
        break;
    }
    return ",\"size\":\"Medium\",\"weight\":\"Bolder\",\"color\":\"Accent\"";
}

static int add_message(const struct alert *a, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };

    if (brief_init(&b, a, TITLE_MAX, WHY_MAX, err) < 0)
        return -1;
    buf_add_str(out, "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\","
                     "\"contentUrl\":null,\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
                     "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"msteams\":{\"width\":\"Full\"},\"body\":[");
    add_block(out, title_style(a->severity), buf_slice(&b.title));
    buf_add_char(out, ',');
    add_block(out, "", buf_slice(&b.why));
    buf_add_char(out, ',');
    add_facts(out, &b);
    buf_add_char(out, ']');
    if (b.gist.link.len > 0) {
        buf_add_str(out, ",\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open in the Azure portal\",\"url\":");
        json_add_string(out, buf_slice(&b.gist.link));
        buf_add_str(out, "}]");
    }
    buf_add_str(out, "}}]}");
    return buf_check(out, err);
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(CARD_MAX);
    struct teams *t = self;
    const struct endpoint_user nobody = { 0 };

    if (add_message(item->alert, &body, err) < 0 ||
        endpoint_post(&t->endpoint, &nobody, secret_reveal(&t->url), buf_slice(&body), ret, 1, err) < 0)
        return -1;
    if (ret->verdict == DELIVERY_HOLD)
        (void)endpoint_read_again(&t->url, t->url_reference); /* for the next try */
    return 0;
}

static int teams_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                         struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

static int teams_probe(void *self, struct buf *said, struct error *err)
{
    struct teams *t = self;
    const struct endpoint_user nobody = { 0 };

    return endpoint_probe(&t->endpoint, &nobody, secret_reveal(&t->url), said, err);
}

const struct output_ops output_teams = {
    .name = "teams",
    .summary = "alerts as cards in a Microsoft Teams channel, by a workflow",
    .options = teams_options,
    .size = sizeof(struct teams),
    .default_format = "json",
    .batch_max = 10,
    .batch_bytes_max = (size_t)1 << 20,
    .open = teams_open,
    .deliver = teams_deliver,
    .probe = teams_probe,
    .close = teams_close,
};
