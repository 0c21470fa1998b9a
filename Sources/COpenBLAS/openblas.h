#ifndef COPENBLAS_H
#define COPENBLAS_H

#include <stdint.h>

// The types of the LAPACK functions that the engine looks up in OpenBLAS when it first needs them (nothing is linked, so
// that a machine without the library runs all but four operators, and so that the kernels are chosen before it loads).
// LAPACK's convention: every argument by address, matrices column-major, info 0 for success; a work size of -1 asks for
// the best one, which is returned in work[0].

/// Solves A X = B by elimination: a (n, n) becomes its factors, b (n, nrhs) becomes X. info > 0: A is singular.
typedef void (*openblas_sgesv)(const int32_t *n, const int32_t *nrhs, float *a, const int32_t *lda, int32_t *ipiv,
                               float *b, const int32_t *ldb, int32_t *info);

/// Householder reflections of a (m, n): R on and above the diagonal, the reflections below it and in tau (min(m, n)).
typedef void (*openblas_sgeqrf)(const int32_t *m, const int32_t *n, float *a, const int32_t *lda, float *tau, float *work,
                                const int32_t *lwork, int32_t *info);

/// The first n columns of the product of k reflections, in place: a (m, n), m >= n >= k.
typedef void (*openblas_sorgqr)(const int32_t *m, const int32_t *n, const int32_t *k, float *a, const int32_t *lda,
                                const float *tau, float *work, const int32_t *lwork, int32_t *info);

/// A = U s V^T by divide and conquer; jobz "S": u (m, k), s (k) descending, vt (k, n), k = min(m, n). a is destroyed,
/// iwork has 8 k elements.
typedef void (*openblas_sgesdd)(const char *jobz, const int32_t *m, const int32_t *n, float *a, const int32_t *lda,
                                float *s, float *u, const int32_t *ldu, float *vt, const int32_t *ldvt, float *work,
                                const int32_t *lwork, int32_t *iwork, int32_t *info);

/// The name of the kernels in use, or the library's version and build.
typedef const char *(*openblas_text)(void);

/// Where an address comes from: glibc's dladdr, which its header shows to GNU programs only.
typedef struct {
    const char *file;
    void *base;
    const char *symbol;
    void *address;
} openblas_place;
int openblas_dladdr(const void *address, openblas_place *place) __asm__("dladdr");

#endif
