/* MyMethod: a trained scale for every output of a frozen linear layer. Everything that a plugin can do is said in peft_plugin.h. */
#include <math.h>
#include <stddef.h>

#include "peft_plugin.h"

/* The host's tables, fetched once in peft_plugin_entry. */
static const peft_settings_1 *settings;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;

/* 1 + alpha s (out), in the graph that is open. */
static peft_value factor(peft_trace *t, peft_value s)
{
    const peft_value alpha = ops->scalar(t, settings->number(t, "alpha"));
    return ops->add(t, ops->scalar(t, 1), ops->mul(t, alpha, s));
}

/* Once a layer: declares its parameters and builds its graphs. No call is checked: errors are sticky, the host reports the first.
 *
 *   y  = (1 + alpha s) ⊙ (W x + b)                       s (out), zeros at first
 *   W' = (1 + alpha s) W, b' = (1 + alpha s) b           merged
 */
static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    (void)self;
    const peft_tensor tensor = {.struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = 1, .shape = &site->outputs,
                                .init = PEFT_INIT_ZEROS, .name = "scale"};
    const peft_value s = parameters->parameter(t, &tensor);

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value x = graphs->operand(t, 0); /* (N, in): all tokens of a batch */
    const peft_value y = ops->mul(t, factor(t, s), frozen->base(t, x));
    graphs->end(t, 1, &y);

    graphs->begin(t, PEFT_GRAPH_MERGE);
    const int64_t column[2] = {site->outputs, 1};
    const peft_value W = ops->mul(t, ops->reshape(t, factor(t, s), 2, column), graphs->operand(t, 0));
    const peft_value b = site->has_bias ? ops->mul(t, factor(t, s), graphs->operand(t, 1)) : PEFT_ABSENT;
    return graphs->end(t, 2, (const peft_value[]){W, b});
}

/* -o alpha=0.5: its names, defaults and ranges are checked by the host. */
static const peft_hyperparameter hyperparameters[] = {
    {.struct_size = sizeof(peft_hyperparameter), .type = PEFT_TYPE_NUMBER, .name = "alpha", .default_value = "1.0",
     .summary = "strength of the scale", .minimum = 0, .maximum = INFINITY},
};

/* The layers that are adapted unless the user gives -o target_modules=... */
static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT, .site_kinds = 1u << PEFT_SITE_LINEAR,
    .id = "MyMethod", .peft_type = "MY_METHOD", .version = "0.1.0", .license = "Apache-2.0",
    .summary = "a trained scale for every output", .paper = "", .default_learning_rate = 1e-2,
    .default_role_count = sizeof roles / sizeof *roles, .default_roles = roles,
    .hyperparameter_count = sizeof hyperparameters / sizeof *hyperparameters,
    .hyperparameter_stride = sizeof(peft_hyperparameter), .hyperparameters = hyperparameters,
    .inject = inject};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    settings = host->table(host, "peft.settings/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    return settings && parameters && graphs && frozen && ops ? &plugin : NULL;
}
