/* fuzz_outputs - any bytes as a receiver's HTTP answer, headers and all, over a real connection: what each output makes of
 * it. The first byte chooses the output. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/output.h"
#include "tests/fuzz/fuzz_output.h"

#define ITEMS 3

/* The secret is sent to those that have it in `secret`; the fuzzer puts it into answers by itself. */
static const struct { const char *type, *options, *secret; } outputs[] = {
    { "elastic", "url: %s\nindex: i\napi_key: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "splunk_hec", "url: %s\ntoken: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "servicenow", "url: %s\nusername: u\npassword: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "jira", "url: %s\nproject: SEC\nusername: u\ntoken: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "opsgenie", "url: %s\napi_key: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "slack", "url: ${env:FUZZ_URL}\n", NULL },
    { "teams", "url: ${env:FUZZ_URL}\n", NULL },
    { "pagerduty", "url: %s\nrouting_key: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "webhook", "url: %s\ntoken: ${env:FUZZ_SECRET}\n", FUZZ_SECRET_TEXT },
    { "sentinel", "endpoint: %s\nrule: dcr-00000000000000000000000000000000\nauth:\n  type: client_secret\n"
                  "  tenant: 11111111-2222-4333-8444-555555555555\n  client_id: 22222222-2222-4333-8444-555555555555\n"
                  "  client_secret: ${env:FUZZ_SECRET}\n  authority: %s\n", NULL },
};

static void answer(void *self, const struct httpd_request *rq, struct httpd_reply *say)
{
    const struct slice *text = self;

    if (strstr(rq->target, "/oauth2/")) {
        httpd_say(say, 200, "Content-Type: application/json\r\n", FUZZ_TOKEN_JSON);
        return;
    }
    buf_add_slice(&say->bytes, *text);
    say->close = true;
}

/* A reason is for a log line and a terminal. */
static void check_reason(const struct delivery_result *r, const char *secret)
{
    size_t len = strnlen(r->reason, sizeof r->reason);

    PROMISE(len < sizeof r->reason && r->retry_after_ms >= 0);
    PROMISE(r->verdict >= DELIVERY_ACCEPTED && r->verdict <= DELIVERY_REFUSED);
    PROMISE(!secret || !strstr(r->reason, secret));
}

static void deliver(struct fuzz_output *o, const char *secret)
{
    struct output_item items[ITEMS];
    struct delivery_result each[ITEMS];
    struct error err = { 0 };

    for (size_t i = 0; i < ITEMS; i++) {
        items[i] = (struct output_item){ .alert = o->alert, .payload = buf_slice(&o->payload) };
        each[i] = (struct delivery_result){ .verdict = DELIVERY_RETRY };
    }
    if (o->ops->deliver(o->self, items, o->ops->batch_max < ITEMS ? o->ops->batch_max : ITEMS, each, &err) < 0)
        PROMISE(err.code != ERR_NONE && err.msg[0] && (!secret || !strstr(err.msg, secret)));
    else
        for (size_t i = 0; i < ITEMS && i < o->ops->batch_max; i++)
            check_reason(&each[i], secret);
}

static void probe(struct fuzz_output *o, const char *secret)
{
    struct buf said = BUF_INIT(4096);
    struct error err = { 0 };

    if (o->ops->probe && o->ops->probe(o->self, &said, &err) < 0)
        PROMISE(err.code != ERR_NONE && (!secret || !strstr(err.msg, secret)));
    buf_release(&said);
}

FUZZ_TARGET(outputs)
{
    static struct slice text; /* what the receiver says; of the server's thread as well, but only while it is asked */
    static struct fuzz_output opened[ARRAY_LEN(outputs)];
    struct slice rest = slice_make((const char *)data, size);
    unsigned which = fuzz_choose(&rest, ARRAY_LEN(outputs));
    struct fuzz_output *o = &opened[which];

    text = rest;
    fuzz_world_start(answer, &text);
    if (!o->self)
        PROMISE(fuzz_output_open(o, outputs[which].type, slice_of(outputs[which].options)));
    deliver(o, outputs[which].secret);
    probe(o, outputs[which].secret);
    fuzz_world_rest();
    return 0;
}
