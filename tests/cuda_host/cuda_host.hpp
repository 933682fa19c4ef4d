// Enough of CUDA's device language for the kernels of this project to be built by a host compiler
// and run by fibres.hpp. What the language forbids is refused where that is cheap: shuffles from a
// lane outside the mask, barriers that only some threads reach, reading shared memory before writing.
#pragma once

#include <math.h>
#include <stdlib.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "fibres.hpp"

// ---- Qualifiers ---------------------------------------------------------------------------------

#define __global__ __attribute__((noinline, used))  // build.py finds the kernels by this
#define __device__
#define __host__
#define __constant__
// All in one section, to be filled with the canary; compilers leave those of templates out of it.
#define __shared__ static __attribute__((section("cuda_shared")))
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __grid_constant__
#undef assert
#define assert(condition) \
    ((condition) ? void() : cuda_host::fail("assertion %s (%s:%d)", #condition, __FILE__, __LINE__))

constexpr int warpSize = 32;

// ---- Vector types -------------------------------------------------------------------------------

#define CUDA_HOST_VECTORS(T, base, small, large)                                   \
    struct alignas(small) base##2 { T x, y; };                                     \
    struct base##3 { T x, y, z; };                                                 \
    struct alignas(large) base##4 { T x, y, z, w; };                               \
    inline base##2 make_##base##2(T x, T y) { return {x, y}; }                     \
    inline base##3 make_##base##3(T x, T y, T z) { return {x, y, z}; }             \
    inline base##4 make_##base##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDA_HOST_VECTORS(int, int, 8, 16)
CUDA_HOST_VECTORS(unsigned, uint, 8, 16)
CUDA_HOST_VECTORS(long long, longlong, 16, 16)
CUDA_HOST_VECTORS(float, float, 8, 16)
CUDA_HOST_VECTORS(double, double, 16, 16)
#undef CUDA_HOST_VECTORS

// ---- Arithmetic ---------------------------------------------------------------------------------

template <typename A, typename B, typename C = std::common_type_t<A, B>>
inline C min(A a, B b) {
    if constexpr (std::is_floating_point_v<C>) return std::fmin(C(a), C(b));
    else return C(b) < C(a) ? C(b) : C(a);
}
template <typename A, typename B, typename C = std::common_type_t<A, B>>
inline C max(A a, B b) {
    if constexpr (std::is_floating_point_v<C>) return std::fmax(C(a), C(b));
    else return C(a) < C(b) ? C(b) : C(a);
}

inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline float rsqrtf(float x) { return rsqrt(x); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }

inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __double2hiint(double x) { return int(__double_as_longlong(x) >> 32); }
inline int __double2loint(double x) { return int(__double_as_longlong(x)); }
inline double __hiloint2double(int high, int low) {
    return __longlong_as_double((long long)high << 32 | (unsigned)low);
}
inline long long __double2ll_rd(double x) { return (long long)std::floor(x); }
inline int __double2int_rd(double x) { return int(std::floor(x)); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
inline int __clzll(long long x) { return std::countl_zero((unsigned long long)x); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1u) << (31 - i);
    return reversed;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return std::uint64_t(a) * b >> 32; }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

template <typename T>
inline T __ldg(const T *address) { return *address; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
[[noreturn]] inline void __trap() { cuda_host::fail("__trap()"); }
inline void __nanosleep(unsigned) { cuda_host::yield(); }

// ---- Barriers -----------------------------------------------------------------------------------

// The place of the call, for messages.
#define CUDA_HOST_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(CUDA_HOST_HERE) { cuda_host::wait_block("__syncthreads", file, line, 0); }
inline int __syncthreads_count(int predicate, CUDA_HOST_HERE) {
    return int(cuda_host::wait_block("__syncthreads_count", file, line, predicate));
}
inline int __syncthreads_and(int predicate, CUDA_HOST_HERE) {
    return !cuda_host::wait_block("__syncthreads_and", file, line, !predicate);
}
inline int __syncthreads_or(int predicate, CUDA_HOST_HERE) {
    return cuda_host::wait_block("__syncthreads_or", file, line, predicate) != 0;
}

// ---- Operations of a warp -----------------------------------------------------------------------

namespace cuda_host {

template <typename T>
std::uint64_t to_bits(T value) {
    static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "not a type that lanes exchange");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <typename T>
T from_bits(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// For every lane of the group: the value of the lane that `source` names, which must take part.
template <typename Source>
void exchange(Thread *warp, unsigned group, Source source) {
    for (int lane = 0; lane < 32; ++lane) {
        if (!(group >> lane & 1)) continue;
        const int from = source(lane, warp[lane].argument, warp[lane].width);
        if (group >> from & 1) warp[lane].result = warp[from].value;  // else the canary stays
    }
}

inline void sync(Thread *, unsigned) {}
inline void shuffle(Thread *warp, unsigned group) {
    exchange(warp, group, [](int lane, int source, int width) {
        return (lane & -width) | (source & (width - 1));
    });
}
inline void shuffle_up(Thread *warp, unsigned group) {
    exchange(warp, group, [](int lane, int delta, int width) {
        return (lane & (width - 1)) < delta ? lane : lane - delta;
    });
}
inline void shuffle_down(Thread *warp, unsigned group) {
    exchange(warp, group, [](int lane, int delta, int width) {
        return (lane & (width - 1)) + delta >= width ? lane : lane + delta;
    });
}
inline void shuffle_xor(Thread *warp, unsigned group) {
    exchange(warp, group, [](int lane, int mask, int width) {
        return (lane ^ mask) > (lane | (width - 1)) ? lane : lane ^ mask;
    });
}
inline void ballot(Thread *warp, unsigned group) {
    unsigned votes = 0;
    for (int i = 0; i < 32; ++i) votes |= (group >> i & 1 && warp[i].value) ? 1u << i : 0u;
    for (int i = 0; i < 32; ++i) warp[i].result = group >> i & 1 ? votes : warp[i].result;
}
inline void all(Thread *warp, unsigned group) {
    bool everyone = true;
    for (int i = 0; i < 32; ++i) everyone &= !(group >> i & 1) || warp[i].value;
    for (int i = 0; i < 32; ++i) warp[i].result = group >> i & 1 ? everyone : warp[i].result;
}
inline void match(Thread *warp, unsigned group) {
    for (int i = 0; i < 32; ++i) {
        if (!(group >> i & 1)) continue;
        unsigned same = 0;
        for (int j = 0; j < 32; ++j) {
            same |= (group >> j & 1 && warp[j].value == warp[i].value) ? 1u << j : 0u;
        }
        warp[i].result = same;
    }
}

struct Add { template <typename T> T operator()(T a, T b) const { return T(a + b); } };
struct Min { template <typename T> T operator()(T a, T b) const { return b < a ? b : a; } };
struct Max { template <typename T> T operator()(T a, T b) const { return a < b ? b : a; } };
struct And { template <typename T> T operator()(T a, T b) const { return a & b; } };
struct Or { template <typename T> T operator()(T a, T b) const { return a | b; } };
struct Xor { template <typename T> T operator()(T a, T b) const { return a ^ b; } };

template <typename T, typename Operation>
void reduce(Thread *warp, unsigned group) {
    int lane = std::countr_zero(group);
    T total = from_bits<T>(warp[lane].value);
    while (++lane < 32) {
        if (group >> lane & 1) total = Operation()(total, from_bits<T>(warp[lane].value));
    }
    for (int i = 0; i < 32; ++i) warp[i].result = group >> i & 1 ? to_bits(total) : warp[i].result;
}

}  // namespace cuda_host

inline void __syncwarp(unsigned mask = 0xffffffffu, CUDA_HOST_HERE) {
    cuda_host::wait_warp("__syncwarp", file, line, mask, cuda_host::sync, 0, 0, 32);
}

#define CUDA_HOST_SHUFFLE(name, resolve, Argument)                                            \
    template <typename T>                                                                     \
    inline T name(unsigned mask, T value, Argument argument, int width = 32, CUDA_HOST_HERE) { \
        return cuda_host::from_bits<T>(                                                       \
            cuda_host::wait_warp(#name, file, line, mask, cuda_host::resolve,                 \
                                 cuda_host::to_bits(value), int(argument), width));           \
    }
CUDA_HOST_SHUFFLE(__shfl_sync, shuffle, int)
CUDA_HOST_SHUFFLE(__shfl_up_sync, shuffle_up, unsigned)
CUDA_HOST_SHUFFLE(__shfl_down_sync, shuffle_down, unsigned)
CUDA_HOST_SHUFFLE(__shfl_xor_sync, shuffle_xor, int)
#undef CUDA_HOST_SHUFFLE

inline unsigned __ballot_sync(unsigned mask, int predicate, CUDA_HOST_HERE) {
    return unsigned(cuda_host::wait_warp("__ballot_sync", file, line, mask, cuda_host::ballot,
                                         predicate != 0, 0, 32));
}
inline int __any_sync(unsigned mask, int predicate, CUDA_HOST_HERE) {
    return cuda_host::wait_warp("__any_sync", file, line, mask, cuda_host::ballot, predicate != 0,
                                0, 32) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CUDA_HOST_HERE) {
    return int(cuda_host::wait_warp("__all_sync", file, line, mask, cuda_host::all, predicate != 0,
                                    0, 32));
}
template <typename T>
inline unsigned __match_any_sync(unsigned mask, T value, CUDA_HOST_HERE) {
    return unsigned(cuda_host::wait_warp("__match_any_sync", file, line, mask, cuda_host::match,
                                         cuda_host::to_bits(value), 0, 32));
}
// Which lanes run together is not defined; a lane can count on no other.
inline unsigned __activemask() { return 1u << cuda_host::current % 32; }

#define CUDA_HOST_REDUCE(name, T, Operation)                                                      \
    inline T name(unsigned mask, T value, CUDA_HOST_HERE) {                                       \
        return cuda_host::from_bits<T>(                                                           \
            cuda_host::wait_warp(#name, file, line, mask, cuda_host::reduce<T, cuda_host::Operation>, \
                                 cuda_host::to_bits(value), 0, 32));                              \
    }
CUDA_HOST_REDUCE(__reduce_add_sync, int, Add)
CUDA_HOST_REDUCE(__reduce_add_sync, unsigned, Add)
CUDA_HOST_REDUCE(__reduce_min_sync, int, Min)
CUDA_HOST_REDUCE(__reduce_min_sync, unsigned, Min)
CUDA_HOST_REDUCE(__reduce_max_sync, int, Max)
CUDA_HOST_REDUCE(__reduce_max_sync, unsigned, Max)
CUDA_HOST_REDUCE(__reduce_and_sync, unsigned, And)
CUDA_HOST_REDUCE(__reduce_or_sync, unsigned, Or)
CUDA_HOST_REDUCE(__reduce_xor_sync, unsigned, Xor)
#undef CUDA_HOST_REDUCE

// ---- Atomics: plain, since the threads take turns -----------------------------------------------

namespace cuda_host {
template <typename T, typename... Allowed>
concept one_of = (std::is_same_v<T, Allowed> || ...);
template <typename T>
concept atomic_integer = one_of<T, int, unsigned, long long, unsigned long long>;
template <typename T>
concept atomic_sum = one_of<T, int, unsigned, unsigned long long, float, double>;
template <typename T>
concept atomic_word = one_of<T, int, unsigned, unsigned long long, float>;

template <typename T, typename Operation>
T update(T *address, T value, Operation operation) {
    const T old = *address;
    *address = operation(old, value);
    return old;
}
}  // namespace cuda_host

#define CUDA_HOST_ATOMIC(name, Constraint, Operation)                           \
    template <cuda_host::Constraint T>                                          \
    inline T name(T *address, std::type_identity_t<T> value) {                  \
        return cuda_host::update(address, value, cuda_host::Operation());       \
    }
CUDA_HOST_ATOMIC(atomicAdd, atomic_sum, Add)
CUDA_HOST_ATOMIC(atomicMin, atomic_integer, Min)
CUDA_HOST_ATOMIC(atomicMax, atomic_integer, Max)
CUDA_HOST_ATOMIC(atomicAnd, atomic_integer, And)
CUDA_HOST_ATOMIC(atomicOr, atomic_integer, Or)
CUDA_HOST_ATOMIC(atomicXor, atomic_integer, Xor)
#undef CUDA_HOST_ATOMIC

template <cuda_host::atomic_word T>
inline T atomicExch(T *address, std::type_identity_t<T> value) {
    return std::exchange(*address, value);
}
template <cuda_host::one_of<int, unsigned, unsigned long long, unsigned short> T>
inline T atomicCAS(T *address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
    const T old = *address;
    if (old == expected) *address = value;
    return old;
}
template <cuda_host::one_of<int, unsigned> T>
inline T atomicSub(T *address, std::type_identity_t<T> value) {
    return std::exchange(*address, *address - value);
}

// ---- Launching, by argument types ---------------------------------------------------------------

namespace cuda_host {

// How a parameter is written in a signature: NumPy's kind and size, and a star for a pointer.
template <typename P>
void describe(char *&text) {
    using Pointee = std::remove_cv_t<std::remove_pointer_t<P>>;
    *text++ = std::is_same_v<Pointee, bool>        ? 'b'
              : std::is_floating_point_v<Pointee>  ? 'f'
              : !std::is_integral_v<Pointee>       ? '?'
              : std::is_signed_v<Pointee>          ? 'i'
                                                   : 'u';
    if constexpr (std::is_void_v<Pointee>) *text++ = '0';
    else *text++ = char('0' + (sizeof(Pointee) < 10 ? sizeof(Pointee) : 0));
    if constexpr (std::is_pointer_v<P>) *text++ = '*';
    *text++ = ' ';
}

template <typename... Parameters>
struct Kernel {
    void (*function)(Parameters...);
    void **arguments;

    template <std::size_t... I>
    void call(std::index_sequence<I...>) const {
        function(*static_cast<std::remove_cv_t<Parameters> *>(arguments[I])...);
    }
    static void run(void *self) {
        static_cast<Kernel *>(self)->call(std::index_sequence_for<Parameters...>());
    }
};

template <typename... Parameters>
const char *launch(void (*function)(Parameters...), const unsigned *grid, const unsigned *block,
                   std::size_t shared_bytes, bool from_last, char *stacks, void **arguments) {
    Kernel<Parameters...> kernel{function, arguments};
    return run_grid(grid, block, shared_bytes, from_last, stacks, Kernel<Parameters...>::run,
                    &kernel);
}

template <typename... Parameters>
const char *signature(void (*)(Parameters...)) {
    static char text[4 * sizeof...(Parameters) + 1];
    char *end = text;
    (describe<Parameters>(end), ...);
    *end = 0;
    return text;
}

}  // namespace cuda_host

// What build.py appends for each kernel.
#define CUDA_HOST_EXPORT(name)                                                                   \
    extern "C" const char *cuda_host_launch_##name(const unsigned *grid, const unsigned *block,  \
                                                   std::size_t shared_bytes, int from_last,      \
                                                   char *stacks, void **arguments) {             \
        return cuda_host::launch(&name, grid, block, shared_bytes, from_last != 0, stacks,       \
                                 arguments);                                                     \
    }                                                                                            \
    extern "C" const char *cuda_host_signature_##name() { return cuda_host::signature(&name); }

extern "C" inline __attribute__((used)) std::size_t cuda_host_static_shared() {
    return std::size_t(cuda_host::__stop_cuda_shared - cuda_host::__start_cuda_shared);
}

extern "C" inline __attribute__((used)) std::size_t cuda_host_stack_memory() {
    return (cuda_host::max_threads + 1) * cuda_host::stack_bytes;
}
