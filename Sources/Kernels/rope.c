#include "rope.h"
#include "vector_math.h"

PH_CLONES
void ph_rope_table(const int32_t *position, const float *frequency, float *cosine, float *sine, size_t half,
                   size_t begin, size_t end) {
    for (size_t token = begin; token < end; token++) {
        float p = (float)position[token];
        float *c = cosine + token * half, *s = sine + token * half;
        PH_INDEPENDENT
        for (size_t i = 0; i < half; i++) {
            float angle = p * frequency[i];
            ph_sincos(angle, &s[i], &c[i]);
        }
    }
}

PH_CLONES
void ph_rope(const float *x, const float *cosine, const float *sine, float *y, size_t heads, size_t d, bool inverse,
             size_t begin, size_t end) {
    size_t half = d / 2;
    float sign = inverse ? -1.0f : 1.0f;
    for (size_t token = begin; token < end; token++) {
        const float *c = cosine + token * half, *s = sine + token * half;
        for (size_t head = 0; head < heads; head++) {
            const float *xh = x + (token * heads + head) * d;
            float *yh = y + (token * heads + head) * d;
            PH_INDEPENDENT
            for (size_t i = 0; i < half; i++) {
                float first = xh[i], second = xh[i + half], turn = sign * s[i];
                yh[i] = first * c[i] - second * turn;
                yh[i + half] = second * c[i] + first * turn;
            }
        }
    }
}
