/* FourierFT (Gao et al. 2024): a layer's update is the inverse Fourier transform of a few trained frequencies. The transform
 * is FFTW's, which a kernel (peft.kernel/1) brings. */
#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "peft_plugin.h"

static const peft_trace_1 *tracing;
static const peft_settings_1 *settings;
static const peft_parameters_1 *parameters;
static const peft_graphs_1 *graphs;
static const peft_site_1 *frozen;
static const peft_ops_1 *ops;
static const peft_export_1 *stored;
static const peft_kernel_1 *kernels;
static int64_t transform; /* the kernel's number */

/* The real part of the inverse transform of a real (rows, columns), which is its own adjoint: in place. Only the left half of
 * the complex one is computed; the right half mirrors it. FFTW plans one at a time. */
static void real_inverse(float *x, int64_t rows, int64_t columns)
{
    static pthread_mutex_t planning = PTHREAD_MUTEX_INITIALIZER;
    const int64_t half = columns / 2 + 1;
    const float scale = 1.0f / ((float)rows * (float)columns);
    fftwf_complex *y = fftwf_alloc_complex((size_t)(rows * half));
    pthread_mutex_lock(&planning);
    fftwf_plan plan = fftwf_plan_dft_r2c_2d((int)rows, (int)columns, x, y, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planning), fftwf_execute(plan);
    for (int64_t p = 0; p < rows; p++)
        for (int64_t q = 0; q < columns; q++)
            x[p * columns + q] = scale * (q < half ? y[p * half + q][0] : y[(rows - p) % rows * half + columns - q][0]);
    pthread_mutex_lock(&planning), fftwf_destroy_plan(plan), pthread_mutex_unlock(&planning);
    fftwf_free(y);
}

/* The kernel: c (k) stands at places (k) of the spectrum, zeros elsewhere → (rows, columns). */
static void inverse(const float *c, const int32_t *places, int64_t k, int64_t rows, int64_t columns, float *update)
{
    for (int64_t i = 0; i < rows * columns; i++) update[i] = 0;
    for (int64_t i = 0; i < k; i++) update[places[i]] += c[i];
    real_inverse(update, rows, columns);
}

/* Its vector-Jacobian product: the gradient's own transform, read at the places. */
static void inverse_vjp(const float *c, const int32_t *places, int64_t k, int64_t rows, int64_t columns,
                        const float *d_update, float *d_c)
{
    float *x = fftwf_alloc_real((size_t)(rows * columns));
    for (int64_t i = 0; i < rows * columns; i++) x[i] = d_update[i];
    real_inverse(x, rows, columns);
    for (int64_t i = 0; i < k; i++) d_c[i] = x[places[i]];
    fftwf_free(x);
}

/* The first k of torch.randperm(count): Fisher and Yates with MT19937 (Matsumoto and Nishimura 1998). */
static void random_places(uint32_t seed, int64_t count, int64_t k, double *places)
{
    uint32_t state[624];
    for (uint32_t i = 0; i < 624; i++) state[i] = seed = i ? 1812433253u * (seed ^ seed >> 30) + i : seed;
    int32_t *order = malloc((size_t)count * sizeof *order);
    for (int64_t i = 0; i < count; i++) order[i] = (int32_t)i;
    for (int64_t i = 0; i < k; i++) {
        const int64_t here = i % 624, next = (i + 1) % 624;
        const uint32_t pair = (state[here] & 0x80000000u) | (state[next] & 0x7fffffffu);
        uint32_t y = state[here] = state[(i + 397) % 624] ^ pair >> 1 ^ (pair & 1 ? 0x9908b0dfu : 0);
        y ^= y >> 11, y ^= y << 7 & 0x9d2c5680u, y ^= y << 15 & 0xefc60000u, y ^= y >> 18;
        const int64_t other = i + y % (count - i);
        places[i] = order[other];
        order[other] = order[i];
    }
    free(order);
}

static int32_t plan(void *self, peft_trace *t)
{
    const peft_kernel kernel = {
        .struct_size = sizeof kernel, .name = "inverse", .forward = (peft_function)inverse,
        .signature = "(in f32[k], in i32[k], k: i64, rows: i64, columns: i64) -> out f32[rows,columns]",
        .vjp = (peft_function)inverse_vjp, .vjp_signature =
            "(in f32[k], in i32[k], k: i64, rows: i64, columns: i64, in f32[rows,columns]) -> out f32[k]"};
    transform = kernels->add(t, &kernel);
    const peft_sites_1 *sites = self;
    for (int64_t i = 0; i < sites->count(t); i++) sites->take(t, i);
    return PEFT_OK;
}

