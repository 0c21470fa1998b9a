/* A method that calls every function of every table of ABI 1 (but for kernels, see kernel.c), at every kind of site. It is no
 * sensible method: it is compiled once and kept, so that every later host can be held to all that it uses. */
#include <math.h>
#include <stddef.h>

#include "peft_plugin.h"

static const peft_trace_1 *trace;
static const peft_settings_1 *settings;
static const peft_model_1 *model;
static const peft_sites_1 *sites;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;
static const peft_export_1 *export;
static const peft_config_1 *config;
static const peft_calibration_1 *calibration;

enum { R = 4 }; /* rows of A */

static peft_value declare(
    peft_trace *t, const char *name, int is_buffer, int32_t init, double a, double b, int32_t rank, int64_t rows,
    int64_t columns)
{
    const int64_t shape[2] = {rows, columns};
    const peft_tensor tensor = {
        .struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = rank, .init = init, .name = name, .shape = shape,
        .init_a = a, .init_b = b, .learning_rate_multiplier = 1};
    return (is_buffer ? parameters->buffer : parameters->parameter)(t, &tensor);
}

static peft_value scaled(peft_trace *t, double factor, peft_value x) { return ops->mul(t, ops->scalar(t, factor), x); }
static peft_value plus(peft_trace *t, peft_value sum, peft_value x) { return ops->add(t, sum, scaled(t, 0.01, x)); }

/* h (N, R) through every operator of one or two operands. */
static peft_value elementwise(peft_trace *t, peft_value h)
{
    const peft_value one = ops->scalar(t, 1), small = ops->exp(t, ops->neg(t, ops->abs(t, h))); /* in (0, 1] */
    peft_value y = plus(t, h, ops->log(t, ops->add(t, small, one)));
    peft_value (*const unary[])(peft_trace *, peft_value) = {
        ops->sin, ops->cos, ops->tanh, ops->sigmoid, ops->silu, ops->gelu, ops->gelu_tanh, ops->relu, ops->erf,
        ops->stop_gradient, ops->softmax};
    for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) y = plus(t, y, unary[i](t, h));
    y = plus(t, y, ops->sqrt(t, ops->add(t, small, one)));
    y = plus(t, y, ops->div(t, h, ops->add(t, small, one)));
    y = plus(t, y, ops->pow(t, small, ops->scalar(t, 2)));
    y = plus(t, y, ops->sub(t, ops->maximum(t, h, small), ops->minimum(t, h, small)));
    y = plus(t, y, ops->where(t, ops->less(t, h, small), h, small));
    const peft_value fixed = ops->stop_gradient(t, h);
    y = plus(t, y, ops->floor(t, scaled(t, 3, fixed)));
    y = plus(t, y, ops->mod(t, fixed, ops->scalar(t, 0.75)));
    y = plus(t, y, ops->equal(t, fixed, one));
    y = plus(t, y, ops->less_equal(t, fixed, one));
    return plus(t, y, ops->cast(t, ops->cast(t, scaled(t, 3, fixed), PEFT_I32), PEFT_F32));
}

/* h (N, R) through what reduces and rearranges; m (R, R) is a parameter near the identity. */
static peft_value structure(peft_trace *t, peft_value h, peft_value m)
{
    const int32_t last[1] = {1}, swapped[3] = {0, 2, 1};
    const int64_t halves[3] = {PEFT_TOKENS, 2, R / 2}, flat[2] = {PEFT_TOKENS, R}, square[2] = {R, R};
    const double numbers[R] = {0.5, 1, 1.5, 2}, order[R] = {3, 1, 0, 2};
    const int64_t size[1] = {R};
    const peft_value ones = ops->constant(t, PEFT_F32, 1, size, numbers), indices = ops->constant(t, PEFT_I32, 1, size, order);
    peft_value y = plus(t, h, ops->sum(t, h, 1, last, 1));
    y = plus(t, y, ops->mean(t, h, 1, last, 1));
    y = plus(t, y, ops->max(t, h, 1, last, 1));
    y = plus(t, y, ops->norm(t, ops->add(t, h, ones), 1, last, 1));
    y = plus(t, y, ops->layer_norm(t, h, ones, ones, 1e-5));
    y = plus(t, y, ops->rms_norm(t, h, ones, 1e-5));
    const peft_value turned = ops->transpose(t, ops->reshape(t, h, 3, halves), 3, swapped);
    y = plus(t, y, ops->reshape(t, turned, 2, flat));
    const peft_value parts[2] = {ops->slice(t, h, 1, R / 2, R), ops->slice(t, h, 1, 0, R / 2)};
    y = plus(t, y, ops->concat(t, 2, parts, 1));
    const peft_value wide = ops->broadcast(t, ops->slice(t, m, 0, 0, 1), 2, square);
    const peft_value moved = ops->scatter_add(t, ops->iota(t, R), ops->gather(t, m, indices), R);
    y = plus(t, y, ops->matmul(t, h, ops->add(t, wide, moved), 0, 1));
    y = plus(t, y, ops->matmul(t, h, ops->solve(t, m, wide), 0, 0));
    y = plus(t, y, ops->cumsum(t, ops->stop_gradient(t, h), 1));
    peft_value places = PEFT_FAILED;
    const peft_value sorted = ops->sort(t, ops->stop_gradient(t, h), &places);
    y = plus(t, y, ops->add(t, sorted, ops->cast(t, places, PEFT_F32)));
    return plus(t, y, ops->slice(t, ops->top_k(t, ops->stop_gradient(t, h), R, NULL), 1, 0, 1));
}

