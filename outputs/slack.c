/* slack - alerts as messages of a Slack channel, by an incoming webhook.
 *
 * The URL is the secret: it is given by reference and in no message. Texts from the wire are escaped as mrkdwn wants
 * it (& < >), which also disarms mentions and links; the title is plain text.
 * Accepted: 200 with the body "ok". 403, 404 and 410 mean that the webhook or its channel is gone: held. A webhook neither
 * updates nor removes duplicates: an alert that is told again is another message, with the same alert id in it.
 * Source: Slack "Sending messages using incoming webhooks", "Block Kit reference"; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/json_out.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"

#include <stddef.h>

#define MESSAGE_MAX ((size_t)64 << 10)
#define HEADER_MAX 150
#define WHY_MAX 2000  /* all blocks together take some 13,000 characters */
#define SECTION_MAX 3000 /* characters, after escaping */
#define LINK_MAX 3000

struct slack {
    struct secret url;
    char *url_reference;
    struct endpoint endpoint;
};

static const struct option_spec slack_options[] = {
    { .key = "url", .type = OPT_SECRET, .at = offsetof(struct slack, url), .required = true,
      .reference_at = offsetof(struct slack, url_reference), .example = "${file:/etc/cosmowatch/slack-webhook}",
      .help = "reference to the URL of the incoming webhook, which is a secret" },
    ENDPOINT_OPTIONS(offsetof(struct slack, endpoint)),
    { 0 },
};

static int slack_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct slack *s = self;

    return endpoint_open(&s->endpoint, secret_reveal(&s->url), name, sv, err);
}

static void slack_close(void *self UNUSED)
{
}

/* What an attacker fills with & grows to five times its length, and the message would be refused as a whole. */
static void add_escaped(struct buf *out, struct slice text)
{
    size_t written = 0; /* characters */

    for (size_t i = 0; i < text.len; i++) {
        const char *escaped = text.at[i] == '&' ? "&amp;" : text.at[i] == '<' ? "&lt;" : text.at[i] == '>' ? "&gt;" : NULL;
        bool is_inside = ((unsigned char)text.at[i] & 0xc0) == 0x80; /* of a character that began before */

        written += escaped ? strlen(escaped) : is_inside ? 0 : 1;
        if (written > SECTION_MAX)
            return;
        if (escaped)
            buf_add_str(out, escaped);
        else
            buf_add_char(out, text.at[i]);
    }
}

static void add_text_object(struct buf *out, const char *type, const struct buf *text)
{
    buf_addf(out, "{\"type\":\"%s\",\"text\":", type);
    json_add_string(out, buf_slice(text));
    buf_add_char(out, '}');
    out->failed |= text->failed;
}

static void add_blocks(struct buf *out, const struct brief *b)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(MESSAGE_MAX);

    buf_add_str(out, "{\"type\":\"header\",\"text\":");
    add_text_object(out, "plain_text", &b->title);
    buf_add_str(out, "},{\"type\":\"section\",\"text\":");
    add_escaped(&text, buf_slice(&b->why));
    add_text_object(out, "mrkdwn", &text);
    buf_add_str(out, ",\"fields\":[");
    for (size_t i = 0; i < b->lines_len; i++) {
        buf_clear(&text);
        buf_addf(&text, "*%s*\n", b->lines[i].label);
        add_escaped(&text, buf_slice(&b->lines[i].value));
        buf_add_str(out, i > 0 ? "," : "");
        add_text_object(out, "mrkdwn", &text);
    }
    buf_add_str(out, "]}");
    if (b->gist.link.len > 0 && b->gist.link.len <= LINK_MAX) {
        buf_add_str(out, ",{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","
                         "\"text\":\"Open in the Azure portal\"},\"url\":");
        json_add_string(out, buf_slice(&b->gist.link));
        buf_add_str(out, "}]}");
    }
}

static int add_message(const struct alert *a, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };
    CLEANUP(buf_release) struct buf fallback = BUF_INIT(MESSAGE_MAX);

    if (brief_init(&b, a, HEADER_MAX, WHY_MAX, err) < 0)
        return -1;
    add_escaped(&fallback, buf_slice(&b.title));
    out->failed |= fallback.failed;
    buf_add_str(out, "{\"text\":");
    json_add_string(out, buf_slice(&fallback));
    buf_add_str(out, ",\"blocks\":[");
    add_blocks(out, &b);
    buf_add_str(out, "]}");
    return buf_check(out, err);
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf body = BUF_INIT(MESSAGE_MAX);
    struct slack *s = self;

    if (add_message(item->alert, &body, err) < 0)
        return -1;
    if (endpoint_send(&s->endpoint, &(struct http_request){ .method = "POST", .url = secret_reveal(&s->url),
                                                            .body = buf_slice(&body), .content_type = "application/json" },
                      &answer, err) < 0 ||
        verdict_from_answer(&answer, ret, 1, err) < 0)
        return -1;
    if (ret->verdict == DELIVERY_ACCEPTED && !slice_eq(slice_trim(buf_slice(&answer.body)), SL("ok")))
        verdict_all(ret, 1, DELIVERY_RETRY, 0, "HTTP 200 without Slack's \"ok\": is this a Slack webhook?");
    if (ret->verdict == DELIVERY_HOLD)
        (void)endpoint_read_again(&s->url, s->url_reference); /* for the next try */
    return 0;
}

static int slack_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                         struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

/* A webhook has no way of asking that is not a message. */
static int slack_probe(void *self, struct buf *said, struct error *err)
{
    struct slack *s = self;
    const struct endpoint_user nobody = { 0 };

    return endpoint_probe(&s->endpoint, &nobody, secret_reveal(&s->url), said, err);
}

const struct output_ops output_slack = {
    .name = "slack",
    .summary = "alerts as messages in a Slack channel, by an incoming webhook",
    .options = slack_options,
    .size = sizeof(struct slack),
    .default_format = "json",
    .batch_max = 10,
    .batch_bytes_max = (size_t)1 << 20,
    .open = slack_open,
    .deliver = slack_deliver,
    .probe = slack_probe,
    .close = slack_close,
};
