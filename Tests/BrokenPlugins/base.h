/*
 * A small correct method: LoRA (Hu et al. 2021) on linear sites, merge included. A broken plugin, <rule>.c, defines one of
 * the macros below to break that rule and no other, and includes this file. One that needs flags of the compiler names them
 * in its first line: "// cc: -z execstack".
 *
 * The manifest is made of the same macros as the description.
 */
#ifndef BASE_H
#define BASE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "peft_plugin.h"

/* What the description says. */
#ifndef ID
#define ID "Base"
#endif
#ifndef PEFT_TYPE
#define PEFT_TYPE "BASE"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MANIFEST_VERSION
#define MANIFEST_VERSION VERSION
#endif
#ifndef LICENSE
#define LICENSE "Apache-2.0"
#endif
#ifndef SUMMARY
#define SUMMARY "a small correct method"
#endif
#ifndef PAPER
#define PAPER "Hu et al. 2021, arXiv:2106.09685"
#endif
#ifndef LEARNING_RATE /* as C and JSON both read it */
#define LEARNING_RATE 0.001
#endif
#ifndef CAPABILITIES
#define CAPABILITIES PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT
#define CAPABILITY_NAMES "\"merge\", \"identity-at-init\""
#endif
/* One more hyperparameter: an initializer of peft_hyperparameter and its JSON, each followed by a comma. */
#ifndef MORE_HYPERPARAMETERS
#define MORE_HYPERPARAMETERS
#define MORE_HYPERPARAMETERS_JSON ""
#endif
#ifndef MAXIMUM_RANK
#define MAXIMUM_RANK 64
#endif
#ifndef R_SUMMARY
#define R_SUMMARY "rank of the update"
#endif

/* Pieces of the method. */
#ifndef SCALE /* of the update */
#define SCALE settings->number(t, "lora_alpha") / (double)r
#endif
#ifndef UPDATE /* x (N, in), A (r, in), B (out, r) -> what is added to the base's output (N, out) */
#define UPDATE \
    ops->mul(t, ops->scalar(t, scale), \
        ops->matmul(t, ops->matmul(t, ops->dropout(t, x, settings->number(t, "lora_dropout")), A, 0, 1), B, 0, 1))
#endif
#ifndef MERGED /* W (out, in) -> the weight with the update in it */
#define MERGED ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0)))
#endif
#ifndef BEGIN_INJECT /* statements before everything else of inject */
#define BEGIN_INJECT
#endif
#ifndef END_INJECT /* statements behind everything else */
#define END_INJECT
#endif
#ifndef B_INIT
#define B_INIT PEFT_INIT_ZEROS
#endif
#ifndef PLAN
#define PLAN NULL
#endif
#ifndef METHOD
#define METHOD NULL
#endif
#ifndef IMPORT
#define IMPORT NULL
#endif
#ifndef ENTER /* statements at the start of peft_plugin_entry */
#define ENTER
#endif
#ifndef RETURNED /* what peft_plugin_entry returns */
#define RETURNED &plugin
#endif
#ifndef DECLARATIONS /* what the pieces need, in front of the functions */
#define DECLARATIONS
#endif

static const peft_trace_1 *trace;
static const peft_settings_1 *settings;
static const peft_model_1 *model;
static const peft_sites_1 *all;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *sites;
static const peft_ops_1 *ops;
static const peft_export_1 *stored;
static const peft_config_1 *config;

static inline peft_value tensor(
    peft_trace *t, int32_t buffer, const char *name, int32_t rank, int64_t rows, int64_t columns, int32_t init) {
    const int64_t shape[] = {rows, columns};
    peft_tensor tensor = {.struct_size = sizeof tensor, .rank = rank, .init = init, .name = name, .shape = shape};
    tensor.init_a = init == PEFT_INIT_NORMAL ? 0 : sqrt(5);
    tensor.init_b = 0.02;
    return buffer ? parameters->buffer(t, &tensor) : parameters->parameter(t, &tensor);
}

DECLARATIONS

