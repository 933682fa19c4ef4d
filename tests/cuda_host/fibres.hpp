// Runs the blocks of a grid one after another, each CUDA thread of a block as a fibre that gives way
// to the others where it waits for them: at a barrier of the block, or at an operation of its warp.
// Everything happens in one thread of the operating system, in an order that is fixed by the order
// of the threads (or, on request, the reverse of it), so results are reproducible and atomics plain.
//
// When no thread can go on, the launch fails with a message that says which threads wait where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if !defined(__x86_64__) || defined(CUDA_HOST_UCONTEXT)
#include <ucontext.h>
#endif

namespace cuda_host {

constexpr unsigned max_threads = 1024, warp_size = 32;
constexpr std::size_t stack_bytes = 128 * 1024;
constexpr std::size_t max_shared = 227 * 1024, guard_bytes = 4096;
// A quiet NaN as a double, NaN or -4.3e8 as a float, large as an integer: what memory that the
// kernel has not written holds.
constexpr std::uint64_t canary = 0x7ffccdcdcdcdcdcdULL;

struct Index {
    unsigned x, y, z;
};

// ---- Switching from one stack to another --------------------------------------------------------

using Entry = void (*)();

#if defined(__x86_64__) && !defined(CUDA_HOST_UCONTEXT)

struct Context {
    void *stack_pointer = nullptr;
};

// Push the registers that a function must keep, change stacks, pop them from the other stack.
extern "C" __attribute__((visibility("hidden"))) void cuda_host_switch(void **from, void *to);
asm(".text\n"
    ".globl cuda_host_switch\n.hidden cuda_host_switch\n"
    ".type cuda_host_switch,@function\n"
    "cuda_host_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size cuda_host_switch, .-cuda_host_switch\n");

static void enter(Context &from, Context &to) {
    cuda_host_switch(&from.stack_pointer, to.stack_pointer);
}

static void prepare(Context &context, char *stack, Entry entry) {
    void **top = reinterpret_cast<void **>(stack + stack_bytes);
    *--top = nullptr;                               // no caller; also aligns the stack for `entry`
    *--top = reinterpret_cast<void *>(entry);       // where `ret` goes
    for (int i = 0; i < 6; ++i) *--top = nullptr;   // the six registers
    context.stack_pointer = top;
}

#else

struct Context {
    ucontext_t state;
};

static void enter(Context &from, Context &to) { swapcontext(&from.state, &to.state); }

static void prepare(Context &context, char *stack, Entry entry) {
    getcontext(&context.state);
    context.state.uc_stack.ss_sp = stack;
    context.state.uc_stack.ss_size = stack_bytes;
    context.state.uc_link = nullptr;
    makecontext(&context.state, entry, 0);
}

#endif

// ---- The threads of a block ---------------------------------------------------------------------

enum class Wait : unsigned char { nothing, block, warp };

struct Thread;
// Sets `result` of the lanes in `group`; `warp` is the thread of lane 0.
using Resolve = void (*)(Thread *warp, unsigned group);

struct Thread {
    Context context;
    char *stack = nullptr;  // null before the thread has started and after it has returned
    Wait wait;
    bool done;
    unsigned mask;        // of the warp operation it waits in
    const char *what;     // operation it waits in, and where
    const char *file;
    int line;
    Resolve resolve;
    std::uint64_t value;  // what it contributes, with two parameters
    int argument, width;
    std::uint64_t result;
};

static Thread threads[max_threads];
static unsigned size, live, at_barrier;       // threads of the block: all, not returned, waiting
static std::uint32_t runnable[max_threads / warp_size];  // by place in the order of running
static std::uint32_t in_warp_operation[max_threads / warp_size];  // by warp, lanes that wait
static unsigned current;                      // number of the running thread in its block
static bool reversed;                         // run blocks and threads from last to first
static Context scheduler;
static char *stacks;  // memory for as many stacks as there can be threads, the caller's
static unsigned stacks_made;
static char *free_stacks[max_threads];
static unsigned free_count;
static char message[2000];
static void (*body)(void *);
static void *body_data;

alignas(128) static unsigned char dynamic_shared[max_shared + guard_bytes];
// Section that holds all static shared variables; absent when there are none.
extern "C" unsigned char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern "C" unsigned char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));

}  // namespace cuda_host