/* What a batch and the host's streams give, added to h (N, R). */
static peft_value batch(peft_trace *t, peft_value h)
{
    const int64_t column[2] = {PEFT_TOKENS, 1}, size[1] = {R}, features[2] = {PEFT_ROWS, R};
    const peft_value numbers[4] = {
        ops->cast(t, ops->token_ids(t), PEFT_F32), ops->cast(t, ops->positions(t), PEFT_F32), ops->is_prompt(t),
        ops->equal(t, ops->cast(t, ops->row_of_token(t), PEFT_F32), ops->scalar(t, -1))};
    peft_value y = h;
    for (int i = 0; i < 4; i++) y = plus(t, y, scaled(t, 0.01, ops->reshape(t, numbers[i], 2, column)));
    y = plus(t, y, ops->row_gather(t, ops->row_mean(t, h)));
    y = plus(t, y, ops->dropout(t, h, settings->number(t, "dropout")));
    const peft_value kept = ops->reshape(t, ops->row_gather(t, ops->row_bernoulli(t, 0.5)), 2, column);
    peft_value noise = ops->add(t, ops->normal(t, 0, 0.1, 1, size), ops->uniform(t, -1, 1, 1, size));
    noise = ops->mul(t, ops->add(t, noise, ops->bernoulli(t, 0.5, 1, size)), ops->training(t));
    y = plus(t, y, ops->mul(t, kept, noise));
    if (!settings->boolean(t, "features")) return y;
    return plus(t, y, ops->row_gather(t, ops->row_input(t, "features", 2, features)));
}

