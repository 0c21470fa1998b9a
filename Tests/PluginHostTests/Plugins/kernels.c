/* A method with a kernel: y = base(x) + sin(x Aᵀ) / 2, the sine a kernel's; with -DOPERATORS an operator's. Other defines break
 * one rule. */
#include <math.h>
#include <stdlib.h>
#include "peft_plugin.h"

#ifndef CAPABILITIES
#define CAPABILITIES PEFT_USES_KERNELS
#endif
#ifndef FORWARD
#define FORWARD sine
#endif
#ifndef VJP
#define VJP sine_vjp
#endif
#ifndef SIGNATURE
#define SIGNATURE "(in f32[n,d], n*d: i64, scale: f32) -> out f32[n,d]"
#endif
#ifndef FLAGS
#define FLAGS PEFT_KERNEL_TOKEN_LOCAL
#endif
#ifndef ARRAYS
#define ARRAYS 1
#endif

static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_sites_1 *all;
static const peft_site_1 *site;
static const peft_ops_1 *ops;
static const peft_kernel_1 *kernels;
static int64_t number;

static void sine(const float *x, int64_t n, float scale, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = scale * sinf(x[i]);
}

static void sine_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = scale * cosf(x[i]) * dy[i];
}

static void wrong_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = cosf(x[i]) * dy[i];
}

static void writes_behind(const float *x, int64_t n, float scale, float *y) {
    sine(x, n, scale, y);
    y[n] = 1;
}

static int64_t add(peft_trace *t) {
    peft_kernel kernel = {
        .struct_size = sizeof kernel, .flags = FLAGS, .name = "sine", .signature = SIGNATURE,
        .forward = (peft_function)FORWARD,
        .vjp_signature = "(in f32[n,d], n*d: i64, scale: f32, in f32[n,d]) -> out f32[n,d]", .vjp = (peft_function)VJP};
    return kernels->add(t, &kernel);
}

static int32_t plan(void *self, peft_trace *t) {
    number = add(t);
#ifdef TWICE
    add(t);
#endif
    for (int64_t i = 0; i < all->count(t); i++) all->take(t, i);
    return PEFT_OK;
}

static int32_t inject(void *self, peft_trace *t, const peft_site *here) {
#ifdef LATE
    add(t);
#endif
    int64_t shape[2] = {here->outputs, here->inputs};
    peft_tensor tensor = {
        .struct_size = sizeof tensor, .rank = 2, .init = PEFT_INIT_KAIMING_UNIFORM, .name = "A", .shape = shape};
    peft_value a = parameters->parameter(t, &tensor);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    peft_value x = graphs->operand(t, 0), inner = ops->matmul(t, x, a, 0, 1);
    const double scale = 0.5;
#ifdef OPERATORS
    peft_value change = ops->mul(t, ops->sin(t, inner), ops->scalar(t, scale));
#else
#ifdef NUMBER
    number = NUMBER;
#endif
    peft_value change = kernels->call(t, number, ARRAYS, &inner, 1, &scale, NULL);
#endif
    peft_value y = ops->add(t, site->base(t, x), change);
    return graphs->end(t, 1, &y);
}

static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};
static const peft_plugin description = {
    .struct_size = sizeof description, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = CAPABILITIES, .site_kinds = 1u << PEFT_SITE_LINEAR, .id = "Sine", .peft_type = "SINE",
    .version = "1", .license = "", .summary = "", .paper = "", .default_learning_rate = 1e-3, .default_role_count = 2,
    .default_roles = roles, .plan = plan, .inject = inject};

__attribute__((visibility("default"))) const peft_plugin *peft_plugin_entry(const peft_host *host) {
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    all = host->table(host, "peft.sites/1");
    site = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    kernels = host->table(host, "peft.kernel/1");
    return &description;
}
