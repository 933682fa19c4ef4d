// Elements of any real type of BITS bits, as numbers and as keys that order like them.
//
// What the bits mean is an argument, so that one source serves all types of a size. Floating-point
// numbers are taken apart by hand: conversions would lose subnormal float32, which -ftz=true flushes.
#pragma once

#if BITS == 8
typedef uint8_t Word;
typedef int8_t SignedWord;
#elif BITS == 16
typedef uint16_t Word;
typedef int16_t SignedWord;
#elif BITS == 32
typedef uint32_t Word;
typedef int32_t SignedWord;
#else
typedef unsigned long long Word;
typedef long long SignedWord;
#endif

constexpr int UNSIGNED = 0, SIGNED = 1;  // 2: floating point
constexpr int MANTISSA = BITS == 16 ? 10 : BITS == 32 ? 23 : 52;  // bits
constexpr int EXPONENT = BITS == 16 ? 5 : BITS == 32 ? 8 : 11;
constexpr long long LAST_KEY = LLONG_MAX, FIRST_KEY = -LLONG_MAX - 1;
constexpr long long INFINITE_KEY = ((1LL << EXPONENT) - 1) << MANTISSA;

// Order-preserving key, as gpupept.kernels.statistics.elements.value_of_key reads it.
__device__ __forceinline__ long long key_of(Word word, int kind) {
    const long long bits = static_cast<SignedWord>(word);
    if (kind == SIGNED) return bits;
    if (kind == UNSIGNED) {
        return BITS == 64 ? bits ^ FIRST_KEY : static_cast<long long>(word);
    }
    return bits >= 0 ? bits : bits ^ ((1LL << (BITS - 1)) - 1);
}

__device__ __forceinline__ bool is_nan_key(long long key, int kind) {
    return kind > SIGNED && (key > INFINITE_KEY || key < ~INFINITE_KEY);
}

__device__ __forceinline__ double number_of(Word word, int kind) {
    if (kind == SIGNED) return static_cast<double>(static_cast<SignedWord>(word));
    if (kind == UNSIGNED) return static_cast<double>(word);
#if BITS == 16 || BITS == 32
    const long long sign = static_cast<long long>(word >> (BITS - 1)) << 63;
    const long long mantissa = word & ((1u << MANTISSA) - 1);
    const int exponent = word >> MANTISSA & ((1 << EXPONENT) - 1), bias = (1 << (EXPONENT - 1)) - 1;
    if (exponent == 0) {  // mantissa times the smallest subnormal
        const double smallest = __longlong_as_double((1024LL - bias - MANTISSA) << 52);
        const double size = static_cast<double>(mantissa) * smallest;
        return sign ? -size : size;
    }
    const long long wide = exponent == (1 << EXPONENT) - 1 ? 2047 : exponent - bias + 1023;
    return __longlong_as_double(sign | wide << 52 | mantissa << (52 - MANTISSA));
#else
    return __longlong_as_double(static_cast<long long>(word));
#endif
}
