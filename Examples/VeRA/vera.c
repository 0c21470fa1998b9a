/* VeRA (Kopiczko et al. 2023): one frozen random pair of matrices for the whole model, two trained vectors a layer. */
#include <math.h>
#include <string.h>

#include "peft_plugin.h"

static const peft_trace_1 *tracing;
static const peft_settings_1 *settings;
static const peft_sites_1 *sites;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;
static const peft_export_1 *stored;

static peft_tensor tensor(const char *name, int32_t rank, const int64_t *shape, int32_t init, double a, double b)
{
    return (peft_tensor){.struct_size = sizeof(peft_tensor), .dtype = PEFT_F32, .rank = rank, .init = init,
                         .name = name, .shape = shape, .init_a = a, .init_b = b};
}

/* The generator that projection_prng_key seeds: MT19937 (Matsumoto and Nishimura 1998), 24 bits a number. */
static uint32_t state[624], place;

static void seed(uint32_t key)
{
    for (uint32_t i = 0; i < 624; i++) state[i] = key = i ? 1812433253u * (key ^ key >> 30) + i : key;
    place = 0;
}

static double uniform(void) /* in [0, 1) */
{
    const uint32_t i = place, next = place = (i + 1) % 624;
    const uint32_t pair = (state[i] & 0x80000000u) | (state[next] & 0x7fffffffu);
    uint32_t y = state[i] = state[(i + 397) % 624] ^ pair >> 1 ^ (pair & 1 ? 0x9908b0dfu : 0);
    y ^= y >> 11, y ^= y << 7 & 0x9d2c5680u, y ^= y << 15 & 0xefc60000u, y ^= y >> 18;
    return (y & 0xffffff) * 0x1p-24;
}

/* A frozen (rows, columns), U(±sqrt(6 / columns)): stored with the adapter, or made from the key by the init graph. */
static void project(peft_trace *t, const char *name, int64_t rows, int64_t columns, int is_stored)
{
    static double numbers[65536]; /* as many as one constant may have */
    const int64_t shape[2] = {rows, columns}, count = rows * columns;
    peft_tensor it = tensor(name, 2, shape, is_stored ? PEFT_INIT_KAIMING_UNIFORM : PEFT_INIT_GRAPH, 0, 0);
    it.flags = is_stored ? PEFT_TENSOR_FROZEN : 0;
    const peft_value value = (is_stored ? parameters->parameter : parameters->buffer)(t, &it);
    if (is_stored) return;
    if (count > 8 * 65536)
        return (void)tracing->fail(t, "save_projection=false: more than 524,288 numbers; save them, or lower r");
    peft_value parts[8]; int32_t used = 0;
    for (int64_t first = 0; first < count; first += 65536) {
        const int64_t size = count - first < 65536 ? count - first : 65536;
        for (int64_t i = 0; i < size; i++) numbers[i] = sqrt(6.0 / (double)columns) * (2 * uniform() - 1);
        parts[used++] = ops->constant(t, PEFT_F32, 1, &size, numbers);
    }
    graphs->set(t, value, ops->reshape(t, ops->concat(t, used, parts, 0), 2, shape));
}

/* The pair is as large as the largest layer needs; each layer reads its upper left part. */
static int32_t plan(void *self, peft_trace *t)
{
    const int is_stored = settings->boolean(t, "save_projection");
    int64_t inputs = 1, outputs = 1;
    peft_site site = {.struct_size = sizeof site};
    for (int64_t i = 0; i < sites->count(t); i++) {
        sites->get(t, i, &site);
        if (site.kind == PEFT_SITE_LINEAR) {
            sites->take(t, i);
            if (site.inputs > inputs) inputs = site.inputs;
            if (site.outputs > outputs) outputs = site.outputs;
        } else if (site.role == PEFT_ROLE_BIAS && strcmp(settings->string(t, "bias"), "none")) {
            return tracing->fail(t, "the base has biases, which this plugin does not train: give bias=none");
        }
    }
    seed((uint32_t)settings->integer(t, "projection_prng_key"));
    if (!is_stored) graphs->begin(t, PEFT_GRAPH_INIT);
    project(t, "vera_A", settings->integer(t, "r"), inputs, is_stored);
    project(t, "vera_B", outputs, settings->integer(t, "r"), is_stored);
    return is_stored ? PEFT_OK : graphs->end(t, 0, NULL);
}

