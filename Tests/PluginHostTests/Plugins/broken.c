/* A small method that breaks one rule of the interface: compiled with -DCASE=name, or with other values for what stands
 * in the description. */
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include "peft_plugin.h"

#define JOIN(a, b) a##b
#define EXPAND(a, b) JOIN(a, b)
#ifndef CASE
#define CASE good
#endif
#ifndef BUILT
#define BUILT 1
#endif
#ifndef REQUIRED
#define REQUIRED 1
#endif
#ifndef SIZE
#define SIZE sizeof(peft_plugin)
#endif
#ifndef TAIL
#define TAIL 0
#endif
#ifndef CAPABILITIES
#define CAPABILITIES 0
#endif
#ifndef ENTRY
#define ENTRY peft_plugin_entry
#endif
#ifndef METHOD
#define METHOD NULL
#endif
#ifndef IMPORT
#define IMPORT NULL
#endif
#ifndef PLAN
#define PLAN NULL
#endif

static const peft_trace_1 *trace;
static const peft_settings_1 *settings;
static const peft_model_1 *model;
static const peft_sites_1 *all;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *site;
static const peft_ops_1 *ops;
static const peft_export_1 *export;
static const peft_calibration_1 *calibration;
static const peft_config_1 *config;
static peft_value kept;

static peft_value vector(peft_trace *t, const char *name, int64_t size) {
    peft_tensor tensor = {.struct_size = sizeof tensor, .rank = 1, .init = PEFT_INIT_ONES, .name = name, .shape = &size};
    return parameters->parameter(t, &tensor);
}

/* y = base(x) · s */
static peft_value scaled(peft_trace *t, peft_value s) { return ops->mul(t, site->base(t, graphs->operand(t, 0)), s); }

static void finish(peft_trace *t, peft_value y) { graphs->end(t, 1, &y); }

static void forward(peft_trace *t, peft_value s) {
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    finish(t, scaled(t, s));
}