static cuda_host::Index threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_host {

static unsigned place_of(unsigned thread) { return reversed ? size - 1 - thread : thread; }

static void set_runnable(unsigned thread, bool can_run) {
    const unsigned place = place_of(thread);
    const std::uint32_t bit = 1u << place % 32;
    if (can_run) {
        runnable[place / 32] |= bit;
    } else {
        runnable[place / 32] &= ~bit;
    }
}

[[noreturn]] static void leave() {  // back to the launch, never to return here
    Context nowhere;
    enter(nowhere, scheduler);
    __builtin_unreachable();
}

template <typename... Values>
[[noreturn]] static void fail(const char *format, Values... values) {
    const int used = std::snprintf(message, sizeof message, "block (%u, %u, %u), thread %u: ",
                                   blockIdx.x, blockIdx.y, blockIdx.z, current);
    std::snprintf(message + used, sizeof message - used, format, values...);
    leave();
}

static void release(Thread &thread) {
    thread.wait = Wait::nothing;
    set_runnable(static_cast<unsigned>(&thread - threads), true);
}

// Let the block go on from a barrier that all its live threads have reached.
static void release_block() {
    Thread *first = nullptr;
    std::uint64_t count = 0;
    for (unsigned i = 0; i < size; ++i) {
        Thread &thread = threads[i];
        if (thread.done) continue;
        if (!first) first = &thread;
        if (thread.line != first->line || std::strcmp(thread.what, first->what) ||
            std::strcmp(thread.file, first->file)) {
            fail("threads of one block meet at different barriers: thread %u at %s (%s:%d), "
                 "thread %u at %s (%s:%d)", static_cast<unsigned>(first - threads), first->what,
                 first->file, first->line, i, thread.what, thread.file, thread.line);
        }
        count += thread.value != 0;
    }
    for (unsigned i = 0; i < size; ++i) {
        if (threads[i].done) continue;
        threads[i].result = count;
        release(threads[i]);
    }
    at_barrier = 0;
}

// Let a warp operation happen if all lanes that `member` waits for have arrived.
static bool release_warp(unsigned member) {
    const unsigned first = member / warp_size * warp_size, mask = threads[member].mask;
    unsigned expected = mask & ~in_warp_operation[member / warp_size], group = 0;
    if (expected) {  // lanes that do not exist or have returned are not waited for
        for (unsigned lane = 0; lane < warp_size; ++lane) {
            if (first + lane >= size || threads[first + lane].done) expected &= ~(1u << lane);
        }
        if (expected) return false;
    }
    for (unsigned lane = 0; lane < warp_size && first + lane < size; ++lane) {
        const Thread &thread = threads[first + lane];
        if (!(mask >> lane & 1) || thread.done) continue;
        if (thread.mask != mask) return false;  // it takes part in another operation first
        if (thread.resolve != threads[member].resolve || thread.line != threads[member].line) {
            fail("lanes of one warp meet in different operations: thread %u in %s (%s:%d), thread "
                 "%u in %s (%s:%d)", member, threads[member].what, threads[member].file,
                 threads[member].line, first + lane, thread.what, thread.file, thread.line);
        }
        group |= 1u << lane;
    }
    threads[member].resolve(threads + first, group);
    for (unsigned lane = 0; lane < warp_size; ++lane) {
        if (group >> lane & 1) release(threads[first + lane]);
    }
    in_warp_operation[member / warp_size] &= ~group;
    return true;
}

// Release what waits for nobody any more, because threads that were waited for have returned.
static bool release_stuck() {
    if (live && at_barrier == live) {
        release_block();
        return true;
    }
    bool released = false;
    for (unsigned i = 0; i < size; ++i) {
        if (threads[i].wait == Wait::warp) released |= release_warp(i);
    }
    return released;
}

// The next thread that can run after the current one, or -1.
static int pick() {
    const unsigned words = (size + 31) / 32, start = place_of(current);
    const std::uint32_t after = ~static_cast<std::uint32_t>((std::uint64_t{2} << start % 32) - 1);
    for (unsigned step = 0; step <= words; ++step) {
        const unsigned word = (start / 32 + step) % words;
        const std::uint32_t found = runnable[word] & (step == 0 ? after : ~std::uint32_t{0});
        if (found) return static_cast<int>(place_of(word * 32 + __builtin_ctz(found)));
    }
    return -1;
}

static void select(unsigned thread) {
    current = thread;
    threadIdx.x = thread % blockDim.x;
    threadIdx.y = thread / blockDim.x % blockDim.y;
    threadIdx.z = thread / (blockDim.x * blockDim.y);
}

static char *take_stack() {
    if (free_count) return free_stacks[--free_count];
    char *stack = stacks + ++stacks_made * stack_bytes;  // none below the first, for its overrun
    std::memcpy(stack, &canary, sizeof canary);  // gone if the thread needs more than there is
    return stack;
}

// What runs on a stack: one thread after another, for as long as the next has none of its own.
[[noreturn]] static void run_threads() {
    for (;;) {
        body(body_data);
        Thread &finished = threads[current];
        char *stack = finished.stack;
        finished.stack = nullptr;
        finished.done = true;
        --live;
        set_runnable(current, false);
        int next = pick();
        if (next < 0 && release_stuck()) next = pick();
        if (next >= 0) select(static_cast<unsigned>(next));
        if (next >= 0 && !threads[next].stack) {
            threads[next].stack = stack;
            continue;
        }
        free_stacks[free_count++] = stack;
        if (next < 0) leave();
        Context nowhere;
        enter(nowhere, threads[next].context);
    }
}

static void start_or_resume(Thread &from, Thread &to) {
    if (!to.stack) {
        to.stack = take_stack();
        prepare(to.context, to.stack, run_threads);
    }
    enter(from.context, to.context);
}

// The current thread waits: run others until it is released.
static void suspend() {
    Thread &waiting = threads[current];
    int next = pick();
    if (next < 0 && release_stuck()) next = pick();
    if (next < 0) leave();
    if (&threads[next] == &waiting) return;
    select(static_cast<unsigned>(next));
    start_or_resume(waiting, threads[next]);
}

// Let other threads run; used where a thread spins until another has done something.
static void yield() {
    const int next = pick();
    if (next < 0 || static_cast<unsigned>(next) == current) return;
    Thread &waiting = threads[current];
    select(static_cast<unsigned>(next));
    start_or_resume(waiting, threads[next]);
}

// Wait for the block; the number of threads whose predicate is not zero.
static unsigned wait_block(const char *what, const char *file, int line, int predicate) {
    Thread &thread = threads[current];
    thread.wait = Wait::block;
    thread.what = what;
    thread.file = file;
    thread.line = line;
    thread.value = predicate != 0;
    set_runnable(current, false);
    if (++at_barrier == live) {
        release_block();
    } else {
        suspend();
    }
    return static_cast<unsigned>(thread.result);
}

// Take part in an operation of the warp with the lanes of `mask`.
static std::uint64_t wait_warp(const char *what, const char *file, int line, unsigned mask,
                               Resolve resolve, std::uint64_t value, int argument, int width) {
    const unsigned lane = current % warp_size;
    if (!(mask >> lane & 1)) {
        fail("%s (%s:%d) with mask %#x, which lacks the calling lane %u", what, file, line, mask,
             lane);
    }
    Thread &thread = threads[current];
    thread.wait = Wait::warp;
    thread.what = what;
    thread.file = file;
    thread.line = line;
    thread.mask = mask;
    thread.resolve = resolve;
    thread.value = value;
    thread.argument = argument;
    thread.width = width;
    thread.result = canary;
    set_runnable(current, false);
    in_warp_operation[current / warp_size] |= 1u << lane;
    if (!release_warp(current)) suspend();
    return thread.result;
}

static void fill_canary(unsigned char *begin, std::size_t bytes) {
    while (bytes >= sizeof canary) {
        std::memcpy(begin, &canary, sizeof canary);
        begin += sizeof canary;
        bytes -= sizeof canary;
    }
    std::memcpy(begin, &canary, bytes);
}

static void describe_deadlock() {
    int used = std::snprintf(message, sizeof message, "block (%u, %u, %u): deadlock:", blockIdx.x,
                             blockIdx.y, blockIdx.z);
    const Thread *previous = nullptr;
    for (unsigned i = 0; i < size && used < static_cast<int>(sizeof message) - 200; ++i) {
        const Thread &thread = threads[i];
        if (thread.done) continue;
        if (previous && previous->line == thread.line && previous->wait == thread.wait) continue;
        used += std::snprintf(message + used, sizeof message - used,
                              " thread %u waits in %s (%s:%d) for %s;", i, thread.what, thread.file,
                              thread.line, thread.wait == Wait::block ? "its block" : "its warp");
        previous = &thread;
    }
}

static bool run_block(std::size_t shared_bytes) {
    fill_canary(__start_cuda_shared, __stop_cuda_shared - __start_cuda_shared);
    fill_canary(dynamic_shared, shared_bytes + guard_bytes);
    std::memset(runnable, 0, sizeof runnable);
    std::memset(in_warp_operation, 0, sizeof in_warp_operation);
    at_barrier = 0;
    live = size;
    for (unsigned i = 0; i < size; ++i) {
        threads[i].wait = Wait::nothing;
        threads[i].done = false;
        set_runnable(i, true);
    }
    message[0] = 0;
    select(place_of(0));
    threads[current].stack = take_stack();
    prepare(threads[current].context, threads[current].stack, run_threads);
    enter(scheduler, threads[current].context);
    for (unsigned i = 0; i < size; ++i) {  // of threads that never returned
        if (threads[i].stack) free_stacks[free_count++] = threads[i].stack;
        threads[i].stack = nullptr;
    }
    if (live && !message[0]) describe_deadlock();
    for (unsigned i = 1; i <= stacks_made && !message[0]; ++i) {
        if (std::memcmp(stacks + i * stack_bytes, &canary, sizeof canary)) {
            std::snprintf(message, sizeof message, "block (%u, %u, %u): a thread needs more than "
                          "%zu bytes of stack", blockIdx.x, blockIdx.y, blockIdx.z, stack_bytes);
        }
    }
    static unsigned char untouched[guard_bytes];
    fill_canary(untouched, guard_bytes);
    if (!message[0] && shared_bytes % sizeof canary == 0 &&
        std::memcmp(untouched, dynamic_shared + shared_bytes, guard_bytes)) {
        std::snprintf(message, sizeof message, "block (%u, %u, %u): wrote past the %zu bytes of "
                      "dynamic shared memory", blockIdx.x, blockIdx.y, blockIdx.z, shared_bytes);
    }
    return !message[0];
}

// Run a grid; null, or why it failed.
static const char *run_grid(const unsigned *grid, const unsigned *block, std::size_t shared_bytes,
                            bool from_last, char *stack_memory, void (*run)(void *), void *data) {
    stacks = stack_memory;
    stacks_made = free_count = 0;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    size = block[0] * block[1] * block[2];
    reversed = from_last;
    body = run;
    body_data = data;
    const std::uint64_t blocks = std::uint64_t{grid[0]} * grid[1] * grid[2];
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const std::uint64_t number = reversed ? blocks - 1 - i : i;
        blockIdx.x = static_cast<unsigned>(number % grid[0]);
        blockIdx.y = static_cast<unsigned>(number / grid[0] % grid[1]);
        blockIdx.z = static_cast<unsigned>(number / grid[0] / grid[1]);
        if (!run_block(shared_bytes)) return message;
    }
    return nullptr;
}

}  // namespace cuda_host
