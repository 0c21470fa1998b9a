#include "optimizer.h"
#include "clones.h"
#include <math.h>

#pragma clang fp contract(off)

PH_CLONES
void ph_adamw(const ph_adamw_step *step, double multiplier, float *p, const float *g, float *m, float *v, size_t begin,
              size_t end) {
    double rate = step->learning_rate * multiplier;
    double correction1 = 1.0 - pow(step->beta1, (double)step->step);
    double correction2 = 1.0 - pow(step->beta2, (double)step->step);
    float decay = (float)(1.0 - rate * step->weight_decay), scale = (float)step->gradient_scale;
    float weight1 = (float)(1.0 - step->beta1), beta2 = (float)step->beta2, weight2 = (float)(1.0 - step->beta2);
    float root2 = (float)sqrt(correction2), epsilon = (float)step->epsilon, size = (float)(-(rate / correction1));
    for (size_t i = begin; i < end; i++) {
        float gradient = g[i] * scale;
        // lerp, in the form that torch takes for each side of weight 1/2
        float apart = gradient - m[i];
        m[i] = weight1 < 0.5f ? m[i] + weight1 * apart : gradient - apart * (1.0f - weight1);
        v[i] = v[i] * beta2 + weight2 * gradient * gradient;
        float denominator = __builtin_elementwise_sqrt(v[i]) / root2 + epsilon;
        p[i] = p[i] * decay + size * m[i] / denominator;
    }
}
