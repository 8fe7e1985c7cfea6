/* cases.c - see cases.h: finding them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cases.h"
#include "base/json_in.h"

#include "alert/catalogue.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXPECTED ".expected.json"

static const char *const kind_names[CASE_KINDS] = { "hit", "near_miss", "noise" };
static const char *const row_endings[] = { ".ndjson", ".ndjson.gz", ".json", ".json.gz" };

const char *case_kind_name(enum case_kind k)
{
    return kind_names[k];
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *join(const char *a, const char *b, const char *c)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT(8192);

    buf_add_str(&path, a);
    buf_add_str(&path, b);
    buf_add_str(&path, c);
    return buf_take(&path);
}

/* The path if there is such a file, else NULL. */
static char *existing(const char *a, const char *b, const char *c)
{
    char *path = join(a, b, c);

    if (path && is_file(path))
        return path;
    free(path);
    return NULL;
}

static void case_release(struct rule_case *c)
{
    free(c->name);
    free(c->rows);
    free(c->config);
    json_object_put(c->expected);
    *c = (struct rule_case){ 0 };
}

void cases_release(struct rule_cases *cases)
{
    for (size_t i = 0; i < cases->len; i++)
        case_release(&cases->at[i]);
    free(cases->at);
    *cases = (struct rule_cases){ 0 };
}

/* "near_miss_19" -> CASE_NEAR_MISS */
static bool kind_of(const char *base, enum case_kind *ret)
{
    for (size_t k = 0; k < CASE_KINDS; k++) {
        size_t n = strlen(kind_names[k]);

        if (strncmp(base, kind_names[k], n) == 0 && (base[n] == '\0' || base[n] == '_' || base[n] == '-')) {
            *ret = (enum case_kind)k;
            return true;
        }
    }
    return false;
}

/* A hit that expects no alert of its type, or a near miss that does, tests something else than its name says. */
static int check_alerts(const struct rule_case *c, struct error *err)
{
    size_t own = 0;

    for (size_t i = 0; i < json_object_array_length(c->alerts); i++) {
        const char *type = json_text(json_object_array_get_idx(c->alerts, i), "alertType", NULL);

        if (!type)
            return error_set(err, ERR_CONFIG, "alert %zu of 'alerts' has no alertType", i + 1);
        if (!alert_type_find(type))
            return error_set(err, ERR_CONFIG, "no alert type is called '%.60s'", type);
        own += strcmp(type, c->about) == 0;
    }
    if (c->kind == CASE_HIT && own == 0)
        return error_set(err, ERR_CONFIG, "a hit has to expect an alert of the type it is about, %s", c->about);
    if (c->kind != CASE_HIT && own > 0)
        return error_set(err, ERR_CONFIG, "a %s expects no alert of the type it is about, %s",
                         c->kind == CASE_NOISE ? "noise case" : "near miss", c->about);
    return 0;
}

static int read_expected(struct rule_case *c, const char *path, struct error *err)
{
    c->expected = json_object_from_file(path);
    if (!c->expected || !json_object_is_type(c->expected, json_type_object))
        return error_set(err, ERR_CONFIG, "this is no JSON object");
    c->about = json_text(c->expected, "about", NULL);
    c->why = json_text(c->expected, "why", NULL);
    if (!c->about || !alert_type_find(c->about))
        return error_set(err, ERR_CONFIG, "'about' has to name an alert type; 'cosmowatch rules types' lists them");
    if (!json_object_object_get_ex(c->expected, "alerts", &c->alerts) ||
        !json_object_is_type(c->alerts, json_type_array))
        return error_set(err, ERR_CONFIG, "'alerts' has to be a list; [] when nothing may be raised");
    return check_alerts(c, err);
}