static int32_t inject(void *self, peft_trace *t, const peft_site *site) {
    (void)self, (void)trace, (void)model, (void)all, (void)stored, (void)config;
    BEGIN_INJECT
    int64_t r = settings->integer(t, "r");
    if (r < 1) return PEFT_ERROR;
    double scale = SCALE;
    peft_value A = tensor(t, 0, "lora_A.weight", 2, r, site->inputs, PEFT_INIT_KAIMING_UNIFORM);
    peft_value B = tensor(t, 0, "lora_B.weight", 2, site->outputs, r, B_INIT);

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    peft_value x = graphs->operand(t, 0);
    peft_value y = ops->add(t, sites->base(t, x), UPDATE);
    graphs->end(t, 1, &y);

    graphs->begin(t, PEFT_GRAPH_MERGE);
    peft_value W = graphs->operand(t, 0);
    peft_value merged[] = {MERGED, PEFT_ABSENT};
    graphs->end(t, 2, merged);
    END_INJECT
    return PEFT_OK;
}

#define SIZED .struct_size = sizeof(peft_hyperparameter)
static const peft_hyperparameter hyperparameters[] = {
    {SIZED, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_PER_SITE, .name = "r", .summary = R_SUMMARY,
     .default_value = "4", .minimum = 1, .maximum = MAXIMUM_RANK},
    {SIZED, .type = PEFT_TYPE_NUMBER, .flags = PEFT_FLAG_PER_SITE, .name = "lora_alpha",
     .summary = "numerator of the scale alpha / r", .default_value = "8.0", .minimum = -1e6, .maximum = 1e6},
    MORE_HYPERPARAMETERS
    {SIZED, .type = PEFT_TYPE_NUMBER, .name = "lora_dropout", .summary = "dropout on the input",
     .default_value = "0.0", .minimum = 0, .maximum = 0.9},
};

static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = CAPABILITIES, .site_kinds = 1 << PEFT_SITE_LINEAR, .default_role_count = 2, .default_roles = roles,
    .hyperparameter_count = sizeof hyperparameters / sizeof *hyperparameters,
    .hyperparameter_stride = sizeof *hyperparameters, .hyperparameters = hyperparameters, .id = ID,
    .peft_type = PEFT_TYPE, .version = VERSION, .license = LICENSE, .summary = SUMMARY, .paper = PAPER,
    .default_learning_rate = LEARNING_RATE, .plan = PLAN, .inject = inject, .method = METHOD, .import_config = IMPORT,
};

#ifndef NO_ENTRY
const peft_plugin *peft_plugin_entry(const peft_host *host) {
    ENTER
    trace = host->table(host, "peft.trace/1");
    settings = host->table(host, "peft.settings/1");
    model = host->table(host, "peft.model/1");
    all = host->table(host, "peft.sites/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    sites = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    stored = host->table(host, "peft.export/1");
    config = host->table(host, "peft.config/1");
    return RETURNED;
}
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define FIELD(name, type, default, minimum, maximum, per_site, pattern, summary) \
    "{\"name\": \"" name "\", \"type\": \"" type "\", \"default\": " default ", \"minimum\": " minimum \
    ", \"maximum\": " maximum ", \"choices\": [], \"per_site\": " per_site ", \"pattern\": " pattern \
    ", \"required\": false, \"nullable\": false, \"derived\": false, \"summary\": \"" summary "\"}"

#ifndef MANIFEST
#define MANIFEST \
    "{\"manifest\": 1, \"abi\": [1, 1], \"id\": \"" ID "\", \"peft_type\": \"" PEFT_TYPE "\", \"version\": \"" MANIFEST_VERSION \
    "\", \"license\": \"" LICENSE "\", \"summary\": \"" SUMMARY "\", \"paper\": \"" PAPER "\", \"capabilities\": [" \
    CAPABILITY_NAMES "], \"site_kinds\": [\"linear\"], \"default_roles\": [\"query\", \"value\"], " \
    "\"default_learning_rate\": " TEXT(LEARNING_RATE) ", \"hyperparameters\": [" \
    FIELD("r", "integer", "4", "1", TEXT(MAXIMUM_RANK), "true", "\"rank_pattern\"", R_SUMMARY) ", " \
    FIELD("lora_alpha", "number", "8.0", "-1e6", "1e6", "true", "\"alpha_pattern\"", \
        "numerator of the scale alpha / r") ", " MORE_HYPERPARAMETERS_JSON \
    FIELD("lora_dropout", "number", "0.0", "0", "0.9", "false", "null", "dropout on the input") "]}"
#endif
#ifndef NO_MANIFEST
__attribute__((section("peft_manifest"), used, retain)) static const char manifest[] = MANIFEST;
#endif

#endif
