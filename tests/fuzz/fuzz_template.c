/* fuzz_template - any bytes as the operator's own body, and hostile ones in the alert that goes into it: a template that was
 * taken gives JSON, whatever the alert holds. Before the first NUL the template, behind it the alert's text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "outputs/output.h"
#include "tests/fuzz/fuzz_alert.h"
#include "tests/fuzz/fuzz_output.h"

static struct buf got;

static void answer(void *self UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    buf_clear(&got);
    buf_add_slice(&got, rq->body);
    httpd_say(say, 200, "", "");
}

static void send(struct fuzz_output *o, struct slice text)
{
    struct alert *a = fuzz_alert_with(text);
    struct buf payload = BUF_INIT((size_t)4 << 20);
    struct delivery_result ret = { 0 };
    struct error err = { 0 };

    PROMISE(encoder_find("json")->encode(a, &payload, &err) == 0);
    buf_clear(&got);
    if (o->ops->deliver(o->self, &(struct output_item){ .alert = a, .payload = buf_slice(&payload) }, 1, &ret, &err) == 0 &&
        ret.verdict == DELIVERY_ACCEPTED) {
        struct buf line = BUF_INIT((size_t)8 << 20);

        /* The template may have line ends of its own between its members. */
        for (size_t i = 0; i < got.len; i++)
            buf_add_char(&line, got.at[i] == '\n' || got.at[i] == '\r' ? ' ' : got.at[i]);
        (void)buf_cstr(&line);
        if (!slice_eq(slice_trim(buf_slice(&line)), SL("null"))) /* {{ evidence.none }} and nothing else: what is not there */
            fuzz_check_json(buf_slice(&line));
        buf_release(&line);
    }
    alert_free(a);
    buf_release(&payload);
}

FUZZ_TARGET(template)
{
    const char *nul = size ? memchr(data, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - (const char *)data) : size;
    struct slice body = slice_make((const char *)data, len);
    struct slice text = nul ? slice_make(nul + 1, size - len - 1) : SL("plain");
    struct buf options = BUF_INIT((size_t)4 << 20);
    struct fuzz_output o = { 0 };

    got.max = (size_t)8 << 20;
    fuzz_world_start(answer, NULL);
    buf_add_str(&options, "url: %s\nbody: "); /* JSON's texts are YAML's */
    json_add_string(&options, body);
    if (fuzz_output_open(&o, "template", buf_slice(&options)))
        send(&o, text);
    fuzz_output_close(&o);
    buf_release(&options);
    return 0;
}