typedef const peft_site *S;
static int32_t inject_good(peft_trace *t, S at) { forward(t, vector(t, "s", at->outputs)); return PEFT_OK; }
static int32_t inject_stale_graph(peft_trace *t, S at) {
    peft_value s = vector(t, "s", at->outputs);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    peft_value y = scaled(t, s);
    finish(t, y);
    graphs->begin(t, PEFT_GRAPH_MERGE);
    ops->add(t, y, y);
    return PEFT_OK;
}
static int32_t inject_stale_site(peft_trace *t, S at) {
    peft_value s = vector(t, "s", at->outputs);
    if (!kept) kept = s;
    forward(t, kept);
    return PEFT_OK;
}
static int32_t inject_forged(peft_trace *t, S at) { vector(t, "s", at->outputs); forward(t, 42); return PEFT_OK; }
static int32_t inject_forged_near(peft_trace *t, S at) { forward(t, vector(t, "s", at->outputs) + 7); return PEFT_OK; }
static int32_t inject_zero(peft_trace *t, S at) { vector(t, "s", at->outputs); forward(t, PEFT_FAILED); return PEFT_OK; }
static int32_t inject_absent(peft_trace *t, S at) { vector(t, "s", at->outputs); forward(t, PEFT_ABSENT); return PEFT_OK; }
static int32_t inject_wrong_operand(peft_trace *t, S at) { forward(t, vector(t, "s", at->outputs + 1)); return PEFT_OK; }
static int32_t inject_wrong_result(peft_trace *t, S at) {
    peft_value s = vector(t, "s", at->inputs);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    finish(t, ops->mul(t, graphs->operand(t, 0), s));
    return PEFT_OK;
}
static int32_t inject_unknown_setting(peft_trace *t, S at) { (void)at; settings->integer(t, "rr"); return PEFT_OK; }
static int32_t inject_wrong_type(peft_trace *t, S at) { (void)at; settings->string(t, "r"); return PEFT_OK; }
static int32_t inject_not_local(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const int32_t axis = 0;
    finish(t, ops->mean(t, site->base(t, graphs->operand(t, 0)), 1, &axis, 1));
    return PEFT_OK;
}
static int32_t inject_no_graph(peft_trace *t, S at) { (void)at; ops->scalar(t, 1); return PEFT_OK; }
static int32_t inject_begin_twice(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    graphs->begin(t, PEFT_GRAPH_MERGE);
    return PEFT_OK;
}
static int32_t inject_second_forward(peft_trace *t, S at) {
    peft_value s = vector(t, "s", at->outputs);
    forward(t, s);
    forward(t, s);
    return PEFT_OK;
}
static int32_t inject_end_without_begin(peft_trace *t, S at) { (void)at; graphs->end(t, 0, NULL); return PEFT_OK; }
static int32_t inject_never_ended(peft_trace *t, S at) { (void)at; graphs->begin(t, PEFT_GRAPH_FORWARD); return PEFT_OK; }
static int32_t inject_no_forward(peft_trace *t, S at) { vector(t, "s", at->outputs); return PEFT_OK; }
static int32_t inject_wrong_phase(peft_trace *t, S at) { (void)at; graphs->begin(t, PEFT_GRAPH_UPDATE); return PEFT_OK; }
static int32_t inject_twice(peft_trace *t, S at) { vector(t, "s", at->outputs); vector(t, "s", 1); return PEFT_OK; }
static int32_t inject_bad_name(peft_trace *t, S at) { vector(t, "../s", at->outputs); return PEFT_OK; }
static int32_t inject_null_name(peft_trace *t, S at) { vector(t, NULL, at->outputs); return PEFT_OK; }
static int32_t inject_negative(peft_trace *t, S at) { (void)at; vector(t, "s", -1); return PEFT_OK; }
static int32_t inject_huge(peft_trace *t, S at) { (void)at; vector(t, "s", INT64_MAX); return PEFT_OK; }
static int32_t inject_rank(peft_trace *t, S at) {
    const int64_t shape[7] = {1, 1, 1, 1, 1, 1, 1};
    forward(t, vector(t, "s", at->outputs));
    graphs->begin(t, PEFT_GRAPH_INIT);
    ops->reshape(t, ops->scalar(t, 1), 7, shape);
    return PEFT_OK;
}
static int32_t inject_small_tensor(peft_trace *t, S at) {
    (void)at;
    peft_tensor tensor = {.struct_size = 8};
    parameters->parameter(t, &tensor);
    return PEFT_OK;
}
static int32_t inject_null_tensor(peft_trace *t, S at) { (void)at; parameters->parameter(t, NULL); return PEFT_OK; }
static int32_t inject_null_axes(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    ops->sum(t, graphs->operand(t, 0), 1, NULL, 0);
    return PEFT_OK;
}
static int32_t inject_unset(peft_trace *t, S at) {
    const int64_t size = at->outputs;
    peft_tensor tensor = {.struct_size = sizeof tensor, .rank = 1, .init = PEFT_INIT_GRAPH, .name = "s", .shape = &size};
    forward(t, parameters->parameter(t, &tensor));
    return PEFT_OK;
}
static int32_t inject_unused(peft_trace *t, S at) {
    forward(t, vector(t, "s", at->outputs));
    vector(t, "unused", 3);
    return PEFT_OK;
}
static int32_t inject_trains_nothing(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    finish(t, site->base(t, graphs->operand(t, 0)));
    return PEFT_OK;
}
static int32_t inject_fails(peft_trace *t, S at) { (void)at; return trace->fail(t, "out of\nluck"); }
static int32_t inject_silent(peft_trace *t, S at) { (void)t, (void)at; return 7; }
static int32_t inject_model_size(peft_trace *t, S at) { (void)at; model->size(t, 99); return PEFT_OK; }
static int32_t inject_bias(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    site->bias(t);
    return PEFT_OK;
}
static int32_t inject_svd(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    ops->svd(t, site->weight(t), NULL, NULL);
    return PEFT_OK;
}
static int32_t inject_row_input(peft_trace *t, S at) {
    (void)at;
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    ops->row_input(t, "task", 0, NULL);
    return PEFT_OK;
}
static int32_t inject_calibration(peft_trace *t, S at) { (void)at; calibration->collect(t, "gram"); return PEFT_OK; }

static int32_t take_none(void *self, peft_trace *t) { (void)self, (void)t; return PEFT_OK; }
static int32_t take_outside(void *self, peft_trace *t) { (void)self; return all->take(t, 1000); }

