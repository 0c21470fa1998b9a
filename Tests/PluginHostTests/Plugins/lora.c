/* LoRA (Hu et al. 2021) against the header alone. */
#include <math.h>
#include <stddef.h>
#include "peft_plugin.h"

static const peft_settings_1 *settings;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *sites;
static const peft_ops_1 *ops;

static peft_value matrix(peft_trace *t, const char *name, int64_t rows, int64_t columns, int32_t init) {
    const int64_t shape[] = {rows, columns};
    peft_tensor tensor = {.struct_size = sizeof tensor, .rank = 2, .init = init, .name = name, .shape = shape};
    tensor.init_a = sqrt(5);
    return parameters->parameter(t, &tensor);
}

static int32_t inject(void *self, peft_trace *t, const peft_site *site) {
    (void)self;
    int64_t r = settings->integer(t, "r");
    double scale = settings->number(t, "lora_alpha") / (double)r;
    peft_value A = matrix(t, "lora_A.weight", r, site->inputs, PEFT_INIT_KAIMING_UNIFORM);
    peft_value B = matrix(t, "lora_B.weight", site->outputs, r, PEFT_INIT_ZEROS);

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    peft_value x = graphs->operand(t, 0);
    peft_value low = ops->matmul(t, ops->dropout(t, x, settings->number(t, "lora_dropout")), A, 0, 1);
    peft_value delta = ops->mul(t, ops->scalar(t, scale), ops->matmul(t, low, B, 0, 1));
    peft_value y = ops->add(t, sites->base(t, x), delta);
    graphs->end(t, 1, &y);

    graphs->begin(t, PEFT_GRAPH_MERGE);
    peft_value W = graphs->operand(t, 0);
    peft_value merged[] = {ops->add(t, W, ops->mul(t, ops->scalar(t, scale), ops->matmul(t, B, A, 0, 0))), PEFT_ABSENT};
    graphs->end(t, 2, merged);
    return PEFT_OK;
}

#define SIZE .struct_size = sizeof(peft_hyperparameter)
static const peft_hyperparameter hyperparameters[] = {
    {SIZE, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_PER_SITE, .name = "r", .summary = "rank",
     .default_value = "8", .minimum = 1, .maximum = 1024},
    {SIZE, .type = PEFT_TYPE_NUMBER, .flags = PEFT_FLAG_PER_SITE, .name = "lora_alpha", .summary = "scale",
     .default_value = "8", .minimum = -INFINITY, .maximum = INFINITY},
    {SIZE, .type = PEFT_TYPE_NUMBER, .name = "lora_dropout", .summary = "dropout", .default_value = "0.0",
     .minimum = 0, .maximum = 0.99},
};
static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};
static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT, .site_kinds = 1 << PEFT_SITE_LINEAR,
    .default_role_count = 2, .default_roles = roles,
    .hyperparameter_count = 3, .hyperparameter_stride = sizeof *hyperparameters, .hyperparameters = hyperparameters,
    .id = "LoRA", .peft_type = "LORA", .version = "1.0.0", .license = "Apache-2.0", .summary = "Low-rank \"update\"?",
    .paper = "Hu et al. 2021, arXiv:2106.09685", .default_learning_rate = 1e-3, .inject = inject,
};

const peft_plugin *peft_plugin_entry(const peft_host *host) {
    settings = host->table(host, "peft.settings/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    sites = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    return &plugin;
}
