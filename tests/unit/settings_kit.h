/* settings_kit.h - a made-up registry for the tests of settings/: modules that exist nowhere else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SETTINGS_KIT_H
#define COSMOWATCH_SETTINGS_KIT_H

#include "settings/settings.h"

struct kit_auth {
    int type;
    char *tenant;
    struct secret client_secret;
};

struct kit_source {
    char *workspace;
    struct kit_auth auth;
    int64_t window_ms;
    bool is_rows;
};

struct kit_sink {
    char *endpoint;
    int64_t batch, max_bytes;
    double share;
    struct string_list brokers;
    const struct yaml_node *headers;
};

struct kit_detector {
    int64_t threshold;
    int sensitivity;
    struct string_list allowed;
};

struct kit_feed {
    char *path;
};

struct kit_console {
    char *listen;
};

static const char *const kit_auth_types[] = { "managed_identity", "client_secret", NULL };
static const char *const kit_sensitivities[] = { "low", "medium", "high", NULL };
static const char *const kit_formats[] = { "json", "cef", "leef", NULL };

static const struct option_spec kit_auth_options[] = {
    { .key = "type", .type = OPT_ENUM, .at = offsetof(struct kit_auth, type), .preset = "managed_identity",
      .values = kit_auth_types, .help = "who we are to Azure" },
    { .key = "tenant", .type = OPT_STRING, .at = offsetof(struct kit_auth, tenant),
      .help = "directory id", .example = "00000000-0000-0000-0000-000000000000" },
    { .key = "client_secret", .type = OPT_SECRET, .at = offsetof(struct kit_auth, client_secret),
      .help = "with client_secret", .example = "${env:KIT_SECRET}" },
    { 0 },
};

static const struct option_spec kit_source_options[] = {
    { .key = "workspace", .type = OPT_STRING, .at = offsetof(struct kit_source, workspace), .required = true,
      .min = 36, .max = 36, .help = "workspace id", .example = "00000000-0000-0000-0000-000000000000" },
    { .key = "auth", .type = OPT_MAP, .at = offsetof(struct kit_source, auth), .sub = kit_auth_options,
      .help = "how to sign in" },
    { .key = "window", .type = OPT_DURATION, .at = offsetof(struct kit_source, window_ms), .preset = "5m",
      .min = 60000, .max = 3600000, .help = "how much is asked for at once", .since = "0.1" },
    { .key = "rows", .type = OPT_BOOL, .at = offsetof(struct kit_source, is_rows), .preset = "false" },
    { 0 },
};

static const struct option_spec kit_sink_options[] = {
    { .key = "endpoint", .type = OPT_URL, .at = offsetof(struct kit_sink, endpoint), .required = true,
      .help = "where it goes", .example = "https://example.net/in" },
    { .key = "batch", .type = OPT_INT, .at = offsetof(struct kit_sink, batch), .preset = "100", .min = 1,
      .max = 1000, .help = "alerts at once" },
    { .key = "max_size", .type = OPT_BYTES, .at = offsetof(struct kit_sink, max_bytes), .preset = "1MB" },
    { .key = "share", .type = OPT_REAL, .at = offsetof(struct kit_sink, share), .preset = "0.5",
      .real_min = 0, .real_max = 1 },
    { .key = "brokers", .type = OPT_STRING_LIST, .at = offsetof(struct kit_sink, brokers),
      .preset = "a:9092, b:9092", .help = "host:port each; the first that answers tells the others, so one "
      "would do, but then its absence at the start would be everybody's" },
    { .key = "headers", .type = OPT_NODE, .at = offsetof(struct kit_sink, headers),
      .example = "{ X-Key: value }" },
    { 0 },
};

static const struct option_spec kit_detector_options[] = {
    { .key = "threshold", .type = OPT_INT, .at = offsetof(struct kit_detector, threshold), .preset = "20",
      .min = 2, .help = "refusals that alert" },
    { .key = "sensitivity", .type = OPT_ENUM, .at = offsetof(struct kit_detector, sensitivity),
      .preset = "medium", .values = kit_sensitivities },
    { .key = "allowed", .type = OPT_STRING_LIST, .at = offsetof(struct kit_detector, allowed) },
    { 0 },
};

static const struct option_spec kit_feed_options[] = {
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct kit_feed, path), .required = true },
    { 0 },
};

static const struct option_spec kit_console_options[] = {
    { .key = "listen", .type = OPT_STRING, .at = offsetof(struct kit_console, listen),
      .preset = "127.0.0.1:9464" },
    { 0 },
};

static const struct module_desc kit_sources[] = {
    { .name = "log_analytics", .summary = "Azure Monitor logs", .options = kit_source_options,
      .size = sizeof(struct kit_source) },
};
static const struct module_desc kit_outputs[] = {
    { .name = "webhook", .summary = "HTTP POST", .options = kit_sink_options, .size = sizeof(struct kit_sink) },
    { .name = "stdout", .summary = "lines on standard output" },
};
static const struct module_desc kit_detectors[] = {
    { .name = "auth_burst", .summary = "one address refused many times", .options = kit_detector_options,
      .size = sizeof(struct kit_detector) },
    { .name = "bad_address", .summary = "a listed address" },
};
static const struct module_desc kit_feeds[] = {
    { .name = "addresses", .summary = "a list of addresses", .options = kit_feed_options,
      .size = sizeof(struct kit_feed) },
};
static const struct module_desc kit_sections[] = {
    { .name = "console", .summary = "Local web page and metrics.", .options = kit_console_options,
      .size = sizeof(struct kit_console) },
};

static const struct settings_registry kit_registry = {
    .sources = kit_sources, .sources_len = 1, .outputs = kit_outputs, .outputs_len = 2,
    .detectors = kit_detectors, .detectors_len = 2, .feeds = kit_feeds, .feeds_len = 1,
    .sections = kit_sections, .sections_len = 1, .formats = kit_formats,
};

#define KIT_WORKSPACE "00000000-0000-0000-0000-000000000000"

#endif
