#ifndef CFFI_SHIM_H
#define CFFI_SHIM_H

#include <ffi.h>

// libffi's descriptions of C types are variables, which Swift does not let threads share.
static inline ffi_type *ffi_shim_pointer(void) { return &ffi_type_pointer; }
static inline ffi_type *ffi_shim_void(void) { return &ffi_type_void; }
static inline ffi_type *ffi_shim_float(void) { return &ffi_type_float; }
static inline ffi_type *ffi_shim_double(void) { return &ffi_type_double; }
static inline ffi_type *ffi_shim_sint32(void) { return &ffi_type_sint32; }
static inline ffi_type *ffi_shim_uint32(void) { return &ffi_type_uint32; }
static inline ffi_type *ffi_shim_sint64(void) { return &ffi_type_sint64; }
static inline ffi_type *ffi_shim_uint64(void) { return &ffi_type_uint64; }

#endif