/* Everything else of the interface, used as it should be: buffers, a prelude, init, update, export and import. */
static peft_value shared;
static int32_t plan_whole(void *self, peft_trace *t) {
    (void)self;
    peft_site at = {.struct_size = sizeof at};
    for (int64_t i = 0; i < all->count(t); i++)
        if (all->get(t, i, &at) == PEFT_OK && at.layer > 0) all->take(t, i);
    shared = vector(t, "shared", 3);
    graphs->begin(t, PEFT_GRAPH_PRELUDE);
    const int32_t axis = 0;
    peft_value norm = ops->norm(t, shared, 1, &axis, 0);
    graphs->end(t, 1, &norm);
    return PEFT_OK;
}
static int32_t inject_whole(peft_trace *t, S at) {
    const int64_t size = at->outputs;
    peft_tensor tensor = {.struct_size = sizeof tensor, .rank = 1, .init = PEFT_INIT_GRAPH, .name = "m", .shape = &size};
    peft_value m = parameters->parameter(t, &tensor);
    tensor.init = PEFT_INIT_ZEROS;
    tensor.name = "average";
    peft_value average = parameters->buffer(t, &tensor);
    graphs->begin(t, PEFT_GRAPH_INIT);
    graphs->set(t, m, site->row_norms(t));
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    peft_value s = ops->mul(t, ops->div(t, m, site->row_norms(t)), graphs->prelude(t, 0));
    finish(t, scaled(t, ops->add(t, s, average)));
    return graphs->not_mergeable(t, "it is a test");
}
static int32_t method_whole(void *self, peft_trace *t) {
    (void)self;
    peft_value m = parameters->of_site(t, 0, "m"), average = parameters->of_site(t, 1, "average");
    peft_value other = parameters->of_site(t, 1, "m");
    graphs->begin(t, PEFT_GRAPH_REGULARIZER);
    finish(t, ops->sum(t, ops->mul(t, m, m), 0, NULL, 0));
    graphs->begin(t, PEFT_GRAPH_UPDATE);
    graphs->set(t, average, ops->mul(t, graphs->gradient(t, other), ops->div(t, ops->step(t), ops->total_steps(t))));
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_EXPORT);
    export->tensor_masked(t, "kept", other, 0, average);
    export->tensor(t, "shared", parameters->of_method(t, "shared"));
    export->field_from(t, "rank_pattern/a", average, 1);
    export->field(t, "r", NULL);
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_IMPORT);
    const int64_t three = 3;
    graphs->set(t, shared, export->stored(t, "shared", 1, &three));
    graphs->end(t, 0, NULL);
    return PEFT_OK;
}

static int32_t import_rank(void *self, peft_trace *t) {
    (void)self;
    if (config->kind(t, "rank/0") == PEFT_JSON_NUMBER) config->set_integer(t, "r", 2 * config->integer(t, "rank/0"));
    return PEFT_OK;
}

static int32_t inject(void *self, peft_trace *t, S at) { (void)self; return EXPAND(inject_, CASE)(t, at); }

static const peft_hyperparameter hyperparameters[] = {
    {.struct_size = sizeof(peft_hyperparameter), .type = PEFT_TYPE_INTEGER, .name = "r", .summary = "rank",
     .default_value = "8", .minimum = 1, .maximum = 1024}};
static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_VALUE};
static const struct {
    peft_plugin plugin;
    uint64_t tail;
} description = {
    {.struct_size = SIZE, .abi_built_with = BUILT, .abi_min_required = REQUIRED, .capabilities = CAPABILITIES,
     .site_kinds = 1 << PEFT_SITE_LINEAR, .default_role_count = 2, .default_roles = roles, .hyperparameter_count = 1,
     .hyperparameter_stride = sizeof *hyperparameters, .hyperparameters = hyperparameters, .id = "Broken",
     .peft_type = "BROKEN", .version = "1", .license = "", .summary = "", .paper = "", .default_learning_rate = 1e-3,
     .plan = PLAN, .inject = inject, .method = METHOD,
     .import_config = IMPORT}, TAIL};

#ifdef SIDE_EFFECTS
__attribute__((constructor)) static void change(void) {
    signal(SIGUSR2, SIG_IGN);
    if (chdir("/proc") != 0) abort();
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}
#endif

const peft_plugin *ENTRY(const peft_host *host) {
#ifdef SUMMARY_IS_HOST
    static peft_plugin named;
    named = description.plugin;
    named.summary = host->name;
    return &named;
#endif
#ifdef NO_PLUGIN
    return NULL;
#endif
    trace = host->table(host, "peft.trace/1");
    settings = host->table(host, "peft.settings/1");
    model = host->table(host, "peft.model/1");
    all = host->table(host, "peft.sites/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    site = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    export = host->table(host, "peft.export/1");
    config = host->table(host, "peft.config/1");
    calibration = host->table(host, "peft.calibration/1");
    if (host->table(host, "peft.ops/2")) abort();
    return &description.plugin;
}
