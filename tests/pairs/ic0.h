// SPDX-License-Identifier: Apache-2.0
// The System API functions that the C canisters under tests/ import, and what C needs instead of a library.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("ic0"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define NOINLINE __attribute__((noinline))

IMPORT(msg_arg_data_size) uint32_t ic0_msg_arg_data_size(void);
IMPORT(msg_arg_data_copy) void ic0_msg_arg_data_copy(void *to, uint32_t offset, uint32_t size);
IMPORT(msg_reply) void ic0_msg_reply(void);
IMPORT(msg_reply_data_append) void ic0_msg_reply_data_append(const void *from, uint32_t size);
IMPORT(debug_print) void ic0_debug_print(const void *from, uint32_t size);
IMPORT(trap) void ic0_trap(const void *from, uint32_t size);
IMPORT(time) uint64_t ic0_time(void);
IMPORT(performance_counter) uint64_t ic0_performance_counter(uint32_t kind);
IMPORT(stable64_size) uint64_t ic0_stable64_size(void);
IMPORT(stable64_grow) uint64_t ic0_stable64_grow(uint64_t pages);
IMPORT(stable64_read) void ic0_stable64_read(uint64_t to, uint64_t offset, uint64_t size);
IMPORT(stable64_write) void ic0_stable64_write(uint64_t offset, uint64_t from, uint64_t size);

static inline uint64_t address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }
