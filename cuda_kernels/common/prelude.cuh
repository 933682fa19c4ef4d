// Put before every kernel source by the loader: what nvcc's own headers define and the run-time
// compiler (NVRTC), which has no system headers, does not.
#pragma once

#ifdef __CUDACC_RTC__

#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define FLT_MAX 3.402823466e+38f
#define DBL_MAX 1.7976931348623157e+308
#define DBL_EPSILON 2.2204460492503131e-16
#define INT_MAX 2147483647
#define UINT_MAX 0xffffffffu
#define LLONG_MAX 9223372036854775807LL

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
#ifdef _WIN64
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
typedef long int64_t;
typedef unsigned long uint64_t;
#endif

#else

#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdint>

#endif
