#ifndef PH_VECTOR_MATH_H
#define PH_VECTOR_MATH_H

// Elementary functions of one float without branches or calls, so that a loop over them vectorises.
// Polynomials are Chebyshev interpolants of the named remainder on the named interval; the measured errors, in units of
// the last place against float64, are in Tests/KernelsTests/ElementwiseTests.swift. Not for use under
// `reassociate(on)` written before the include: the order of the operations below is what makes them accurate.

#include "clones.h"
#include <stdint.h>

PH_INLINE uint32_t ph_bits(float x) { return __builtin_bit_cast(uint32_t, x); }
PH_INLINE float ph_float(uint32_t bits) { return __builtin_bit_cast(float, bits); }

/// `magnitude` (not negative) with the sign of `sign`.
PH_INLINE float ph_with_sign(float magnitude, float sign) {
    return ph_float(ph_bits(magnitude) | (ph_bits(sign) & 0x80000000u));
}

/// e^x: x = n ln 2 + r, |r| <= ln 2 / 2; subnormal results included.
PH_INLINE float ph_exp(float x) {
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    float c = x > 89.0f ? 89.0f : x;  // NaN passes both comparisons
    c = c < -104.0f ? -104.0f : c;
    float shifted = c * 1.44269504f + shift;
    int32_t n = (int32_t)(ph_bits(shifted) - ph_bits(shift));
    float whole = shifted - shift;
    float r = c - whole * 0.693145752f;
    r = r - whole * 1.42860677e-06f;
    float p = 0.00139336669f + r * 0.000198910096f;
    p = 0.00833331091f + r * p;
    p = 0.0416664648f + r * p;
    p = 0.166666667f + r * p;
    p = 0.5f + r * p;
    p = 1.0f + (r + (r * r) * p);
    int32_t half = n >> 1;  // 2^n in two factors: n reaches 128 and -150
    return p * ph_float((uint32_t)(half + 127) << 23) * ph_float((uint32_t)(n - half + 127) << 23);
}

/// Natural logarithm: x = 2^e m, m in [sqrt(1/2), sqrt(2)).
PH_INLINE float ph_log(float x) {
    float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
    float bias = x < 1.17549435e-38f ? -23.0f : 0.0f;
    uint32_t offset = ph_bits(scaled) - 0x3f3504f3u;  // bits of sqrt(1/2)
    float e = (float)((int32_t)offset >> 23) + bias;
    float f = ph_float((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float p = 0.105308646f + f * -0.062014999f;
    p = -0.106461917f + f * p;
    p = 0.110377834f + f * p;
    p = -0.124507433f + f * p;
    p = 0.142865245f + f * p;
    p = -0.166680015f + f * p;
    p = 0.2000001f + f * p;
    p = -0.249999903f + f * p;
    p = 0.333333333f + f * p;
    float square = f * f;
    float tail = square * f * p + e * 1.42860677e-06f;
    float y = (tail - 0.5f * square) + f + e * 0.693145752f;
    y = x == 0.0f ? -__builtin_inff() : y;
    y = x < 0.0f ? __builtin_nanf("") : y;
    return x < __builtin_inff() ? y : x + x;  // +inf and NaN
}

/// Hyperbolic tangent: an odd polynomial below 0.625, 1 - 2 / (e^2|x| + 1) above.
PH_INLINE float ph_tanh(float x) {
    float a = __builtin_fabsf(x), t = x * x;
    float p = -0.00832318699f + t * 0.00226950163f;
    p = 0.0217625029f + t * p;
    p = -0.0539584616f + t * p;
    p = 0.133333001f + t * p;
    p = -0.333333331f + t * p;
    float small = x + x * (t * p);
    float large = 1.0f - 2.0f / (ph_exp(2.0f * a) + 1.0f);
    return a < 0.625f ? small : ph_with_sign(large, x);
}

/// Error function: x + x Q(x^2) below 1, 1 - e^P(|x|) with P fitted to log erfc above; 1 from 4 on.
PH_INLINE float ph_erf(float x) {
    float a = __builtin_fabsf(x), t = x * x;
    float q = -0.000801686429f + t * 7.87587506e-05f;
    q = 0.00518908742f + t * q;
    q = -0.026854212f + t * q;
    q = 0.112835947f + t * q;
    q = -0.376126267f + t * q;
    q = 0.128379166f + t * q;
    float c = a > 4.0f ? 4.0f : a;
    float p = -4.60580427e-05f + c * 1.63715142e-06f;
    p = 0.000596805626f + c * p;
    p = -0.00475959629f + c * p;
    p = 0.026421136f + c * p;
    p = -0.110080083f + c * p;
    p = -0.631826052f + c * p;
    p = -1.13023343f + c * p;
    p = 0.00032013805f + c * p;
    float large = ph_with_sign(1.0f - ph_exp(p), x);
    return a < 1.0f ? x + x * q : large;
}

/// Sine and cosine. The angle is reduced by multiples of pi/2 in float64, whose first part has 33 bits: products with
/// fewer than 2^20 multiples (|x| < 1.6e6) are exact.
PH_INLINE void ph_sincos(float x, float *sine, float *cosine) {
    const double shift = 6755399441055744.0;  // 1.5 * 2^52
    double shifted = (double)x * 0x1.45f306dc9c883p-1 + shift;
    uint32_t quadrant = (uint32_t)__builtin_bit_cast(uint64_t, shifted);
    double n = shifted - shift;
    float r = (float)(((double)x - n * 0x1.921fb544p+0) - n * 0x1.0b4611a626331p-34);
    float t = r * r;
    float s = -0.000198400829f + t * 2.72494302e-06f;
    s = 0.00833333187f + t * s;
    s = -0.166666667f + t * s;
    s = r + r * (t * s);
    float c = 2.48005972e-05f + t * -2.73005456e-07f;
    c = -0.00138888877f + t * c;
    c = 0.0416666667f + t * c;
    c = 1.0f + (t * t * c - 0.5f * t);
    float first = quadrant & 1 ? c : s, second = quadrant & 1 ? s : c;
    *sine = ph_float(ph_bits(first) ^ ((quadrant & 2) << 30));
    *cosine = ph_float(ph_bits(second) ^ (((quadrant + 1) & 2) << 30));
}

/// 1 / (1 + e^-x).
PH_INLINE float ph_sigmoid(float x) { return 1.0f / (1.0f + ph_exp(-x)); }

#endif