static void linear(peft_trace *t, const peft_site *site)
{
    const peft_value A = declare(t, "A.weight", 0, PEFT_INIT_KAIMING_UNIFORM, 2.2360679774997896, 0, 2, R, site->inputs);
    const peft_value B = declare(t, "B.weight", 0, PEFT_INIT_NORMAL, 0, 0.02, 2, site->outputs, R);
    const peft_value m = declare(t, "m", 0, PEFT_INIT_GRAPH, 0, 0, 2, R, R);
    declare(t, "seen", 1, PEFT_INIT_CONSTANT, 0.5, 0, 1, R, 0);
    const double scale = (double)settings->integer(t, "r") / R;

    graphs->begin(t, PEFT_GRAPH_INIT);
    const int64_t square[2] = {R, R};
    const int32_t all_but[1] = {1};
    peft_value r = PEFT_FAILED, s = PEFT_FAILED, vt = PEFT_FAILED;
    const peft_value block = ops->slice(t, ops->slice(t, frozen->weight(t), 0, 0, R), 1, 0, R);
    const peft_value original = ops->slice(t, ops->slice(t, frozen->original_weight(t), 0, 0, R), 1, 0, R);
    const peft_value q = ops->qr(t, ops->add(t, block, original), &r);
    const peft_value u = ops->svd(t, block, &s, &vt);
    /* Q Qᵀ is the identity, whatever the signs. */
    peft_value eye = ops->matmul(t, q, q, 0, 1);
    const peft_value shift = ops->sum(t, ops->abs(t, ops->matmul(t, ops->mul(t, u, s), vt, 0, 0)), 1, all_but, 1);
    eye = ops->add(t, scaled(t, 2, eye), scaled(t, 0.01, ops->broadcast(t, shift, 2, square)));
    const int32_t none[1] = {0};
    eye = ops->add(t, eye, scaled(t, 1e-4, ops->norm(t, r, 0, none, 0)));
    if (settings->boolean(t, "calibrate")) eye = ops->add(t, eye, ops->slice(t, frozen->statistic(t, "mean"), 0, 0, R));
    graphs->set(t, m, ops->inverse(t, ops->inverse(t, eye)));
    graphs->end(t, 0, NULL);

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value x = graphs->operand(t, 0);
    if (graphs->rank(t, x) != 2 || graphs->size(t, x, 1) != site->inputs) trace->fail(t, "x is not (N, in)");
    const peft_value inner = ops->cumsum(t, ops->stop_gradient(t, frozen->column_norms(t)), 0);
    peft_value h = ops->matmul(t, ops->add(t, x, scaled(t, 1e-6, inner)), A, 0, 1);
    h = batch(t, structure(t, elementwise(t, h), m));
    h = ops->mul(t, h, graphs->prelude(t, 0));
    peft_value out = ops->mul(t, ops->matmul(t, h, B, 0, 1), frozen->row_norms(t));
    out = plus(t, out, ops->matmul(t, x, frozen->weight(t), 0, 1));
    if (site->has_bias) out = plus(t, out, frozen->bias(t));
    const peft_value y = ops->add(t, frozen->base(t, x), scaled(t, scale, out));
    graphs->end(t, 1, &y);

    graphs->begin(t, PEFT_GRAPH_MERGE);
    const peft_value merged[2] = {scaled(t, 1.01, graphs->operand(t, 0)), site->has_bias ? graphs->operand(t, 1) : PEFT_ABSENT};
    graphs->end(t, 2, merged);
}

static void embedding(peft_trace *t, const peft_site *site)
{
    const peft_value scale = declare(t, "scale", 0, PEFT_INIT_ONES, 0, 0, 1, site->outputs, 0);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value y = ops->mul(t, frozen->table_rows(t, graphs->operand(t, 0)), scale);
    graphs->end(t, 1, &y);
    graphs->begin(t, PEFT_GRAPH_MERGE);
    const peft_value table = ops->mul(t, graphs->operand(t, 0), scale);
    graphs->end(t, 1, &table);
}

static void prompt(peft_trace *t, const peft_site *site)
{
    const peft_value tokens = declare(t, "prompt_embeddings", 0, PEFT_INIT_GRAPH, 0, 0, 2, 2, site->outputs);
    graphs->begin(t, PEFT_GRAPH_INIT);
    graphs->set(t, tokens, frozen->table_rows(t, frozen->text_ids(t, settings->string(t, "text"), 2)));
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    graphs->end(t, 1, &tokens);
    graphs->not_mergeable(t, "virtual tokens stand in front of every row");
}

static void attention(peft_trace *t, const peft_site *site)
{
    const int64_t d = site->head_size, g = site->key_heads, heads[3] = {PEFT_TOKENS, site->heads, d}, keys[3] = {3, g, d};
    const peft_value P = declare(t, "P", 0, PEFT_INIT_UNIFORM, -0.1, 0.1, 2, 3, site->inputs);
    const peft_value gate = declare(t, "gate", 0, PEFT_INIT_CONSTANT, 0.1, 0, 1, 1, 0);
    const peft_value text = declare(t, "text", 1, PEFT_INIT_GRAPH, 0, 0, 2, 3, g * d);
    const int64_t flat[2] = {3, g * d};

    graphs->begin(t, PEFT_GRAPH_INIT);
    const peft_value kept = ops->add(
        t, frozen->text_cache(t, settings->string(t, "text"), 3, site->layer, 0),
        frozen->text_cache(t, settings->string(t, "text"), 3, site->layer, 1));
    graphs->set(t, text, ops->reshape(t, kept, 2, flat));
    graphs->end(t, 0, NULL);

    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value q = graphs->operand(t, 0), k = graphs->operand(t, 1), v = graphs->operand(t, 2), x = graphs->operand(t, 3);
    const peft_value K = ops->reshape(t, ops->add(t, frozen->project(t, PEFT_PROJECT_KEY, P), text), 3, keys);
    const peft_value V = ops->reshape(t, frozen->project(t, PEFT_PROJECT_VALUE, P), 3, keys);
    peft_value y = frozen->attend(t, q, k, v, PEFT_ABSENT, PEFT_ABSENT);
    y = ops->add(t, y, ops->mul(t, ops->tanh(t, gate), frozen->attend_set(t, q, K, V)));
    y = plus(t, y, ops->attention_set(t, q, K, V, 0.25));
    y = plus(t, y, ops->attention(t, q, k, v, 3, 0.25));
    const int64_t angles[2] = {PEFT_TOKENS, d / 2};
    const peft_value angle = ops->stop_gradient(t, ops->slice(t, x, 1, 0, d / 2));
    const peft_value cosine = ops->reshape(t, ops->cos(t, angle), 2, angles), sine = ops->sin(t, angle);
    y = plus(t, y, ops->rope(t, ops->reshape(t, frozen->project(t, PEFT_PROJECT_QUERY, x), 3, heads), cosine, sine));
    graphs->end(t, 1, &y);
    graphs->not_mergeable(t, "more keys and values are no part of a layer");
}

