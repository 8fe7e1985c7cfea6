/* receiver_table.h - every kind of output with a receiver of it: what its options are, how its receiver says yes, and how it
 * says no to one alert. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_RECEIVER_TABLE_H
#define COSMOWATCH_TEST_RECEIVER_TABLE_H

#include "base/buf.h"

#include <stddef.h>
#include <string.h>

#define RULE "dcr-0123456789abcdef0123456789abcdef"
#define TOKEN "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t0ken-one\"}"

enum transport { HTTP, KAFKA, STREAM, DATAGRAM, LINES };

struct receiver {
    const char *output, *way;  /* type; which of its transports, NULL: there is one */
    enum transport over;
    const char *options;       /* {url}, {address}, {tls}, {login}, {folder}: of this run. Secrets: TEST_SECRET */
    int ok_status;
    const char *ok;            /* HTTP: the answer that takes a request */
    int no_status;
    const char *no;            /* HTTP: the answer to a request with an alert that it will never take */
    size_t limit;              /* bytes of one alert, where the output has a limit of its own */
};

#define HTTP_SAYS(yes, yes_body, never, never_body)                                                                  \
    .over = HTTP, .ok_status = (yes), .ok = (yes_body), .no_status = (never), .no = (never_body)
#define ENTRA "auth: { type: client_secret, tenant: 11111111-1111-1111-1111-111111111111, " \
              "client_id: 22222222-2222-2222-2222-222222222222, client_secret: '${env:TEST_SECRET}', authority: '{login}' }\n"

static const struct receiver receivers[] = {
    { .output = "webhook", .options = "url: '{url}'\n{tls}", HTTP_SAYS(200, "{}", 400, "no") },
    { .output = "webhook", .way = "array", .options = "url: '{url}'\nbatch: array\n{tls}", HTTP_SAYS(200, "{}", 400, "no") },
    { .output = "template", .options = "url: '{url}'\nbody: '{\"id\": {{ systemAlertId }}, \"raw\": {{ alert }}}'\n{tls}",
      HTTP_SAYS(200, "{}", 400, "no") },
    { .output = "splunk_hec", .options = "url: '{url}'\ntoken: '${env:TEST_SECRET}'\n{tls}",
      HTTP_SAYS(200, "{\"text\":\"Success\",\"code\":0}",
                400, "{\"text\":\"Invalid data format\",\"code\":6,\"invalid-event-number\":0}") },
    { .output = "elastic", .options = "url: '{url}'\napi_key: '${env:TEST_SECRET}'\n{tls}",
      HTTP_SAYS(200, "{\"errors\":false}", 400, "{\"error\":{\"type\":\"illegal_argument_exception\"}}") },
    { .output = "pagerduty", .options = "url: '{url}'\nrouting_key: '${env:TEST_SECRET}'\n{tls}",
      HTTP_SAYS(202, "{\"status\":\"success\"}", 400, "{\"status\":\"invalid event\",\"errors\":[\"payload\"]}") },
    { .output = "slack", .options = "url: '${env:TEST_URL}'\n{tls}", HTTP_SAYS(200, "ok", 400, "invalid_payload") },
    { .output = "teams", .options = "url: '${env:TEST_URL}'\n{tls}", HTTP_SAYS(202, "", 400, "no card") },
    { .output = "servicenow", .options = "url: '{url}'\nusername: u\npassword: '${env:TEST_SECRET}'\n{tls}",
      HTTP_SAYS(200, "{}", 400, "no record") },
    { .output = "jira", .options = "url: '{url}'\nusername: a@b\ntoken: '${env:TEST_SECRET}'\nproject: SEC\n{tls}",
      HTTP_SAYS(201, "{}", 400, "{\"errors\":{\"summary\":\"no\"}}") },
    { .output = "opsgenie", .options = "url: '{url}'\napi_key: '${env:TEST_SECRET}'\n{tls}",
      HTTP_SAYS(202, "{}", 422, "{\"message\":\"no\"}") },
    { .output = "sentinel", .options = "endpoint: '{url}'\nrule: " RULE "\n" ENTRA,
      HTTP_SAYS(204, "", 400, "{\"error\":{\"code\":\"InvalidPayload\",\"message\":\"no row\"}}") },
    { .output = "kafka", .over = KAFKA, .limit = 1000000,
      .options = "brokers: ['{address}']\ntopic: alerts\nsecurity: {security}\ntimeout: 2s\n{tls}" },
    { .output = "event_hubs", .over = KAFKA, .limit = 1000000,
      .options = "connection_string: '${env:TEST_HUB}'\naddress: '{address}'\ntimeout: 2s\n{tls}" },
    { .output = "syslog", .way = "tcp", .over = STREAM, .limit = 8000,
      .options = "address: '{address}'\ntransport: tcp\ntimeout: 5s\n" },
    { .output = "syslog", .way = "tls", .over = STREAM, .limit = 8000,
      .options = "address: '{address}'\ntransport: tls\ntimeout: 5s\n{tls}" },
    { .output = "syslog", .way = "udp", .over = DATAGRAM, .limit = 8000,
      .options = "address: '{address}'\ntransport: udp\nbest_effort: true\n" },
    { .output = "file", .over = LINES, .options = "path: '{folder}/alerts'\n" },
};

struct option_place { const char *name, *value; }; /* "{url}" */

static inline void fill_places(struct buf *out, const char *options, const struct option_place *places, size_t n)
{
    for (const char *p = options; *p;) {
        size_t i = 0;

        while (i < n && strncmp(p, places[i].name, strlen(places[i].name)) != 0)
            i++;
        if (i < n) {
            buf_add_str(out, places[i].value);
            p += strlen(places[i].name);
        } else {
            buf_add_char(out, *p++);
        }
    }
}

#endif
