/* Trains every tensor of the base itself: weight sites, whose copies an init graph fills. */
#include <stddef.h>

#include "peft_plugin.h"

static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;

static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    (void)self;
    const peft_tensor tensor = {
        .struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = site->rank, .init = PEFT_INIT_GRAPH, .name = "weight",
        .shape = site->shape, .learning_rate_multiplier = 1};
    const peft_value weight = parameters->parameter(t, &tensor);
    graphs->begin(t, PEFT_GRAPH_INIT);
    graphs->set(t, weight, frozen->weight(t));
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    graphs->end(t, 1, &weight);
    return PEFT_OK;
}

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .site_kinds = 1u << PEFT_SITE_WEIGHT, .id = "Full", .peft_type = "FULL", .version = "1.0.0",
    .license = "Apache-2.0", .summary = "all weights", .paper = "", .default_learning_rate = 1e-5,
    .hyperparameter_stride = sizeof(peft_hyperparameter), .inject = inject};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1");
    return parameters && graphs && frozen ? &plugin : NULL;
}

#ifdef MANIFEST
#include MANIFEST
#endif