static void block(peft_trace *t, const peft_site *site)
{
    const peft_value scale = declare(t, "scale", 0, PEFT_INIT_ZEROS, 0, 0, 1, site->inputs, 0);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    const peft_value y = ops->add(t, graphs->operand(t, 0), ops->mul(t, scale, graphs->operand(t, 1)));
    graphs->end(t, 1, &y);
    graphs->not_mergeable(t, "a block is no layer");
}

static void weight(peft_trace *t, const peft_site *site)
{
    const peft_tensor tensor = {
        .struct_size = sizeof tensor, .dtype = PEFT_F32, .rank = site->rank, .init = PEFT_INIT_GRAPH, .name = "weight",
        .shape = site->shape, .flags = PEFT_TENSOR_NO_DECAY, .learning_rate_multiplier = 0.5};
    const peft_value copy = parameters->parameter(t, &tensor);
    graphs->begin(t, PEFT_GRAPH_INIT);
    graphs->set(t, copy, frozen->weight(t));
    graphs->end(t, 0, NULL);
    graphs->begin(t, PEFT_GRAPH_FORWARD);
    graphs->end(t, 1, &copy);
    graphs->begin(t, PEFT_GRAPH_MERGE);
    graphs->end(t, 1, &copy);
}

static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    (void)self;
    void (*const kinds[])(peft_trace *, const peft_site *) = {linear, embedding, prompt, attention, block, weight};
    kinds[site->kind](t, site);
    return trace->failed(t) ? PEFT_ERROR : PEFT_OK;
}

/* One site of each kind, in the first layer or outside of the layers. */
static int32_t plan(void *self, peft_trace *t)
{
    (void)self;
    int32_t taken = 0;
    for (int64_t i = 0; i < sites->count(t); i++) {
        peft_site site = {.struct_size = sizeof site};
        if (sites->get(t, i, &site) != PEFT_OK) return PEFT_ERROR;
        if (taken & 1 << site.kind || site.layer > 0) continue;
        taken |= 1 << site.kind;
        sites->take(t, i);
    }
    if (model->size(t, PEFT_MODEL_HIDDEN_SIZE) < R) return trace->fail(t, "the model is too small");
    if (!*model->type(t) || !*model->task(t)) trace->warn(t, "the model has no type");
    if (settings->boolean(t, "calibrate")) calibration->collect(t, "mean");

    const peft_value shared = declare(t, "shared", 0, PEFT_INIT_ONES, 0, 0, 1, R, 0);
    declare(t, "steps", 1, PEFT_INIT_ZEROS, 0, 0, 1, 1, 0);
    graphs->begin(t, PEFT_GRAPH_PRELUDE);
    const peft_value result = ops->mul(t, shared, ops->scalar(t, 0.5));
    graphs->end(t, 1, &result);
    return PEFT_OK;
}

static peft_value of_linear(peft_trace *t, const char *name)
{
    for (int64_t i = 0; i < parameters->site_count(t); i++) {
        peft_site site = {.struct_size = sizeof site};
        sites->get(t, i, &site);
        if (site.kind == PEFT_SITE_LINEAR) return parameters->of_site(t, i, name);
    }
    return PEFT_FAILED;
}