/* y = W x + b + ΔW x with ΔW = scaling · Re(inverse transform of the spectrum); merged, W' = W + ΔW. */
static int32_t inject(void *self, peft_trace *t, const peft_site *site)
{
    static double places[65536]; /* as many as one constant may have */
    const int64_t k = settings->integer(t, "n_frequency"), count = site->inputs * site->outputs;
    if (k > count || count >= UINT32_MAX / 20)
        return tracing->fail(t, "n_frequency is more than the weight has numbers, or the weight has too many");
    const peft_tensor spectrum = {
        .struct_size = sizeof spectrum, .dtype = PEFT_F32, .rank = 1, .shape = &k, .name = "fourierft_spectrum",
        .init = settings->boolean(t, "init_weights") ? PEFT_INIT_ZEROS : PEFT_INIT_NORMAL, .init_b = 1};
    const peft_value c = parameters->parameter(t, &spectrum);
    random_places((uint32_t)settings->integer(t, "random_loc_seed"), count, k, places);
    for (int32_t graph = PEFT_GRAPH_FORWARD; graph <= PEFT_GRAPH_MERGE; graph++) {
        graphs->begin(t, graph);
        const peft_value x = graphs->operand(t, 0); /* merge: W */
        const peft_value arrays[2] = {c, ops->constant(t, PEFT_I32, 1, &k, places)};
        const double sizes[2] = {(double)site->outputs, (double)site->inputs};
        const peft_value update = ops->mul(t, ops->scalar(t, settings->number(t, "scaling")),
                                           kernels->call(t, transform, 2, arrays, 2, sizes, NULL));
        if (graph == PEFT_GRAPH_FORWARD)
            graphs->end(t, 1, (peft_value[]){ops->add(t, frozen->base(t, x), ops->matmul(t, x, update, 0, 1))});
        else
            graphs->end(t, 2, (peft_value[]){ops->add(t, x, update), PEFT_ABSENT});
    }
    return PEFT_OK;
}

/* What peft's file says besides. */
static int32_t method(void *self, peft_trace *t)
{
    graphs->begin(t, PEFT_GRAPH_EXPORT), stored->field(t, "fan_in_fan_out", "false");
    stored->field(t, "bias", "\"none\"");
    return graphs->end(t, 0, NULL);
}

#define IT(TYPE, NAME, VALUE, LOW, HIGH, FLAGS, SUMMARY) {.struct_size = sizeof(peft_hyperparameter), .type = TYPE, \
    .name = NAME, .default_value = VALUE, .minimum = LOW, .maximum = HIGH, .flags = FLAGS, .summary = SUMMARY}
static const peft_hyperparameter hyperparameters[] = {
    IT(PEFT_TYPE_INTEGER, "n_frequency", "1000", 1, 65536, PEFT_FLAG_PER_SITE, "trained frequencies of a layer"),
    IT(PEFT_TYPE_NUMBER, "scaling", "150.0", -INFINITY, INFINITY, 0, "factor of the update"),
    IT(PEFT_TYPE_INTEGER, "random_loc_seed", "777", 0, UINT32_MAX, 0, "seed of the frequencies' places"),
    IT(PEFT_TYPE_BOOLEAN, "init_weights", "false", -INFINITY, INFINITY, 0, "start as the base; false: at random")};
static peft_plugin plugin = {
    .struct_size = sizeof plugin, .abi_built_with = PEFT_ABI_VERSION, .abi_min_required = 1,
    .capabilities = PEFT_CAN_MERGE | PEFT_USES_KERNELS, .site_kinds = 1u << PEFT_SITE_LINEAR, .id = "FourierFT",
    .peft_type = "FOURIERFT", .version = "1.0.0", .license = "Apache-2.0",
    .summary = "trained frequencies of the update's spectrum", .paper = "Gao et al. 2024, arXiv:2405.03003",
    .default_learning_rate = 3e-2, .default_role_count = 2,
    .default_roles = (const int32_t[]){PEFT_ROLE_QUERY, PEFT_ROLE_VALUE}, .hyperparameter_count = 4,
    .hyperparameter_stride = sizeof(peft_hyperparameter), .hyperparameters = hyperparameters,
    .plan = plan, .inject = inject, .method = method};

const peft_plugin *peft_plugin_entry(const peft_host *host)
{
    tracing = host->table(host, "peft.trace/1"), settings = host->table(host, "peft.settings/1");
    parameters = host->table(host, "peft.parameters/1"), graphs = host->table(host, "peft.graphs/1");
    frozen = host->table(host, "peft.site/1"), ops = host->table(host, "peft.ops/1");
    stored = host->table(host, "peft.export/1"), kernels = host->table(host, "peft.kernel/1");
    plugin.self = (void *)host->table(host, "peft.sites/1");
    return tracing && settings && parameters && graphs && frozen && ops && stored && kernels ? &plugin : NULL;
}