/* y = W x + c + b ⊙ B (d ⊙ A dropout(x)); merged, W' = W + diag(b) B diag(d) A. */
static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    const int64_t r = settings->integer(t, "r"), b_column[2] = {site->outputs, 1}, d_column[2] = {r, 1};
    const int is_standard = settings->boolean(t, "init_weights");
    const peft_tensor vectors[2] = {
        tensor("vera_lambda_b", 1, &site->outputs, is_standard ? PEFT_INIT_ZEROS : PEFT_INIT_ONES, 0, 0),
        is_standard ? tensor("vera_lambda_d", 1, &r, PEFT_INIT_CONSTANT, settings->number(t, "d_initial"), 0)
                    : tensor("vera_lambda_d", 1, &r, PEFT_INIT_NORMAL, 0, 1)};
    const peft_value b = parameters->parameter(t, &vectors[0]), d = parameters->parameter(t, &vectors[1]);
    for (int32_t graph = PEFT_GRAPH_FORWARD; graph <= PEFT_GRAPH_MERGE; graph++) {
        graphs->begin(t, graph);
        const peft_value x = graphs->operand(t, 0); /* merge: W */
        const peft_value A = ops->slice(t, parameters->of_method(t, "vera_A"), 1, 0, site->inputs);
        const peft_value B = ops->slice(t, parameters->of_method(t, "vera_B"), 0, 0, site->outputs);
        if (graph == PEFT_GRAPH_FORWARD) {
            const peft_value input = ops->dropout(t, x, settings->number(t, "vera_dropout"));
            const peft_value inner = ops->mul(t, d, ops->matmul(t, input, A, 0, 1));
            const peft_value update = ops->mul(t, b, ops->matmul(t, inner, B, 0, 1));
            graphs->end(t, 1, (peft_value[]){ops->add(t, frozen->base(t, x), update)});
        } else {
            const peft_value left = ops->mul(t, ops->reshape(t, b, 2, b_column), B);
            const peft_value right = ops->mul(t, ops->reshape(t, d, 2, d_column), A);
            graphs->end(t, 2, (peft_value[]){ops->add(t, x, ops->matmul(t, left, right, 0, 0)), PEFT_ABSENT});
        }
    }
    return PEFT_OK;
}

/* What peft's file says besides. */
static int32_t method(void *self, peft_trace *t)
{
    graphs->begin(t, PEFT_GRAPH_EXPORT), stored->field(t, "fan_in_fan_out", "false");
    stored->field(t, "exclude_modules", NULL);
    return graphs->end(t, 0, NULL);
}

#define IT(TYPE, NAME, VALUE, LOW, HIGH, SUMMARY) {.struct_size = sizeof(peft_hyperparameter), .type = TYPE, \
    .name = NAME, .default_value = VALUE, .minimum = LOW, .maximum = HIGH, .summary = SUMMARY}
static const peft_hyperparameter hyperparameters[] = {
    IT(PEFT_TYPE_INTEGER, "r", "256", 1, 65536, "numbers in vera_lambda_d"),
    IT(PEFT_TYPE_INTEGER, "projection_prng_key", "0", 0, UINT32_MAX, "save_projection=false: the projection's seed"),
    IT(PEFT_TYPE_BOOLEAN, "save_projection", "true", -INFINITY, INFINITY, "store the frozen pair with the adapter"),
    IT(PEFT_TYPE_NUMBER, "vera_dropout", "0.0", 0, 0.99, "dropout on the adapter's input"),
    IT(PEFT_TYPE_NUMBER, "d_initial", "0.1", -INFINITY, INFINITY, "first value of vera_lambda_d"),
    IT(PEFT_TYPE_BOOLEAN, "init_weights", "true", -INFINITY, INFINITY, "start as the base; false: at random vectors"),
    {.struct_size = sizeof(peft_hyperparameter), .type = PEFT_TYPE_STRING, .name = "bias", .default_value = "\"none\"",
     .choice_count = 3, .choices = (const char *const[]){"none", "all", "vera_only"}, .minimum = -INFINITY,
     .maximum = INFINITY, .summary = "which biases train; others than none only where the base has no biases"}};
static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT,
    .site_kinds = 1u << PEFT_SITE_LINEAR | 1u << PEFT_SITE_WEIGHT, .id = "VeRA", .peft_type = "VERA",
    .version = "1.0.0", .license = "Apache-2.0", .summary = "trained vectors around one frozen random projection",
    .paper = "Kopiczko et al. 2023, arXiv:2310.11454", .default_learning_rate = 4e-3, .default_role_count = 2,
    .default_roles = (const int32_t[]){PEFT_ROLE_QUERY, PEFT_ROLE_VALUE}, .hyperparameter_count = 7,
    .hyperparameter_stride = sizeof(peft_hyperparameter), .hyperparameters = hyperparameters,
    .plan = plan, .inject = inject, .method = method};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    tracing = host->table(host, "peft.trace/1"), settings = host->table(host, "peft.settings/1");
    sites = host->table(host, "peft.sites/1"), parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1"), frozen = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1"), stored = host->table(host, "peft.export/1");
    return tracing && settings && sites && parameters && graphs && frozen && ops && stored ? &plugin : NULL;
}
