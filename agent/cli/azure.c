/* azure.c - `cosmowatch azure template`: what has to exist in Azure before alerts can arrive there, as templates to
 * deploy, filled in from the configuration.
 *
 * The templates are the files of packaging/azure, built into the program so that they are of its own version and at
 * hand on a host that has nothing but it. Filling in is setting the default values of their parameters.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/json_in.h"
#include "base/json_out.h"
#include "settings/settings.h"
#include "settings/yaml_node.h"

#include "assemble.h"

#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

/* Global: with link-time optimisation the text lands in another object than who refers to it. */
#define EMBED(name)                                                                                \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global template_" #name "\n.hidden template_" #name "\n"                             \
            "template_" #name ": .incbin \"packaging/azure/" #name ".json\"\n"                     \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char template_##name[] __attribute__((visibility("hidden")))

EMBED(table);
EMBED(dcr);
EMBED(rule);
EMBED(workbook);
EMBED(policy);

static const struct azure_template {
    const char *name, *text, *after; /* after: must be there first */
    bool is_of_subscription;
} templates[] = {
    { .name = "table", .text = template_table },
    { .name = "dcr", .text = template_dcr, .after = "table" },
    { .name = "rule", .text = template_rule, .after = "table" },
    { .name = "workbook", .text = template_workbook, .after = "table" },
    { .name = "policy", .text = template_policy, .is_of_subscription = true },
};

/* ---- what is known ------------------------------------------------------------------------------ */

struct filling { /* of parameters; NULL: the template's own default */
    const char *parameter, *value;
};

static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *n = map ? yaml_node_get(map, key) : NULL;

    return n && n->kind == YAML_NODE_SCALAR && n->text.len > 0 ? n->text.at : NULL;
}

/* The output named, or the first of the type. */
static const struct settings_entry *find_output(const struct settings *s, const char *name, struct error *err)
{
    for (size_t i = 0; i < s->outputs.len; i++) {
        const struct settings_entry *e = &s->outputs.at[i];

        if (strcmp(e->type, "sentinel") == 0 && (!name || strcmp(e->name, name) == 0))
            return e;
    }
    if (name)
        (void)error_set(err, ERR_CONFIG, "no output of type sentinel is called '%.60s'", name);
    return NULL;
}

/* ---- filling in --------------------------------------------------------------------------------- */

static void set_default(struct json_object *parameters, const struct filling *f)
{
    struct json_object *p = NULL;

    if (f->value && json_object_object_get_ex(parameters, f->parameter, &p))
        (void)json_object_object_add(p, "defaultValue", json_object_new_string(f->value));
}

static struct json_object *read_template(const struct azure_template *t, const struct filling *fillings, size_t n,
                                         struct error *err)
{
    struct json_object *doc = NULL, *parameters = NULL;

    if (json_read(slice_of(t->text), &doc, err) < 0)
        return NULL;
    for (size_t i = 0; i < n && json_object_object_get_ex(doc, "parameters", &parameters); i++)
        set_default(parameters, &fillings[i]);
    return doc;
}

static struct json_object *new_text(const char *fmt, const char *value)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(4096);

    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            buf_add_str(&text, value);
        else
            buf_add_char(&text, *p);
    }
    return json_object_new_string(buf_cstr(&text));
}

/* One template as a deployment inside another one. Parameters of the same name are asked for once. */
static struct json_object *nest(const struct azure_template *t, struct json_object *inner, struct json_object *parameters)
{
    struct json_object *r = json_object_new_object(), *p = json_object_new_object(), *of_inner = NULL, *values = NULL;

    (void)json_object_object_add(r, "type", json_object_new_string("Microsoft.Resources/deployments"));
    (void)json_object_object_add(r, "apiVersion", json_object_new_string("2022-09-01"));
    (void)json_object_object_add(r, "name", new_text("cosmowatch-@", t->name));
    if (t->is_of_subscription) {
        (void)json_object_object_add(r, "subscriptionId", json_object_new_string("[subscription().subscriptionId]"));
        (void)json_object_object_add(r, "location", json_object_new_string("[parameters('location')]"));
    }
    if (t->after) {
        struct json_object *list = json_object_new_array();

        (void)json_object_array_add(
            list, new_text("[resourceId('Microsoft.Resources/deployments', 'cosmowatch-@')]", t->after));
        (void)json_object_object_add(r, "dependsOn", list);
    }
    values = json_object_new_object();
    (void)json_object_object_get_ex(inner, "parameters", &of_inner);
    json_object_object_foreach(of_inner, key, spec)
    {
        struct json_object *value = json_object_new_object();
        /* The workspace is named once for all. */
        bool is_id = strcmp(key, "workspaceId") == 0;

        (void)json_object_object_add(
            value, "value", is_id ? json_object_new_string("[resourceId('Microsoft.OperationalInsights/workspaces', "
                                                           "parameters('workspaceName'))]")
                                  : new_text("[parameters('@')]", key));
        (void)json_object_object_add(values, key, value);
        if (!is_id && !json_object_object_get_ex(parameters, key, NULL))
            (void)json_object_object_add(parameters, key, json_object_get(spec));
    }
    (void)json_object_object_add(p, "mode", json_object_new_string("Incremental"));
    {
        struct json_object *scope = json_object_new_object();

        (void)json_object_object_add(scope, "scope", json_object_new_string("inner"));
        (void)json_object_object_add(p, "expressionEvaluationOptions", scope);
    }
    (void)json_object_object_add(p, "parameters", values);
    (void)json_object_object_add(p, "template", inner);
    (void)json_object_object_add(r, "properties", p);
    return r;
}

