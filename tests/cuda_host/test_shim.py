"""The host shim gives CUDA's device language its documented meaning, and refuses its misuse."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_host import build
from cuda_host.build import HostCompileError, HostModule, LaunchError
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler: install g++")

FULL = "0xffffffffu"


def run(source, *arguments, name="kernel", grid=1, block=32, shared=0, flags=()):
    """Run a kernel; arrays are passed by address, NumPy scalars by value."""
    three = [(size, 1, 1) if isinstance(size, int) else (*size, 1, 1)[:3] for size in (grid, block)]
    values = [
        np.array(a.ctypes.data, dtype=np.uint64) if isinstance(a, np.ndarray) else np.asarray(a)
        for a in arguments
    ]
    addresses = [value.ctypes.data for value in values]
    HostModule(source, flags=flags).run(name, *three, addresses, shared)


def kernel(body, parameters):
    return f'extern "C" __global__ void kernel({parameters}) {{ {body} }}'


def lanes(expressions, values, *parameters, ctype="int", block=32):
    """Rows of what expressions of `v`, `lane`, `p` and `q` are in each thread of one block."""
    values = np.ascontiguousarray(values)
    out = np.zeros((len(expressions), len(values)), dtype=values.dtype)
    lines = [f"out[{i} * blockDim.x + threadIdx.x] = {e};" for i, e in enumerate(expressions)]
    source = kernel(
        f"const int lane = threadIdx.x % 32; {ctype} v = in[threadIdx.x]; (void)lane;\n"
        + "\n".join(lines),
        f"const {ctype} *in, {ctype} *out, int p, int q",
    )
    given = [*parameters, 0, 0][:2]
    run(source, values, out, np.int32(given[0]), np.int32(given[1]), block=block)
    return out


def test_indices_cover_a_three_dimensional_grid():
    out = np.zeros((2, 3, 2, 2, 4, 3), dtype=np.int32)  # grid z, y, x, block z, y, x
    source = kernel(
        """
        long long i = blockIdx.z; i = i * gridDim.y + blockIdx.y; i = i * gridDim.x + blockIdx.x;
        i = i * blockDim.z + threadIdx.z; i = i * blockDim.y + threadIdx.y;
        i = i * blockDim.x + threadIdx.x;
        out[i] += 1 + (int)i;
        """,
        "int *out",
    )
    run(source, out, grid=(2, 3, 2), block=(3, 4, 2))
    np.testing.assert_array_equal(out.ravel(), 1 + np.arange(out.size))


SUM = """
extern "C" __global__ void kernel(double *values) {
    __shared__ double kept[128];
    extern __shared__ __align__(16) double moved[];
    kept[threadIdx.x] = values[blockIdx.x * blockDim.x + threadIdx.x];
    moved[blockDim.x - 1 - threadIdx.x] = kept[threadIdx.x];
    for (int step = blockDim.x / 2; step > 0; step /= 2) {
        __syncthreads();
        if (threadIdx.x < step) kept[threadIdx.x] += kept[threadIdx.x + step];
    }
    __syncthreads();
    values[blockIdx.x * blockDim.x + threadIdx.x] = kept[0] + moved[threadIdx.x] / 1024;
}
"""


@pytest.mark.parametrize("flags", [(), ("-DCUDA_HOST_UCONTEXT",)], ids=["assembly", "ucontext"])
@pytest.mark.parametrize("reverse", [False, True])
def test_barriers_and_shared_memory(flags, reverse):
    values = np.arange(3 * 128.0)
    blocks = values.reshape(3, 128)
    expected = blocks.sum(1, keepdims=True) + blocks[:, ::-1] / 1024
    if reverse:
        with build.threads_from_last():
            run(SUM, values, grid=3, block=128, shared=1024, flags=flags)
    else:
        run(SUM, values, grid=3, block=128, shared=1024, flags=flags)
    np.testing.assert_array_equal(values, expected.ravel())


def test_a_missing_barrier_shows_in_one_of_the_two_orders():
    """The value of the neighbour is read without waiting for it."""
    source = """
    extern "C" __global__ void kernel(int *out) {
        __shared__ int values[64];
        values[threadIdx.x] = threadIdx.x;
        out[threadIdx.x] = values[(threadIdx.x + 1) % 64];
    }
    """
    found = np.zeros((2, 64), dtype=np.int32)
    run(source, found[0], block=64)
    with build.threads_from_last():
        run(source, found[1], block=64)
    assert (found[0] != found[1]).any()


def test_memory_that_was_not_written_is_not_a_number():
    source = """
    template <typename T> __device__ T read_shared() {
        extern __shared__ T dynamic[];
        return dynamic[threadIdx.x];
    }
    extern "C" __global__ void kernel(double *out) {
        __shared__ double fixed[32];
        out[threadIdx.x] = fixed[threadIdx.x];
        out[32 + threadIdx.x] = read_shared<double>();
    }
    """
    out = np.zeros(64)
    run(source, out, shared=256)
    assert np.isnan(out).all()


@pytest.mark.parametrize("width", [2, 8, 32])
@pytest.mark.parametrize("by", [0, 1, 3, 9, 31])
def test_shuffles(width, by):
    values = np.arange(64, dtype=np.int32) * 7 + 1
    lane = np.arange(32)
    first = lane // width * width
    places = {
        "__shfl_sync": first + by % width,
        "__shfl_up_sync": np.where(lane - by >= first, lane - by, lane),
        "__shfl_down_sync": np.where(lane + by < first + width, lane + by, lane),
        "__shfl_xor_sync": np.where((lane ^ by) < first + width, lane ^ by, lane),
    }
    calls = [f"{name}({FULL}, v, p, q)" for name in places]
    for found, (name, source) in zip(
        lanes(calls, values, by, width, block=64), places.items(), strict=True
    ):
        expected = np.concatenate([values[:32][source], values[32:][source]])
        np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.parametrize(
    ("dtype", "ctype"),
    [
        (np.int32, "int"),
        (np.uint32, "unsigned"),
        (np.int64, "long long"),
        (np.uint64, "unsigned long long"),
        (np.float32, "float"),
        (np.float64, "double"),
    ],
)
def test_shuffles_keep_all_bits(dtype, ctype):
    values = np.frombuffer(np.random.default_rng(1).bytes(32 * 8), dtype)[:32]
    (found,) = lanes([f"__shfl_sync({FULL}, v, 31 - lane)"], values, ctype=ctype)
    assert found.tobytes() == values[::-1].tobytes()


def test_lanes_in_one_subset_meet_without_the_others():
    """Even and odd lanes sum among themselves, in a loop of different lengths."""
    source = kernel(
        """
        const int lane = threadIdx.x;
        const unsigned mask = lane % 2 ? 0xaaaaaaaau : 0x55555555u;
        int v = lane;
        if (lane % 2) {
            for (int step = 2; step < 32; step *= 2) v += __shfl_xor_sync(mask, v, step);
        } else {
            v = __reduce_max_sync(mask, v);
        }
        out[lane] = v;
        """,
        "int *out",
    )
    out = np.zeros(32, dtype=np.int32)
    run(source, out)
    np.testing.assert_array_equal(out, [30, sum(range(1, 32, 2))] * 16)


def test_votes_and_warp_reductions():
    values = np.array([3, -5, 0, 9] * 8, dtype=np.int32)
    bits = sum(1 << i for i in range(32) if values[i] > 0)
    signed = bits - (1 << 32) if bits >> 31 else bits
    third = sum(1 << i for i in range(32) if values[i] == 3)
    cases = {
        f"(int)__ballot_sync({FULL}, v > 0)": signed,
        f"__any_sync({FULL}, v == 9)": 1,
        f"__any_sync({FULL}, v == 8)": 0,
        f"__all_sync({FULL}, v < 10)": 1,
        f"__all_sync({FULL}, v < 9)": 0,
        f"__reduce_add_sync({FULL}, v)": 8 * 7,
        f"__reduce_min_sync({FULL}, v)": -5,
        f"__reduce_max_sync({FULL}, v)": 9,
        f"(int)__reduce_min_sync({FULL}, (unsigned)v)": 0,
        f"(int)__reduce_max_sync({FULL}, (unsigned)v)": -5,
        f"(int)__reduce_or_sync({FULL}, (unsigned)v & 15u)": 11,
    }
    *found, match = lanes([*cases, f"(int)__match_any_sync({FULL}, v)"], values)
    for row, (expression, expected) in zip(found, cases.items(), strict=True):
        assert set(row) == {expected}, expression
    assert set(match[values == 3]) == {third}


def test_block_votes():
    values = np.arange(100, dtype=np.int32)  # the last warp has four lanes
    cases = {
        "__syncthreads_count(v % 3 == 0)": 34,
        "__syncthreads_and(v < 100)": 1,
        "__syncthreads_and(v < 99)": 0,
        "__syncthreads_or(v == 57)": 1,
        "__syncthreads_or(v == 100)": 0,
    }
    for row, (expression, expected) in zip(
        lanes(cases, values, block=100), cases.items(), strict=True
    ):
        assert set(row) == {expected}, expression


def test_threads_that_returned_are_not_waited_for():
    source = kernel(
        """
        if (threadIdx.x >= 40) return;
        __syncthreads();
        unsigned here = __ballot_sync(0xffffffffu, 1);
        __syncwarp();
        out[threadIdx.x] = __popc(here) + 100 * __syncthreads_count(1);
        """,
        "int *out",
    )
    for block in (64, 96):
        out = np.zeros(64, dtype=np.int32)
        run(source, out, block=block)
        np.testing.assert_array_equal(out, [4032] * 32 + [4008] * 8 + [0] * 24)


def test_atomics():
    source = kernel(
        """
        const int t = threadIdx.x + blockIdx.x * blockDim.x;
        atomicAdd(i + 0, t); atomicMin(i + 1, -t); atomicMax(i + 2, t); atomicOr(i + 3, 1 << t % 8);
        atomicSub(i + 4, 1); atomicExch(i + 5, 77); atomicCAS(i + 6, t, t + 1); atomicAnd(i + 7, ~8);
        atomicXor(i + 8, t);
        atomicAdd((unsigned long long *)n, 1ULL << 33); atomicMin(n + 1, -5000000000LL * t);
        atomicMax((unsigned long long *)(n + 2), (unsigned long long)t);
        atomicAdd(d, 0.5); atomicAdd(f, 0.25f);
        """,
        "int *i, long long *n, double *d, float *f",
    )
    i, n = np.zeros(9, dtype=np.int32), np.zeros(3, dtype=np.int64)
    i[7] = 15
    d, f = np.zeros(1), np.zeros(1, dtype=np.float32)
    run(source, i, n, d, f, grid=2, block=50)
    xor = np.bitwise_xor.reduce(np.arange(100))
    assert i.tolist() == [4950, -99, 99, 255, -100, 77, 100, 7, xor]
    assert n.tolist() == [100 << 33, -5000000000 * 99, 99]
    assert (d[0], f[0]) == (50, 25)


BITS = kernel(
    """
    const unsigned lo = (unsigned)x;
    out[0] = __popc(lo); out[1] = __popcll(x); out[2] = __ffs((int)lo); out[3] = __ffsll((long long)x);
    out[4] = __clz((int)lo); out[5] = __clzll((long long)x); out[6] = __brev(lo);
    out[7] = __double_as_longlong(__longlong_as_double((long long)x));
    out[8] = __float_as_int(__int_as_float((int)lo));
    out[9] = __double_as_longlong(__hiloint2double((int)(x >> 32), (int)lo));
    out[10] = (long long)__umul64hi(x, x);
    """,
    "unsigned long long x, long long *out",
)


@given(st.integers(0, 2**64 - 1))
def test_bit_functions(x):
    out = np.zeros(11, dtype=np.int64)
    run(BITS, np.uint64(x), out)
    low = x & 0xFFFFFFFF
    first = [(n & -n).bit_length() for n in (low, x)]
    reverse = int(f"{low:032b}"[::-1], 2)
    expected = [
        *(low.bit_count(), x.bit_count(), *first, 32 - low.bit_length(), 64 - x.bit_length()),
        *(reverse, x, low, x, x * x >> 64),
    ]
    found = [int(v) for v in out]
    found[8] &= 0xFFFFFFFF
    assert [v & 0xFFFFFFFFFFFFFFFF for v in found] == expected


def test_arithmetic_functions():
    source = kernel(
        """
        out[0] = min(3, -2LL); out[1] = max(2u, 5u); out[2] = min(1.5, 2); out[3] = max(NAN, 4.0);
        out[4] = rsqrt(4.0); out[5] = __dmul_rn(3.0, 0.5); out[6] = abs(-3LL); out[7] = fabs(-2.5);
        out[8] = isnan(x) + 2 * isinf(x) + 4 * isfinite(x); out[9] = __double2ll_rd(-1.5);
        out[10] = __ldg(&x); out[11] = warpSize; out[12] = INFINITY; out[13] = sqrt(2.0f);
        """,
        "double x, double *out",
    )
    out = np.zeros(14)
    run(source, np.float64(np.inf), out)
    root = float(np.sqrt(np.float32(2)))
    assert out.tolist() == [-2, 5, 1.5, 4, 0.5, 1.5, 3, 2.5, 2, -2, np.inf, 32, np.inf, root]


def test_products_are_not_fused_with_sums():
    """a * b - c with a * b rounded first is zero here, and is not when fused."""
    a, b = np.float64(1 + 2.0**-30), np.float64(1 - 2.0**-30)
    out = np.zeros(1)
    run(
        kernel("out[0] = a * b - c;", "double a, double b, double c, double *out"), a, b, a * b, out
    )
    assert out[0] == 0


MISUSE = {
    "deadlock.*__syncthreads.*its block.*__syncwarp.*its warp": """
        if (threadIdx.x < 16) __syncthreads();
        else __syncwarp();
    """,
    "deadlock.*__shfl_sync.*__syncthreads": """
        if (threadIdx.x == 2) __syncthreads();
        else if (threadIdx.x < 2) __shfl_sync(7u, 1, 0);
    """,
    "lacks the calling lane": "__shfl_sync(1u, 1, 0);",
    "different barriers": """
        if (threadIdx.x < 3) __syncthreads();
        else
            __syncthreads();
    """,
    "different operations": "if (threadIdx.x < 3) __any_sync(~0u, 1); else __all_sync(~0u, 1);",
    "assertion threadIdx.x < 5": "assert(threadIdx.x < 5);",
    "wrote past the 16 bytes": "shared[threadIdx.x] = 1;",
    r"__trap\(\)": "if (threadIdx.x == 7) __trap();",
}
MISUSED = kernel(
    "extern __shared__ int shared[]; switch (wrong) {"
    + "\n".join(f"case {i}: {body} break;" for i, body in enumerate(MISUSE.values()))
    + "} if (wrong < 0) out[threadIdx.x] = __popc(__ballot_sync(~0u, 1));",
    "int wrong, int *out",
)


@pytest.mark.parametrize("message", MISUSE)
def test_misuse_is_an_error(message):
    out = np.zeros(32, dtype=np.int32)
    with pytest.raises(LaunchError, match=message):
        run(MISUSED, np.int32(list(MISUSE).index(message)), out, shared=16)
    run(MISUSED, np.int32(-1), out, shared=16)  # the next launch is not disturbed
    assert set(out) == {32}


def test_a_stack_that_is_too_small_is_an_error():
    with pytest.raises(HostCompileError, match="frame size"):
        HostModule(kernel("volatile char much[70000]; much[n] = 1;", "int n"))
    source = """
    __device__ __noinline__ int deeper(int n) {
        volatile int kept[100];
        for (int i = 0; i < 100; ++i) kept[i] = n;
        return n ? deeper(n - 1) + kept[n % 100] : 0;
    }
    extern "C" __global__ void kernel(int n, int *out) { out[0] = deeper(n); }
    """
    out = np.zeros(1, dtype=np.int32)
    run(source, np.int32(100), out, block=1)
    assert out[0] == 5050
    with pytest.raises(LaunchError, match="a thread needs more than 131072 bytes of stack"):
        run(source, np.int32(400), out, block=1)


def test_a_failure_in_a_later_block_names_it():
    source = kernel("if (blockIdx.y == 2 && threadIdx.x < 9) __syncwarp(1u);", "")
    with pytest.raises(LaunchError, match=r"block \(1, 2, 0\), thread 1: __syncwarp"):
        run(source.replace("blockIdx.y == 2", "blockIdx.x == 1 && blockIdx.y == 2"), grid=(3, 4))


def test_shared_memory_in_a_template():
    source = """
    template <typename T> __device__ T neighbour(T value) {
        __shared__ T kept[64];
        __syncthreads();
        kept[threadIdx.x] = value;
        __syncthreads();
        return kept[(threadIdx.x + 1) % blockDim.x];
    }
    extern "C" __global__ void kernel(double *out, int *whole) {
        out[threadIdx.x] = neighbour(threadIdx.x + 0.5);
        whole[threadIdx.x] = neighbour((int)threadIdx.x) + neighbour(1);
    }
    """
    out, whole = np.zeros(64), np.zeros(64, dtype=np.int32)
    run(source, out, whole, block=64)
    following = (np.arange(64) + 1) % 64
    np.testing.assert_array_equal(out, following + 0.5)
    np.testing.assert_array_equal(whole, following + 1)


def test_a_full_block_and_many_blocks():
    source = kernel(
        """
        __shared__ unsigned char kept[1024];
        for (int i = 0; i < 10; ++i) {
            __syncthreads();
            kept[threadIdx.x] = (unsigned char)(threadIdx.x + i);
            __syncthreads();
            atomicAdd(out + blockIdx.x, (int)kept[1023 - threadIdx.x]);
        }
        """,
        "int *out",
    )
    out = np.zeros(20, dtype=np.int32)
    run(source, out, grid=20, block=1024)
    assert set(out) == {10 * 4 * sum(range(256))}


def test_spinning_threads_give_way():
    source = kernel(
        """
        volatile int *flag = out;
        if (threadIdx.x == 0) { while (*flag == 0) __nanosleep(100); }
        if (threadIdx.x == 31) *flag = 5;
        """,
        "int *out",
    )
    out = np.zeros(1, dtype=np.int32)
    run(source, out)
    assert out[0] == 5


def test_kernels_are_found_and_described():
    source = """
    // extern "C" __global__ void commented(int *x) {}
    #define NAMED(name, T) extern "C" __global__ void __launch_bounds__(64) name(const T *__restrict__ a)
    NAMED(first, double) {}
    NAMED(second, unsigned char) {}
    #if 0
    NAMED(absent, int) {}
    #endif
    extern "C" __global__
    void third(bool flag, const long long n, unsigned m, float x, void *p, double3 *q) {}
    """
    module = HostModule(source)
    assert module.signature("first") == ["f8*"]
    assert module.signature("second") == ["u1*"]
    assert module.signature("third") == ["b1", "i8", "u4", "f4", "?0*", "?0*"]
    for name in ("commented", "absent", "NAMED"):
        with pytest.raises(LaunchError, match="not found"):
            module.signature(name)


@pytest.mark.parametrize(
    "body",
    [
        "atomicAdd(x, 1);",  # CUDA has no atomicAdd of long long
        "__shared__ int a; a.b = 1;",
        "__shfl_sync(~0u, make_double2(1, 2), 0);",
    ],
)
def test_what_cuda_refuses_does_not_compile(body):
    source = '#line 7 "somewhere/kernel.cu"\n' + kernel(body, "long long *x")
    with pytest.raises(HostCompileError, match=r"somewhere/kernel\.cu:7|cuda_host\.hpp"):
        HostModule(source)