/* What is stored where the export names its tensors: all parameters, and one buffer as far as it is not 0. */
static void store(peft_trace *t, int is_export)
{
    static const char *const names[6][3] = {
        {"A.weight", "B.weight", "m"}, {"scale"}, {"prompt_embeddings"}, {"P", "gate"}, {"scale"}, {"weight"}};
    for (int64_t i = -1; i < parameters->site_count(t); i++) {
        peft_site site = {.struct_size = sizeof site};
        if (i >= 0) sites->get(t, i, &site);
        for (int n = 0; n < 3 && (i < 0 ? n < 1 : names[site.kind][n] != NULL); n++) {
            const peft_value tensor = i < 0 ? parameters->of_method(t, "shared") : parameters->of_site(t, i, names[site.kind][n]);
            int64_t shape[PEFT_MAX_RANK];
            for (int32_t axis = 0; axis < graphs->rank(t, tensor); axis++) shape[axis] = graphs->size(t, tensor, axis);
            const char stored[] = {'s', 't', 'o', 'r', 'e', 'd', '.', (char)('b' + i), (char)('a' + n), 0};
            if (is_export)
                export->tensor(t, stored, tensor);
            else
                graphs->set(t, tensor, export->stored(t, stored, graphs->rank(t, tensor), shape));
        }
    }
}

static int32_t method(void *self, peft_trace *t)
{
    (void)self;
    const peft_value B = of_linear(t, "B.weight"), seen = of_linear(t, "seen"), steps = parameters->of_method(t, "steps");
    const int64_t two[1] = {2}, four[2] = {2, 2}, size[1] = {1};
    const double labels[2] = {0, 1}, logits[4] = {1, 2, 3, 4};

    double share = 0;
    if (!settings->is_null(t, "share")) share = settings->number(t, "share");
    for (int64_t i = 0; i < settings->count(t, "sizes"); i++) share += 1e-3 * (double)settings->integer_at(t, "sizes", i);
    for (int64_t i = 0; i < settings->count(t, "shares"); i++) share += 1e-3 * settings->number_at(t, "shares", i);
    for (int64_t i = 0; i < settings->count(t, "names"); i++) share += 1e-3 * (double)(*settings->string_at(t, "names", i) == 'b');
    settings->at_site(t, 0);
    share += 1e-3 * (double)settings->integer(t, "r");
    settings->at_site(t, -1);

    graphs->begin(t, PEFT_GRAPH_REGULARIZER);
    const peft_value entropy = ops->cross_entropy(
        t, ops->constant(t, PEFT_F32, 2, four, logits), ops->constant(t, PEFT_I32, 1, two, labels));
    const peft_value penalty = ops->add(
        t, scaled(t, share, ops->sum(t, ops->mul(t, B, B), 0, NULL, 0)), scaled(t, 0.01, ops->mean(t, entropy, 0, NULL, 0)));
    graphs->end(t, 1, &penalty);

    graphs->begin(t, PEFT_GRAPH_UPDATE);
    const peft_value gradient = ops->kth_value(t, ops->abs(t, graphs->gradient(t, B)), ops->scalar(t, 3));
    const peft_value progress = ops->div(t, ops->step(t), ops->add(t, ops->total_steps(t), ops->scalar(t, 1)));
    graphs->set(t, seen, ops->add(t, seen, scaled(t, 0.1, ops->add(t, gradient, progress))));
    graphs->set(t, steps, ops->reshape(t, ops->step(t), 1, size));
    graphs->end(t, 0, NULL);

    graphs->begin(t, PEFT_GRAPH_EXPORT);
    export->field(t, "written/by", "\"ba\"");
    export->field(t, "share", NULL);
    export->field_from(t, "written/last_step", steps, 0);
    export->field_from(t, "written/is_seen", seen, 1);
    export->sidecar(t, "surface.seen", seen);
    if (settings->boolean(t, "masked")) {
        store(t, 1);
        export->tensor_masked(t, "surface.seen_steps", steps, 0, steps);
    }
    graphs->end(t, 0, NULL);

    if (settings->boolean(t, "masked")) {
        graphs->begin(t, PEFT_GRAPH_IMPORT);
        store(t, 0);
        graphs->set(t, steps, export->stored(t, "surface.seen_steps", 1, size));
        graphs->end(t, 0, NULL);
    }
    if (settings->boolean(t, "calibrate") && !calibration->done(t)) {
        graphs->begin(t, PEFT_GRAPH_CALIBRATE);
        calibration->hyperparameter(t, 0, "r", ops->norm(t, calibration->of_site(t, 0, "mean"), 0, NULL, 0));
        graphs->end(t, 0, NULL);
    }
    return PEFT_OK;
}

