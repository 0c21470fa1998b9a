#ifndef PH_OPTIMIZER_H
#define PH_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

/// One step of AdamW (Loshchilov and Hutter 2019), in the order of operations of torch.optim.AdamW.
typedef struct {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    int64_t step;           ///< counted from 1
    double gradient_scale;  ///< multiplies every gradient first: clipping, or 1 / accumulated batches
} ph_adamw_step;

/// Updates parameters p and moments m, v (flat buffers) for the elements begin..<end, with `multiplier` times the
/// learning rate:
/// p *= 1 - lr wd; m += (1 - b1) (g - m); v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
/// Scalars are float64 and rounded to float32 where they meet the buffers; the same bits on every CPU.
void ph_adamw(const ph_adamw_step *step, double multiplier, float *p, const float *g, float *m, float *v, size_t begin,
              size_t end);

#endif
