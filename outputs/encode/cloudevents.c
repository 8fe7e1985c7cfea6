/* cloudevents.c - see cloudevents.h. The encoder `cloudevents` is structured around the native format.
 *
 * attribute       | value
 * ----------------|----------------------------------------------------------------------------------------
 * specversion     | "1.0"
 * id              | record id: source and id are the receiver's key against duplicates
 * source          | full id of the account in published case; "/cosmowatch/" and its name when that is unknown.
 *                 | Percent-encoded where a URI wants it
 * type            | "io.cosmowatch.alert.v1"
 * subject         | alert id, the same over all updates
 * time            | last event
 * datacontenttype | the inner format's
 * severity        | extension: informational, low, medium, high
 * alerttype       | extension: type id
 * partitionkey    | extension: alert id, keeps the updates of an alert in order
 * dataformat      | extension: name of the inner format, "json"
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/encode/cloudevents.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"
#include "outputs/kit/fit.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

extern const struct encoder encoder_json;

struct attribute {
    const char *name;
    struct slice value;
};

struct attributes {
    struct attribute at[12];
    size_t len;
    struct buf source, time;
};

static void attributes_release(struct attributes *s)
{
    buf_release(&s->source);
    buf_release(&s->time);
}

static void put(struct attributes *s, const char *name, struct slice value)
{
    if (s->len < ARRAY_LEN(s->at) && !slice_empty(value))
        s->at[s->len++] = (struct attribute){ .name = name, .value = value };
}

static void add_percent(struct buf *out, struct slice s, const char *kept)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        const char coded[3] = { '%', hex[c >> 4], hex[c & 15] };

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c != '\0' && strchr(kept, c)))
            buf_add_char(out, (char)c);
        else
            buf_add(out, coded, 3);
    }
}

static void make_source(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf id = BUF_INIT(8192);
    struct arm_id arm;

    if (arm_id_parse(slice_of(a->resource_id), &arm)) {
        arm_id_add(&id, &arm);
    } else {
        buf_add_str(&id, "/cosmowatch/");
        buf_add_slice(&id, slice_cut(slice_of(a->account), 512));
    }
    out->failed |= id.failed;
    add_percent(out, buf_slice(&id), "/-._~()!$&'*+,;=:@");
}

static int read_attributes(struct attributes *s, const struct alert *a, const struct encoder *inner,
                           struct error *err)
{
    *s = (struct attributes){ .source = BUF_INIT(16384), .time = BUF_INIT(64) };
    if (!inner->is_json)
        return error_set(err, ERR_CONFIG, "a CloudEvent holds a JSON format, not '%s'", inner->name);
    make_source(&s->source, a);
    time_add_iso(&s->time, a->last_ns, 7);
    put(s, "specversion", SL("1.0"));
    put(s, "id", slice_of(a->record_id));
    put(s, "source", buf_slice(&s->source));
    put(s, "type", SL("io.cosmowatch.alert.v1"));
    put(s, "subject", slice_of(a->id));
    put(s, "time", buf_slice(&s->time));
    put(s, "severity", slice_of(severity_scale(a->severity)->cim));
    put(s, "alerttype", slice_of(a->type->id));
    put(s, "partitionkey", slice_of(a->id));
    put(s, "dataformat", slice_of(inner->name));
    return buf_check(&s->source, err) < 0 || buf_check(&s->time, err) < 0 ? -1 : 0;
}

int cloudevents_wrap(const struct alert *a, const struct encoder *inner, struct buf *out, struct error *err)
{
    CLEANUP(attributes_release) struct attributes s = { 0 };

    if (read_attributes(&s, a, inner, err) < 0)
        return -1;
    buf_add_char(out, '{');
    for (size_t i = 0; i < s.len; i++) {
        json_add_key(out, s.at[i].name);
        json_add_string(out, s.at[i].value);
    }
    json_add_key(out, "datacontenttype");
    json_add_str(out, inner->content_type);
    json_add_key(out, "data");
    if (inner->encode(a, out, err) < 0)
        return -1;
    buf_add_char(out, '}');
    return buf_check(out, err);
}

bool cloudevents_is_event(struct slice payload)
{
    return slice_starts(payload, SL("{\"specversion\":"));
}

static int cloudevents_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return cloudevents_wrap(a, &encoder_json, out, err);
}

const struct encoder encoder_cloudevents = {
    .name = "cloudevents", .content_type = CLOUDEVENTS_STRUCTURED_TYPE, .is_json = true,
    .encode = cloudevents_encode,
};