/* What the rule's deployment says, for the configuration. */
static struct json_object *new_outputs(void)
{
    static const char *const names[] = { "endpoint", "rule", "stream" };
    struct json_object *outputs = json_object_new_object();

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct json_object *o = json_object_new_object();

        (void)json_object_object_add(o, "type", json_object_new_string("string"));
        (void)json_object_object_add(
            o, "value", new_text("[reference(resourceId('Microsoft.Resources/deployments', 'cosmowatch-dcr'), "
                                 "'2022-09-01').outputs.@.value]", names[i]));
        (void)json_object_object_add(outputs, names[i], o);
    }
    return outputs;
}

static struct json_object *join_all(const struct filling *fillings, size_t n, struct error *err)
{
    struct json_object *doc = json_object_new_object(), *parameters = json_object_new_object(),
                       *resources = json_object_new_array();

    (void)json_object_object_add(doc, "$schema", json_object_new_string("https://schema.management.azure.com/schemas/"
                                                                        "2019-04-01/deploymentTemplate.json#"));
    (void)json_object_object_add(doc, "contentVersion", json_object_new_string("1.0.0.0"));
    (void)json_object_object_add(doc, "parameters", parameters);
    (void)json_object_object_add(doc, "resources", resources);
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        struct json_object *inner = read_template(&templates[i], fillings, n, err);

        if (!inner) {
            json_object_put(doc);
            return NULL;
        }
        (void)json_object_array_add(resources, nest(&templates[i], inner, parameters));
    }
    (void)json_object_object_add(doc, "outputs", new_outputs());
    return doc;
}

/* ---- the verb ----------------------------------------------------------------------------------- */

static const struct azure_template *find_template(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

static int print_template(const char *name, const struct filling *fillings, size_t n)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)4 << 20);
    const struct azure_template *t = find_template(name);
    struct error err = { 0 };
    struct json_object *doc = t ? read_template(t, fillings, n, &err) : join_all(fillings, n, &err);

    if (!doc)
        return cli_fail(&err);
    buf_add_str(&out, json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
    buf_add_char(&out, '\n');
    json_object_put(doc);
    return cli_print(&out);
}

/* Templates are of use before there is a configuration: the default file may be missing, one that is named may not. */
static int read_configuration(const char *config, struct assembly *a, struct error *err)
{
    if (!config && access(CLI_DEFAULT_CONFIG, R_OK) != 0)
        return 0;
    return assemble(a, config, ASSEMBLE_OUTPUTS | ASSEMBLE_OFFLINE, err);
}

static int run_azure(int argc, char **argv)
{
    static const char *const values[] = { "--output", "--workspace", "--location", "--principal", NULL };
    struct cli_args args = { .values = values };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    const struct settings_entry *output = NULL;
    const struct yaml_node *auth;
    struct error err = { 0 };
    const char *name;
    int exit_code = 0, rc = cli_parse(&verb_azure, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    name = args.operands_len > 1 ? args.operands[1] : "all";
    if (args.operands_len < 1 || args.operands_len > 2 || strcmp(args.operands[0], "template") != 0 ||
        (strcmp(name, "all") != 0 && !find_template(name))) {
        (void)fprintf(stderr, "usage: cosmowatch azure %s\n", verb_azure.usage);
        return CLI_USAGE;
    }
    if (read_configuration(args.config, &a, &err) < 0)
        return cli_fail(&err);
    if (a.settings || args.value[0])
        output = a.settings ? find_output(a.settings, args.value[0], &err) : NULL;
    if (args.value[0] && !output)
        return err.code ? cli_fail(&err) : cli_fail((error_set(&err, ERR_CONFIG, "no configuration to look in"), &err));
    auth = output ? yaml_node_get(output->node, "auth") : NULL;

    const struct filling fillings[] = {
        { "workspaceName", args.value[1] },
        { "location", args.value[2] },
        { "principalId", args.value[3] ? args.value[3] : text_of(auth, "object_id") },
        { "streamName", output ? text_of(output->node, "stream") : NULL },
        { "table", output ? text_of(output->node, "table") : NULL },
    };

    return print_template(name, fillings, ARRAY_LEN(fillings));
}

const struct verb verb_azure = {
    .name = "azure",
    .summary = "templates of what has to exist in Azure, filled in from the configuration",
    .usage = "template [table | dcr | rule | workbook | policy | all] [--workspace NAME] [--principal ID]",
    .help = "  table       the table CosmosWatchAlerts_CL\n"
            "  dcr         the data collection rule, and the right of the agent's identity to send to it\n"
            "  rule        the Sentinel rule that raises incidents, entities mapped\n"
            "  workbook    alerts over time, by account, by tactic, by address on a map\n"
            "  policy      every Cosmos DB account of the subscription logs what the agent reads (subscription scope)\n"
            "  all         the five as one template\n\n"
            "      --workspace NAME    Log Analytics workspace, in the resource group of the deployment\n"
            "      --location REGION   of the workspace (default: of the resource group)\n"
            "      --principal ID      object id of the agent's identity (default: auth.object_id of the output)\n"
            "      --output NAME       which output of type sentinel (default: the first)\n\n"
            "To deploy:  cosmowatch azure template all --workspace W --principal ID > all.json\n"
            "            az deployment group create -g GROUP --template-file all.json --query properties.outputs\n"
            "It answers with endpoint, rule and stream for the configuration.\n\n",
    .run = run_azure,
};