static int32_t import_config(void *self, peft_trace *t)
{
    (void)self;
    if (config->kind(t, "written") == PEFT_JSON_OBJECT && config->count(t, "written") > 0) {
        if (config->kind(t, "written/by") == PEFT_JSON_STRING) config->set_string(t, "text", config->string(t, "written/by"));
        if (*config->key(t, "written", 0) == 'l') config->set_integer(t, "r", config->integer(t, "written/last_step"));
    }
    if (config->kind(t, "share_of") == PEFT_JSON_NUMBER) config->set_number(t, "share", config->number(t, "share_of"));
    if (config->kind(t, "is_masked") == PEFT_JSON_BOOLEAN) config->set_boolean(t, "masked", config->boolean(t, "is_masked"));
    if (config->has_tensor(t, "surface.pattern")) config->set_pattern(t, "r", "q_proj", 2);
    return PEFT_OK;
}

#define HYPERPARAMETER .struct_size = sizeof(peft_hyperparameter), .summary = "one of every type"
#define FREE .minimum = -INFINITY, .maximum = INFINITY
static const char *const texts[] = {"ab", "ba"};
static const peft_hyperparameter hyperparameters[] = {
    {HYPERPARAMETER, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_PER_SITE, .name = "r", .default_value = "4",
     .pattern = "rank_pattern", .minimum = 1, .maximum = 64},
    {HYPERPARAMETER, .type = PEFT_TYPE_NUMBER, .name = "dropout", .default_value = "0.1", .minimum = 0, .maximum = 0.9},
    {HYPERPARAMETER, .type = PEFT_TYPE_NUMBER, .flags = PEFT_FLAG_NULLABLE, .name = "share", .default_value = "0.01", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_BOOLEAN, .name = "features", .default_value = "false", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_BOOLEAN, .name = "calibrate", .default_value = "false", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_BOOLEAN, .name = "masked", .default_value = "false", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_STRING, .name = "text", .default_value = "\"ab\"", .choice_count = 2, .choices = texts,
     FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_INTEGER_LIST, .name = "sizes", .default_value = "[1, 2]", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_NUMBER_LIST, .name = "shares", .default_value = "[0.5]", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_STRING_LIST, .name = "names", .default_value = "[\"a\", \"b\"]", FREE},
    {HYPERPARAMETER, .type = PEFT_TYPE_INTEGER, .flags = PEFT_FLAG_DERIVED, .name = "total_step", .minimum = 1,
     .maximum = INFINITY},
};

static const int32_t roles[] = {PEFT_ROLE_QUERY, PEFT_ROLE_EMBEDDING};

static const peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1, .site_kinds = 63,
    .id = "Surface", .peft_type = "SURFACE", .version = "1.0.0", .license = "Apache-2.0",
    .summary = "every function of ABI 1", .paper = "", .default_learning_rate = 1e-3,
    .default_role_count = sizeof roles / sizeof *roles, .default_roles = roles,
    .hyperparameter_count = sizeof hyperparameters / sizeof *hyperparameters,
    .hyperparameter_stride = sizeof *hyperparameters, .hyperparameters = hyperparameters,
    .plan = plan, .inject = inject, .method = method, .import_config = import_config};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    trace = host->table(host, "peft.trace/1");
    settings = host->table(host, "peft.settings/1");
    model = host->table(host, "peft.model/1");
    sites = host->table(host, "peft.sites/1");
    parameters = host->table(host, "peft.parameters/1");
    graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1");
    ops = host->table(host, "peft.ops/1");
    export = host->table(host, "peft.export/1");
    config = host->table(host, "peft.config/1");
    calibration = host->table(host, "peft.calibration/1");
    const int is_known = trace && settings && model && sites && parameters && graphs && frozen && ops && export && config
        && calibration && host->abi_oldest <= PEFT_ABI_VERSION && host->abi_version >= PEFT_ABI_VERSION;
    return is_known && !host->table(host, "peft.none/1") ? &plugin : NULL;
}
