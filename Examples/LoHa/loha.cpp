// LoHa (Hyeon-Woo et al. 2021): the element-wise product of two low-rank matrices, of rank up to r². See README.md.
#include <cmath>
#include <initializer_list>

#include "peft_plugin.h"

namespace {

const peft_settings_1 *settings;
const peft_parameters_1 *parameters;
const peft_graphs_1 *graphs;
const peft_site_1 *frozen;
const peft_ops_1 *ops;
peft_trace *trace;  // of the callback that runs now: the host calls from one thread at a time

// A node of the graph that is open. Errors are sticky, so no operator is checked.
struct Value {
    peft_value id;

    Value(peft_value id) : id(id) {}
    Value(double number) : id(ops->scalar(trace, number)) {}
};

Value operator+(Value a, Value b) { return ops->add(trace, a.id, b.id); }
Value operator*(Value a, Value b) { return ops->mul(trace, a.id, b.id); }
Value operator/(Value a, Value b) { return ops->div(trace, a.id, b.id); }
Value matmul(Value a, Value b, bool transposed = false) { return ops->matmul(trace, a.id, b.id, 0, transposed); }

void end(std::initializer_list<peft_value> results) {
    graphs->end(trace, static_cast<int64_t>(results.size()), results.begin());
}

// A (rows, columns) that trains, from zeros or U(±1 / sqrt(columns)).
Value parameter(const char *name, int64_t rows, int64_t columns, bool zeros = false) {
    const int64_t shape[] = {rows, columns};
    peft_tensor tensor{};
    tensor.struct_size = sizeof tensor;
    tensor.rank = 2;
    tensor.init = zeros ? PEFT_INIT_ZEROS : PEFT_INIT_KAIMING_UNIFORM;
    tensor.init_a = std::sqrt(5.0);
    tensor.name = name;
    tensor.shape = shape;
    return parameters->parameter(trace, &tensor);
}

// 1 with a probability of 1 - `dropped`, else 0; all ones unless training.
Value kept(double dropped, std::initializer_list<int64_t> shape) {
    const Value ones = ops->bernoulli(trace, 1, static_cast<int32_t>(shape.size()), shape.begin());
    const Value drawn = ops->bernoulli(trace, 1 - dropped, static_cast<int32_t>(shape.size()), shape.begin());
    return ops->where(trace, ops->training(trace), drawn.id, ones.id);
}

struct LoHa {
    Value A1, B1, A2, B2;  // (out, r), (r, in), (out, r), (r, in)
    double scale;

    explicit LoHa(const peft_site &site, int64_t r = settings->integer(trace, "r"))
        : A1(parameter("hada_w1_a", site.outputs, r)), B1(parameter("hada_w1_b", r, site.inputs)),
          A2(parameter("hada_w2_a", site.outputs, r)),
          B2(parameter("hada_w2_b", r, site.inputs, settings->boolean(trace, "init_weights"))),
          scale(settings->number(trace, "alpha") / static_cast<double>(r)) {}

    Value delta() const { return Value(scale) * matmul(A1, B1) * matmul(A2, B2); }  // (out, in)

    // y = W x + c + D x, D = s (A1 B1) ⊙ (A2 B2); dropping rows of D is dropping elements of D x.
    Value forward(Value x, int64_t outputs) const {
        const double rank_dropout = settings->number(trace, "rank_dropout");
        const double module_dropout = settings->number(trace, "module_dropout");
        Value update = matmul(x, delta(), true);
        if (rank_dropout > 0) {
            const Value rows = kept(rank_dropout, {outputs});
            const Value mean = ops->mean(trace, rows.id, 0, nullptr, 0);
            const Value atLeastOne = 1 / static_cast<double>(outputs);
            update = update * (rows / ops->maximum(trace, mean.id, atLeastOne.id));
        }
        if (module_dropout > 0) update = update * kept(module_dropout, {1});
        return Value(frozen->base(trace, x.id)) + update;
    }
};

int32_t inject(void *, peft_trace *current, const peft_site *site) {
    trace = current;
    const LoHa loha(*site);
    graphs->begin(trace, PEFT_GRAPH_FORWARD);
    end({loha.forward(graphs->operand(trace, 0), site->outputs).id});
    graphs->begin(trace, PEFT_GRAPH_MERGE);
    end({(Value(graphs->operand(trace, 0)) + loha.delta()).id, PEFT_ABSENT});
    return PEFT_OK;
}

peft_hyperparameter hyperparameter(
    uint32_t type, const char *name, const char *standard, double low, double high, const char *summary,
    const char *pattern = nullptr) {
    const uint32_t flags = pattern ? PEFT_FLAG_PER_SITE : 0;
    return {sizeof(peft_hyperparameter), type, flags, 0, name, summary, standard, pattern, nullptr, low, high};
}

const peft_hyperparameter hyperparameters[] = {
    hyperparameter(PEFT_TYPE_INTEGER, "r", "8", 1, 65536, "rank of each of the two factors", "rank_pattern"),
    hyperparameter(PEFT_TYPE_NUMBER, "alpha", "8.0", -INFINITY, INFINITY, "numerator of the scale alpha / r", "alpha_pattern"),
    hyperparameter(PEFT_TYPE_NUMBER, "rank_dropout", "0.0", 0, 0.99, "drops rows of the update while training"),
    hyperparameter(PEFT_TYPE_NUMBER, "module_dropout", "0.0", 0, 0.99, "drops a layer's update while training"),
    hyperparameter(PEFT_TYPE_BOOLEAN, "use_effective_conv2d", "false", -INFINITY, INFINITY, "of convolutions only"),
    hyperparameter(PEFT_TYPE_BOOLEAN, "init_weights", "true", -INFINITY, INFINITY, "start as the base; false: all random"),
};

const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};

peft_plugin describe() {
    peft_plugin plugin{};
    plugin.struct_size = sizeof plugin;
    plugin.abi_built_with = PEFT_ABI_VERSION;
    plugin.abi_min_required = 1;
    plugin.capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT;
    plugin.site_kinds = 1u << PEFT_SITE_LINEAR;
    plugin.id = "LoHa", plugin.peft_type = "LOHA", plugin.version = "1.0.0", plugin.license = "Apache-2.0";
    plugin.summary = "the element-wise product of two low-rank matrices";
    plugin.paper = "Hyeon-Woo et al. 2021, arXiv:2108.06098";
    plugin.default_learning_rate = 1e-3;
    plugin.default_roles = roles, plugin.default_role_count = 2;
    plugin.hyperparameters = hyperparameters, plugin.hyperparameter_count = 6;
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
