#include "nf4.h"

const float ph_nf4_values[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

float ph_dynamic_map[256];

/// Boundary k of `parts` equal parts of 0.1 ... 1, counted from the nearer end and rounded once, as torch does.
static float boundary(int k, int parts) {
    const float step = (1.0f - 0.1f) / (float)parts;
    return (float)(k < (parts + 1) / 2 ? 0.1f + (double)step * k : 1 - (double)step * (parts - k));
}

/// Runs before main: the table is constant for everyone.
__attribute__((constructor)) static void fill(void) {
    const float decades[] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1};
    int place = 0;
    for (int e = 0; e < 7; e++) {
        for (int k = 0; k < 1 << e; k++, place++) {
            const float value = decades[e] * ((boundary(k, 1 << e) + boundary(k + 1, 1 << e)) / 2);
            ph_dynamic_map[128 + place] = value;
            ph_dynamic_map[126 - place] = -value;
        }
    }
    ph_dynamic_map[255] = 1;
}
