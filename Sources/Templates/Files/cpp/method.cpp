// MyMethod: a trained scale for every output of a frozen linear layer. Everything that a plugin can do is said in peft_plugin.h.
#include <cmath>
#include <initializer_list>

#include "peft_plugin.h"

namespace {

// The host's tables, fetched once in peft_plugin_entry, and the callback that runs: the host calls from one thread at a time.
const peft_settings_1 *settings;
const peft_parameters_1 *parameters;
const peft_graphs_1 *graphs;
const peft_site_1 *frozen;
const peft_ops_1 *ops;
peft_trace *trace;

// A node of the graph that is open. No operator is checked: errors are sticky, the host reports the first.
struct Value {
    peft_value id;

    Value(peft_value id) : id(id) {}
    Value(double number) : id(ops->scalar(trace, number)) {}
};

Value operator+(Value a, Value b) { return ops->add(trace, a.id, b.id); }
Value operator*(Value a, Value b) { return ops->mul(trace, a.id, b.id); }

void end(std::initializer_list<peft_value> results) {
    graphs->end(trace, static_cast<int64_t>(results.size()), results.begin());
}

// Once a layer: declares its parameters and builds its graphs. No exception may leave it.
//
//   y  = (1 + alpha s) ⊙ (W x + b)                       s (out), zeros at first
//   W' = (1 + alpha s) W, b' = (1 + alpha s) b           merged
int32_t inject(void *, peft_trace *current, const peft_site *site) {
    trace = current;
    peft_tensor tensor{};
    tensor.struct_size = sizeof tensor;
    tensor.rank = 1;
    tensor.shape = &site->outputs;
    tensor.init = PEFT_INIT_ZEROS;
    tensor.name = "scale";
    const Value s = parameters->parameter(trace, &tensor);
    const double alpha = settings->number(trace, "alpha");

    graphs->begin(trace, PEFT_GRAPH_FORWARD);
    const Value x = graphs->operand(trace, 0);  // (N, in): all tokens of a batch
    end({((Value(1.0) + Value(alpha) * s) * frozen->base(trace, x.id)).id});

    graphs->begin(trace, PEFT_GRAPH_MERGE);
    const int64_t column[] = {site->outputs, 1};
    const Value scale = Value(1.0) + Value(alpha) * s;
    const Value W = Value(ops->reshape(trace, scale.id, 2, column)) * graphs->operand(trace, 0);
    end({W.id, site->has_bias ? (scale * graphs->operand(trace, 1)).id : PEFT_ABSENT});
    return PEFT_OK;
}

// -o alpha=0.5: its names, defaults and ranges are checked by the host.
const peft_hyperparameter hyperparameters[] = {
    {sizeof(peft_hyperparameter), PEFT_TYPE_NUMBER, 0, 0, "alpha", "strength of the scale", "1.0", nullptr, nullptr, 0, INFINITY},
};

// The layers that are adapted unless the user gives -o target_modules=...
const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};

peft_plugin describe() {
    peft_plugin plugin{};
    plugin.struct_size = sizeof plugin;
    plugin.abi_built_with = PEFT_ABI_VERSION;
    plugin.abi_min_required = 1;
    plugin.capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT;
    plugin.site_kinds = 1u << PEFT_SITE_LINEAR;
    plugin.id = "MyMethod";
    plugin.peft_type = "MY_METHOD";
    plugin.version = "0.1.0";
    plugin.license = "Apache-2.0";
    plugin.summary = "a trained scale for every output";
    plugin.paper = "";
    plugin.default_learning_rate = 1e-2;
    plugin.default_roles = roles;
    plugin.default_role_count = sizeof roles / sizeof *roles;
    plugin.hyperparameters = hyperparameters;
    plugin.hyperparameter_count = sizeof hyperparameters / sizeof *hyperparameters;
    plugin.hyperparameter_stride = sizeof(peft_hyperparameter);
    plugin.inject = inject;
    return plugin;
}

}  // namespace

const peft_plugin *peft_plugin_entry(const peft_host *host) {
    static const peft_plugin plugin = describe();
    settings = static_cast<const peft_settings_1 *>(host->table(host, "peft.settings/1"));
    parameters = static_cast<const peft_parameters_1 *>(host->table(host, "peft.parameters/1"));
    graphs = static_cast<const peft_graphs_1 *>(host->table(host, "peft.graphs/1"));
    frozen = static_cast<const peft_site_1 *>(host->table(host, "peft.site/1"));
    ops = static_cast<const peft_ops_1 *>(host->table(host, "peft.ops/1"));
    return settings && parameters && graphs && frozen && ops ? &plugin : nullptr;
}
