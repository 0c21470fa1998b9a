/* Halves by a kernel what A makes of a token. With -DVJP=… its gradient is wrong. */
#define CAPABILITIES PEFT_CAN_MERGE | PEFT_IDENTITY_AT_INIT | PEFT_USES_KERNELS
#define CAPABILITY_NAMES "\"merge\", \"identity-at-init\", \"kernels\""
#ifndef VJP
#define VJP half_vjp
#endif
#define DECLARATIONS \
    static const peft_kernel_1 *kernels; \
    static int64_t number; \
    static void half(const float *x, int64_t n, float *y) { \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] / 2; \
    } \
    static void half_vjp(const float *x, int64_t n, const float *dy, float *dx) { (void)x; half(dy, n, dx); } \
    static void wrong_vjp(const float *x, int64_t n, const float *dy, float *dx) { \
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i]; \
    } \
    /* Wrong where the check of a kernel does not look. */ \
    static void far_vjp(const float *x, int64_t n, const float *dy, float *dx) { \
        for (int64_t i = 0; i < n; i++) dx[i] = x[i] > 1.5f ? 0 : dy[i] / 2; \
    } \
    static int32_t plan(void *self, peft_trace *t) { \
        (void)self, (void)half_vjp, (void)wrong_vjp, (void)far_vjp; \
        const peft_kernel kernel = { \
            .struct_size = sizeof kernel, .flags = PEFT_KERNEL_TOKEN_LOCAL, .name = "half", \
            .signature = "(in f32[n,d], n*d: i64) -> out f32[n,d]", .forward = (peft_function)half, \
            .vjp_signature = "(in f32[n,d], n*d: i64, in f32[n,d]) -> out f32[n,d]", .vjp = (peft_function)VJP}; \
        number = kernels->add(t, &kernel); \
        for (int64_t site = 0; site < all->count(t); site++) all->take(t, site); \
        return PEFT_OK; \
    } \
    static peft_value halved(peft_trace *t, peft_value x) { return kernels->call(t, number, 1, &x, 0, NULL, NULL); }
#define ENTER \
    kernels = host->table(host, "peft.kernel/1"); \
    if (!kernels) return NULL;
#define PLAN plan
#define UPDATE \
    ops->mul(t, ops->scalar(t, scale), ops->matmul(t, halved(t, ops->matmul(t, x, A, 0, 1)), B, 0, 1))
#define MERGED ops->add(t, W, ops->mul(t, ops->scalar(t, scale / 2), ops->matmul(t, B, A, 0, 0)))
#include "base.h"
