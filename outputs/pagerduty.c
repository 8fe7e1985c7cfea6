/* pagerduty - alerts as events of PagerDuty's Events API v2.
 *
 * The alert id is the dedup_key: updates of an alert fold into one incident. custom_details hold the whole alert in the
 * output's format when it is JSON. Resolving is for whoever works on the incident.
 * The routing key stands in the body, so the body is made here and never kept: what is parked is the alert alone.
 * Accepted: 202. About 120 events a minute are taken for one key, then 429: "wait 30 seconds or more" when it names no time.
 * Source: PagerDuty developer pages "Events API v2"; read 2026. SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/severity.h"
#include "outputs/kit/verdict.h"

#include <stddef.h>

#define EVENT_MAX ((size_t)500 << 10) /* theirs is 512 KB */
#define UNSAID_WAIT_MS 30000

struct pagerduty {
    char *url;
    struct secret routing_key;
    char *routing_key_reference;
    struct endpoint endpoint;
};

static const struct option_spec pagerduty_options[] = {
    { .key = "routing_key", .type = OPT_SECRET, .at = offsetof(struct pagerduty, routing_key), .required = true,
      .reference_at = offsetof(struct pagerduty, routing_key_reference),
      .example = "${file:/etc/cosmowatch/pagerduty}", .help = "reference to the integration key of the service" },
    { .key = "url", .type = OPT_URL, .at = offsetof(struct pagerduty, url),
      .preset = "https://events.pagerduty.com/v2/enqueue", .help = "events API; Europe: events.eu.pagerduty.com" },
    ENDPOINT_OPTIONS(offsetof(struct pagerduty, endpoint)),
    { 0 },
};

static int pagerduty_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct pagerduty *p = self;

    return endpoint_open(&p->endpoint, p->url, name, sv, err);
}

static void pagerduty_close(void *self UNUSED)
{
}

static void add_details(struct buf *out, const struct brief *b, struct slice payload)
{
    json_add_key(out, "custom_details");
    if (slice_starts(payload, SL("{")) && payload.len < EVENT_MAX - 16384) {
        buf_add_slice(out, payload);
        return;
    }
    buf_add_char(out, '{');
    json_add_known(out, "why", buf_slice(&b->why));
    for (size_t i = 0; i < b->lines_len; i++)
        json_add_known(out, b->lines[i].label, buf_slice(&b->lines[i].value));
    buf_add_char(out, '}');
}

static void add_payload(struct buf *out, const struct brief *b, struct slice payload)
{
    CLEANUP(buf_release) struct buf time = BUF_HERE(64);
    const struct alert *a = b->gist.alert;

    time_add_iso(&time, a->last_ns, 3);
    json_add_key(out, "payload");
    buf_add_char(out, '{');
    json_add_known(out, "summary", buf_slice(&b->title));
    json_add_known(out, "source", a->account[0] ? slice_of(a->account) : SL("Azure Cosmos DB"));
    json_add_known(out, "severity", slice_of(severity_scale(a->severity)->pagerduty));
    json_add_known(out, "timestamp", buf_slice(&time));
    json_add_known(out, "component", SL("cosmosdb"));
    if (b->gist.has_arm)
        json_add_known(out, "group", b->gist.arm.subscription);
    json_add_known(out, "class", slice_of(a->type->id));
    add_details(out, b, payload);
    buf_add_char(out, '}');
}

static int add_event(const struct pagerduty *p, const struct output_item *item, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };

    if (brief_init(&b, item->alert, 1024, 1000, err) < 0)
        return -1;
    buf_add_char(out, '{');
    json_add_known(out, "routing_key", slice_make(secret_reveal(&p->routing_key), p->routing_key.len));
    json_add_known(out, "event_action", SL("trigger"));
    json_add_known(out, "dedup_key", slice_of(item->alert->id));
    json_add_known(out, "client", SL(GIST_VENDOR));
    json_add_known(out, "client_url", buf_slice(&b.gist.link));
    add_payload(out, &b, item->payload);
    if (b.gist.link.len > 0) {
        buf_add_str(out, ",\"links\":[{");
        json_add_known(out, "href", buf_slice(&b.gist.link));
        json_add_known(out, "text", SL("The account in the Azure portal"));
        buf_add_str(out, "}]");
    }
    buf_add_char(out, '}');
    return buf_check(out, err);
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_PRIVATE(EVENT_MAX);
    struct pagerduty *p = self;
    const struct endpoint_user nobody = { 0 };
    int rc = -1;

    if (add_event(p, item, &body, err) == 0)
        rc = endpoint_post(&p->endpoint, &nobody, p->url, buf_slice(&body), ret, 1, err);
    if (rc == 0 && ret->verdict == DELIVERY_RETRY && ret->retry_after_ms == 0)
        ret->retry_after_ms = UNSAID_WAIT_MS;
    /* A wrong key is answered with 400 as well: the next file of it may be right. */
    if (rc == 0 && ret->verdict == DELIVERY_REFUSED && strcasestr(ret->reason, "routing"))
        ret->verdict = DELIVERY_HOLD;
    if (rc == 0 && ret->verdict == DELIVERY_HOLD)
        (void)endpoint_read_again(&p->routing_key, p->routing_key_reference); /* for the next try */
    return rc;
}

static int pagerduty_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                             struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

static int pagerduty_probe(void *self, struct buf *said, struct error *err)
{
    struct pagerduty *p = self;
    const struct endpoint_user nobody = { 0 };

    return endpoint_probe(&p->endpoint, &nobody, p->url, said, err);
}

const struct output_ops output_pagerduty = {
    .name = "pagerduty",
    .summary = "alerts as PagerDuty incidents, by the Events API v2",
    .options = pagerduty_options,
    .size = sizeof(struct pagerduty),
    .default_format = "json",
    .batch_max = 20,
    .batch_bytes_max = (size_t)1 << 20,
    .open = pagerduty_open,
    .deliver = pagerduty_deliver,
    .probe = pagerduty_probe,
    .close = pagerduty_close,
};