static int make_case(const char *dir, const char *base, struct rule_case *c, struct error *err)
{
    if (!kind_of(base, &c->kind))
        return error_set(err, ERR_CONFIG, "the name of a case begins with hit, near_miss or noise");
    for (size_t i = 0; !c->rows && i < ARRAY_LEN(row_endings); i++)
        c->rows = existing(c->name, row_endings[i], "");
    if (!c->rows)
        return error_set(err, ERR_CONFIG, "there are no rows beside it: %.100s.ndjson", base);
    c->config = existing(c->name, ".yaml", "");
    if (!c->config)
        c->config = existing(dir, "/", "cosmowatch.yaml");
    return 0;
}

static int add_case(const char *dir, const char *file, struct rule_cases *cases, struct error *err)
{
    struct rule_case *grown = realloc(cases->at, (cases->len + 1) * sizeof *grown), *c = NULL;
    char *path = join(dir, "/", file), *base = strdup(file);
    int rc = -1;

    if (grown) {
        cases->at = grown;
        c = &grown[cases->len++];
        *c = (struct rule_case){ 0 };
    }
    if (!c || !path || !base) {
        rc = error_set(err, ERR_NOMEM, "no memory for a case");
        goto out;
    }
    base[strlen(base) - strlen(EXPECTED)] = '\0';
    c->name = join(dir, "/", base);
    rc = !c->name ? error_set(err, ERR_NOMEM, "no memory for a case") : make_case(dir, base, c, err);
    if (rc == 0)
        rc = read_expected(c, path, err);
    if (rc < 0)
        rc = error_wrap(err, "%s", path);
out:
    free(path);
    free(base);
    return rc;
}

/* Rows that nobody looks at are a case that its author believes in. */
static int check_rows(const char *dir, const char *file, struct error *err)
{
    char *name = join(dir, "/", file), *expected = NULL;
    enum case_kind kind;
    int rc = 0;

    if (!name)
        return error_set(err, ERR_NOMEM, "no memory for a case");
    name[strlen(name) - strlen(".ndjson")] = '\0';
    expected = existing(name, EXPECTED, "");
    if (!expected && kind_of(strrchr(name, '/') + 1, &kind))
        rc = error_set(err, ERR_CONFIG, "%s.ndjson: what it must raise is not said: there is no %s" EXPECTED, name,
                       strrchr(name, '/') + 1);
    free(expected);
    free(name);
    return rc;
}

static int add_entry(const char *dir, const char *file, int depth, struct rule_cases *cases, struct error *err);

static int add_folder(const char *dir, int depth, struct rule_cases *cases, struct error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, NULL, alphasort), rc = 0;

    if (n < 0)
        return error_set(err, ERR_CONFIG, "%s: there is no such folder", dir);
    for (int i = 0; i < n; i++) {
        if (rc == 0 && entries[i]->d_name[0] != '.')
            rc = add_entry(dir, entries[i]->d_name, depth, cases, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int add_entry(const char *dir, const char *file, int depth, struct rule_cases *cases, struct error *err)
{
    char *path = NULL;
    struct stat st;
    int rc = 0;

    if (ends_with(file, EXPECTED))
        return add_case(dir, file, cases, err);
    if (ends_with(file, ".ndjson"))
        return check_rows(dir, file, err);
    path = join(dir, "/", file);
    if (depth > 0 && path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        rc = add_folder(path, depth - 1, cases, err);
    free(path);
    return rc;
}

int cases_find(const char *dir, struct rule_cases *cases, struct error *err)
{
    char *plain = strdup(dir);
    size_t before = cases->len;
    int rc = 0;

    if (!plain)
        return error_set(err, ERR_NOMEM, "no memory for cases");
    while (strlen(plain) > 1 && ends_with(plain, "/"))
        plain[strlen(plain) - 1] = '\0';
    rc = add_folder(plain, 1, cases, err);
    if (rc == 0 && cases->len == before)
        rc = error_set(err, ERR_CONFIG, "%s: there is no case here: no file ends in " EXPECTED, plain);
    free(plain);
    return rc;
}

bool cases_is_shorthand(const struct rule_case *c)
{
    return ends_with(c->rows, ".ndjson");
}
