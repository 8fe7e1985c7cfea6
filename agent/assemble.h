/* assemble.h - from a configuration file to the parts that run: the one place that knows which module
 * stands behind which word of the YAML.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ASSEMBLE_H
#define COSMOWATCH_ASSEMBLE_H

#include "engine.h"
#include "feeder.h"
#include "flow.h"
#include "settings/settings.h"
#include "store/store.h"

enum {
    ASSEMBLE_ENGINE = 1 << 0,  /* detectors, enrich, networks */
    ASSEMBLE_FEEDS = 1 << 1,   /* feeder (needs ENGINE) */
    ASSEMBLE_SOURCES = 1 << 2, /* opened */
    ASSEMBLE_OUTPUTS = 1 << 3, /* options and encoders; opened by whoever uses them */
    ASSEMBLE_OFFLINE = 1 << 5, /* sources are opened without reading any secret or asking anybody */
    ASSEMBLE_PRESETS = 1 << 4, /* no file named: presets, not the default file */
    ASSEMBLE_READER = 1 << 6,  /* sources have their answers parsed in a process apart */
    ASSEMBLE_ANYHOW = 1 << 7,  /* databases of places that cannot be read are waited for, and do not hold up the rest */
};

struct console_settings; /* console/console.h */

struct assembly {
    struct settings *settings;
    struct services sv;             /* http is a real client when SOURCES, OUTPUTS or FEEDS are built */
    struct services source_sv;      /* the same with a client of the sources' own: they are interrupted at the end, outputs go on */
    struct enrich *enrich;
    struct suppress *suppress;
    struct accounts *accounts;
    struct feeder *feeder;
    struct feeder_feed *feeds;
    struct feeder_source *feed_sources;
    struct engine *engine;
    struct engine_detector *detectors;
    size_t detectors_len;
    char *config_dir;
    struct worker_source *sources;
    bool sources_are_open;
    size_t sources_len;
    struct delivery_output_config *outputs;
    struct route **routes;          /* as many as outputs */
    size_t outputs_len;
    struct certificates *certificates; /* when SOURCES or OUTPUTS are built */
};

/* Every error of the file goes to standard error, a line each; then -1 with ERR_CONFIG and their number. */
MUST_CHECK int assemble(struct assembly *a, const char *config, unsigned parts, struct error *err);
void assembly_release(struct assembly *a);
/* The store that the configuration names: one that was read, or one that is read for this alone. */
MUST_CHECK int assembly_open_store(const struct assembly *a, enum store_mode mode, struct store **ret, struct error *err);
MUST_CHECK int assemble_open_store(const char *config, enum store_mode mode, struct store **ret, struct error *err);
const struct settings_registry *assemble_registry(void);
const struct console_settings *assemble_console(const struct assembly *a);
int64_t assemble_horizon_ns(const struct assembly *a);
int64_t assemble_retention_ns(const struct assembly *a);

#endif
