/* LoRA in C: the same graph as Plugins/LoRA/LoRA.swift, so it trains to the same bits. One header, no library. */
#include <math.h>
#include <stddef.h>

#include "peft_plugin.h"

static const peft_settings_1 *settings;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;
static const peft_export_1 *export;

static peft_value parameter(peft_trace *t, const char *name, int64_t rows, int64_t columns, int32_t init, double a)
{
    const int64_t shape[2] = {rows, columns};
    const peft_tensor tensor = {
        .struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = 2, .init = init, .name = name, .shape = shape,
        .init_a = a, .learning_rate_multiplier = 1};
    return parameters->parameter(t, &tensor);
}

/* y = W x + b + s B A dropout(x), s = alpha / r or, with use_rslora, alpha / sqrt(r). No call is checked: errors are sticky, and the host reports the first. */
static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    (void)self;
    const int64_t r = settings->integer(t, "r");
    const peft_value A = parameter(t, "lora_A.weight", r, site->inputs, PEFT_INIT_KAIMING_UNIFORM, sqrt(5));
    const peft_value B = parameter(t, "lora_B.weight", site->outputs, r, PEFT_INIT_ZEROS, 0);
    const double divisor = settings->boolean(t, "use_rslora") ? sqrt((double)r) : (double)r;
    const double scale = settings->number(t, "lora_alpha") / divisor;

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value x = graphs->operand(t, 0);
    const peft_value base = frozen->base(t, x);
    peft_value update = ops->dropout(t, x, settings->number(t, "lora_dropout"));
    update = ops->matmul(t, ops->matmul(t, update, A, 0, 1), B, 0, 1);
    const peft_value y = ops->add(t, base, ops->mul(t, ops->scalar(t, scale), update));
    graphs->end(t, 1, &y);

    graphs->begin(t, PEFT_GRAPH_MERGE);
    const peft_value W = graphs->operand(t, 0);
    const peft_value b = site->has_bias ? graphs->operand(t, 1) : PEFT_ABSENT;
    update = ops->matmul(t, B, A, 0, 0);
    const peft_value merged[2] = {ops->add(t, W, ops->mul(t, ops->scalar(t, scale), update)), b};
    graphs->end(t, 2, merged);
    return PEFT_OK;
}

/* What peft 0.21 writes of its other options: all off. */
static int32_t method(void *self, peft_trace *t)
{
    (void)self;
    static const char *const fields[][2] = {
        {"alora_invocation_tokens", "null"}, {"arrow_config", "null"}, {"corda_config", "null"}, {"eva_config", "null"},
        {"kasa_config", "null"}, {"layer_replication", "null"}, {"lora_ga_config", "null"}, {"megatron_config", "null"},
        {"monteclora_config", "null"}, {"target_parameters", "null"}, {"trainable_token_indices", "null"},
        {"use_bdlora", "null"}, {"velora_config", "null"}, {"ensure_weight_tying", "false"}, {"fan_in_fan_out", "false"},
        {"lora_bias", "false"}, {"use_dora", "false"}, {"use_qalora", "false"}, {"bias", "\"none\""},
        {"init_lora_weights", "true"}, {"loftq_config", "{}"}, {"megatron_core", "\"megatron.core\""},
        {"qalora_group_size", "16"}};
    graphs->begin(t, PEFT_GRAPH_EXPORT);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) export->field(t, fields[i][0], fields[i][1]);
    graphs->end(t, 0, NULL);
    return PEFT_OK;
}

#define HYPERPARAMETER .struct_size = sizeof(peft_hyperparameter)
static const peft_hyperparameter hyperparameters[] = {
    {HYPERPARAMETER, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_PER_SITE, .name = "r", .summary = "rank of the update",
     .default_value = "8", .pattern = "rank_pattern", .minimum = 1, .maximum = 65536},
    {HYPERPARAMETER, .type = PEFT_TYPE_NUMBER, .flags = PEFT_FLAG_PER_SITE, .name = "lora_alpha",
     .summary = "numerator of the scale alpha / r", .default_value = "8.0", .pattern = "alpha_pattern",
     .minimum = -INFINITY, .maximum = INFINITY},
    {HYPERPARAMETER, .type = PEFT_TYPE_NUMBER, .name = "lora_dropout", .summary = "dropout on the adapter's input",
     .default_value = "0.0", .minimum = 0, .maximum = 0.99},
    {HYPERPARAMETER, .type = PEFT_TYPE_BOOLEAN, .name = "use_rslora",
     .summary = "scale by alpha / √r instead of alpha / r", .default_value = "false", .minimum = -INFINITY,
     .maximum = INFINITY},
};

static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT, .site_kinds = 1u << PEFT_SITE_LINEAR,
    .id = "LoRA", .peft_type = "LORA", .version = "1.0.0", .license = "Apache-2.0",
    .summary = "low-rank update of linear layers", .paper = "Hu et al. 2021, arXiv:2106.09685",
    .default_learning_rate = 1e-3, .default_role_count = 2, .default_roles = roles,
    .hyperparameter_count = 4, .hyperparameter_stride = sizeof(peft_hyperparameter), .hyperparameters = hyperparameters,
    .inject = inject, .method = method};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    settings = host->table(host, "peft.settings/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    export = host->table(host, "peft.export/1");
    return settings && parameters && graphs && frozen && ops && export ? &plugin : NULL;
}

/* What `peft-host plugins list` reads, without running the library. */
__attribute__((section("peft_manifest"), used, retain)) static const char manifest[] =
    "{\"manifest\":1,\"abi\":[1,1],\"id\":\"LoRA\",\"peft_type\":\"LORA\",\"version\":\"1.0.0\","
    "\"license\":\"Apache-2.0\",\"summary\":\"low-rank update of linear layers\",\"paper\":\"Hu et al. 2021,"
    " arXiv:2106.09685\",\"capabilities\":[\"merge\",\"identity-at-init\"],\"site_kinds\":[\"linear\"],"
    "\"default_roles\":[\"query\",\"value\"],\"default_learning_rate\":0.001,\"hyperparameters\":[{\"name\":\"r\","
    "\"type\":\"integer\",\"default\":8,\"minimum\":1,\"maximum\":65536,\"choices\":[],\"per_site\":true,"
    "\"pattern\":\"rank_pattern\",\"required\":false,\"nullable\":false,\"derived\":false,"
    "\"summary\":\"rank of the update\"},{\"name\":\"lora_alpha\",\"type\":\"number\",\"default\":8.0,"
    "\"minimum\":null,\"maximum\":null,\"choices\":[],\"per_site\":true,\"pattern\":\"alpha_pattern\","
    "\"required\":false,\"nullable\":false,\"derived\":false,\"summary\":\"numerator of the scale alpha / r\"},"
    "{\"name\":\"lora_dropout\",\"type\":\"number\",\"default\":0.0,\"minimum\":0,\"maximum\":0.99,\"choices\":[],"
    "\"per_site\":false,\"pattern\":null,\"required\":false,\"nullable\":false,\"derived\":false,"
    "\"summary\":\"dropout on the adapter's input\"},{\"name\":\"use_rslora\",\"type\":\"boolean\",\"default\":false,"
    "\"minimum\":null,\"maximum\":null,\"choices\":[],\"per_site\":false,\"pattern\":null,\"required\":false,"
    "\"nullable\":false,\"derived\":false,\"summary\":\"scale by alpha / √r instead of alpha / r\"}]}";
