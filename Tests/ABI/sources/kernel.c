/* A method with a kernel (peft.kernel/1): y = (1 + s · softsign(c)) ⊙ (W x + b), c (out). */
#include <math.h>
#include <stddef.h>

#include "peft_plugin.h"

static const peft_settings_1 *settings;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;
static const peft_sites_1 *sites;
static const peft_kernel_1 *kernels;
static int64_t softsign;

static void forward(const float *x, int64_t n, float scale, float *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = scale * x[i] / (1 + fabsf(x[i]));
}

static void pull_back(const float *x, int64_t n, float scale, const float *dy, float *dx)
{
    for (int64_t i = 0; i < n; i++) dx[i] = scale * dy[i] / ((1 + fabsf(x[i])) * (1 + fabsf(x[i])));
}

static int32_t plan(void *self, peft_trace *t)
{
    (void)self;
    const peft_kernel kernel = {
        .struct_size = sizeof kernel, .name = "softsign", .forward = (peft_function)forward, .vjp = (peft_function)pull_back,
        .signature = "(in f32[n], n: i64, scale: f32) -> out f32[n]",
        .vjp_signature = "(in f32[n], n: i64, scale: f32, in f32[n]) -> out f32[n]"};
    softsign = kernels->add(t, &kernel);
    for (int64_t i = 0; i < sites->count(t); i++) sites->take(t, i);
    return softsign < 0 ? PEFT_ERROR : PEFT_OK;
}

static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    (void)self;
    const peft_tensor tensor = {
        .struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = 1, .init = PEFT_INIT_CONSTANT, .name = "c",
        .shape = &site->outputs, .init_a = 0.1, .learning_rate_multiplier = 1};
    const peft_value c = parameters->parameter(t, &tensor);
    const double scale = settings->number(t, "scale");
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value factor = ops->add(t, ops->scalar(t, 1), kernels->call(t, softsign, 1, &c, 1, &scale, NULL));
    const peft_value y = ops->mul(t, frozen->base(t, graphs->operand(t, 0)), factor);
    graphs->end(t, 1, &y);
    graphs->not_mergeable(t, "it is here to be called");
    return PEFT_OK;
}

static const peft_hyperparameter scale = {
    .struct_size = sizeof scale, .type = PEFT_TYPE_NUMBER, .name = "scale", .summary = "of what the kernel gives",
    .default_value = "0.5", .minimum = 0, .maximum = 1};
static const int32_t roles[] = {PEFT_ROLE_QUERY};

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_USES_KERNELS, .site_kinds = 1u << PEFT_SITE_LINEAR, .id = "Kernel", .peft_type = "KERNEL",
    .version = "1.0.0", .license = "Apache-2.0", .summary = "a scale of outputs, through a kernel", .paper = "",
    .default_learning_rate = 1e-3, .default_role_count = 1, .default_roles = roles, .hyperparameter_count = 1,
    .hyperparameter_stride = sizeof scale, .hyperparameters = &scale, .plan = plan, .inject = inject};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    settings = host->table(host, "peft.settings/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    sites = host->table(host, "peft.sites/1");
    kernels = host->table(host, "peft.kernel/1");
    return settings && parameters && graphs && frozen && ops && sites && kernels ? &plugin : NULL;
}
