// SPDX-License-Identifier: Apache-2.0
// A key-value store as a C canister: a hash table of linked entries in the heap. Every entry points to its
// kind (a record in .rodata that holds a text address and a table slot) and holds a table slot of its own,
// as heaps of real canisters do. The macros below make the other half of the pairs in pairs.json; without
// any it is the base. Variables have external linkage and an initialiser, so they lie in the order written.
#include "ic0.h"

typedef struct Entry Entry;
typedef uint32_t Visit(Entry *entry);
typedef struct {
  const char *name;
  Visit *visit;
} Kind;

struct Entry {
  uint32_t key;
#ifdef ENTRY_FIELD_ADDED
  uint32_t generation;
#endif
#ifdef ENTRY_FIELDS_SWAPPED
  const Kind *kind;
  uint32_t value;
#else
  uint32_t value;
  const Kind *kind;
#endif
  Visit *last_visit;
  Entry *next;
};

// --- .rodata -------------------------------------------------------------------------------------

#if defined(LITERAL_SAME_LENGTH)
const char greeting[] = "the store is shut now";
#elif defined(LITERAL_LONGER)
const char greeting[] = "the store is open now and for a long time yet";
#else
const char greeting[] = "the store is open now";
#endif
#ifdef LITERAL_ADDED
const char farewell[] = "come again";
#endif
const char full_message[] = "the store is full";
// A text in a box of fixed size, so that it can grow without moving what follows.
#ifdef LITERAL_IN_SLACK
const char motto[64] = "slow and steady and careful";
#else
const char motto[64] = "slow and steady";
#endif

uint32_t visit_counter(Entry *entry);
uint32_t visit_constant(Entry *entry);
uint32_t visit_mirror(Entry *entry);
// Gives the three functions table slots 1, 2 and 3 whatever the kinds below refer to: the linker numbers
// functions in the order in which it meets their addresses, first in code, then in data.
#ifdef TABLE_SLOTS_SWAPPED
Visit *const slots[] = {visit_constant, visit_counter, visit_mirror};
#else
Visit *const slots[] = {visit_counter, visit_constant, visit_mirror};
#endif
const char counter_name[] = "counter";
const char constant_name[] = "constant";
#if defined(VTABLE_SLOTS_CHANGED)
const Kind kinds[] = {{counter_name, visit_constant}, {constant_name, visit_counter}};
#elif defined(TEXT_POINTERS_CHANGED)
const Kind kinds[] = {{constant_name, visit_counter}, {counter_name, visit_constant}};
#else
const Kind kinds[] = {{counter_name, visit_counter}, {constant_name, visit_constant}};
#endif

// --- .data ---------------------------------------------------------------------------------------

#ifdef STATIC_REORDERED
uint32_t step = 3;
uint32_t limit = 1000;
#elif defined(STATIC_INITIAL_VALUE)
uint32_t limit = 2000;
uint32_t step = 3;
#else
uint32_t limit = 1000;
uint32_t step = 3;
#endif
#ifdef DATA_STATIC_IN_SLACK
uint32_t bonus[1] = {7};
#endif
#ifdef DATA_STATIC_ADDED
uint32_t bonus[4] = {7, 11, 13, 17};
#endif

// --- .bss ----------------------------------------------------------------------------------------

#ifdef ZERO_STATIC_ADDED
uint32_t visits[8] = {0};
#endif
#ifdef ZERO_STATICS_SWAPPED
uint32_t last_key = 0;
uint32_t entries = 0;
#else
uint32_t entries = 0;
uint32_t last_key = 0;
#endif
Entry *buckets[16] = {0};
uint8_t *heap_top = 0;
#ifdef ZERO_STATIC_AT_END_IN_SLACK
uint32_t reads = 0;
#endif
#ifdef ZERO_STATIC_AT_END
uint32_t read_log[64] = {0};
#endif
extern uint8_t __heap_base;

// --- code ----------------------------------------------------------------------------------------

static void reply(const void *bytes, uint32_t size) {
  ic0_msg_reply_data_append(bytes, size);
  ic0_msg_reply();
}

NOINLINE void *allocate(uint32_t size) {
  if (!heap_top) heap_top = &__heap_base;
  uint8_t *block = heap_top;
  heap_top += (size + 7) & ~7u;
  while (heap_top > (uint8_t *)(__builtin_wasm_memory_size(0) << 16)) {
    if (__builtin_wasm_memory_grow(0, 1) == (size_t)-1) ic0_trap(full_message, sizeof full_message - 1);
  }
  return block;
}

#ifdef FUNCTIONS_REORDERED
NOINLINE uint32_t hash_key(uint32_t key);
NOINLINE Entry *find(uint32_t key) {
  Entry *entry = buckets[hash_key(key) & 15];
  while (entry && entry->key != key) entry = entry->next;
  return entry;
}
NOINLINE uint32_t hash_key(uint32_t key) { return (key ^ key >> 15) * 2654435761u >> 7; }
#else
NOINLINE uint32_t hash_key(uint32_t key) { return (key ^ key >> 15) * 2654435761u >> 7; }
NOINLINE Entry *find(uint32_t key) {
  Entry *entry = buckets[hash_key(key) & 15];
  while (entry && entry->key != key) entry = entry->next;
  return entry;
}
#endif

// Two functions that call each other; RECURSION_REORDERED swaps their numbers.
NOINLINE uint32_t depth_odd(Entry *entry);
#ifdef RECURSION_REORDERED
NOINLINE uint32_t depth_odd(Entry *entry);
NOINLINE uint32_t depth_even(Entry *entry);
NOINLINE uint32_t depth_odd(Entry *entry) { return entry ? 3 + depth_even(entry->next) * 2 : 1; }
NOINLINE uint32_t depth_even(Entry *entry) { return entry ? 1 + depth_odd(entry->next) * 3 : 0; }
#else
NOINLINE uint32_t depth_even(Entry *entry) { return entry ? 1 + depth_odd(entry->next) * 3 : 0; }
NOINLINE uint32_t depth_odd(Entry *entry) { return entry ? 3 + depth_even(entry->next) * 2 : 1; }
#endif

#ifdef SLOT_BODY_CHANGED
uint32_t visit_counter(Entry *entry) { return entry->value += 2 * step; }
#else
uint32_t visit_counter(Entry *entry) { return entry->value += step; }
#endif
uint32_t visit_constant(Entry *entry) { return entry->value; }
uint32_t visit_mirror(Entry *entry) { return ~entry->value; }

EXPORT("canister_update put")
void put(void) {
  uint32_t arguments[2];
  ic0_msg_arg_data_copy(arguments, 0, sizeof arguments);
  if (entries >= limit) ic0_trap(full_message, sizeof full_message - 1);
  Entry *entry = find(arguments[0]);
  if (!entry) {
    Entry **bucket = &buckets[hash_key(arguments[0]) & 15];
    entry = allocate(sizeof *entry);
    entry->key = arguments[0];
    entry->next = *bucket;
    *bucket = entry;
    entries++;
  }
  entry->value = arguments[1];
  entry->kind = &kinds[arguments[1] & 1];
  entry->last_visit = slots[arguments[1] % 3];
  last_key = arguments[0];
#if defined(DATA_STATIC_IN_SLACK) || defined(DATA_STATIC_ADDED)
  entry->value += bonus[arguments[0] % (sizeof bonus / sizeof bonus[0])];
#endif
#ifdef ZERO_STATIC_ADDED
  visits[arguments[0] & 7]++;
#endif
  reply(motto, sizeof motto);
}

EXPORT("canister_query get")
void get(void) {
  uint32_t key;
  ic0_msg_arg_data_copy(&key, 0, sizeof key);
  Entry *entry = find(key);
#ifdef NUMBER_CHANGED
  uint32_t result = entry ? entry->kind->visit(entry) ^ entry->last_visit(entry) : 999;
#else
  uint32_t result = entry ? entry->kind->visit(entry) ^ entry->last_visit(entry) : 404;
#endif
#ifdef ZERO_STATIC_AT_END_IN_SLACK
  reads++;
#endif
#ifdef ZERO_STATIC_AT_END
  read_log[key & 63]++;
#endif
  reply(&result, sizeof result);
}

#ifdef METHOD_RENAMED
EXPORT("canister_query hello")
#else
EXPORT("canister_query greet")
#endif
void greet(void) { reply(greeting, sizeof greeting - 1); }

#ifndef METHOD_REMOVED
EXPORT("canister_query depth")
void depth(void) {
  uint32_t result = depth_even(buckets[0]) + last_key;
  reply(&result, sizeof result);
}
#endif

#ifdef METHOD_ADDED
EXPORT("canister_query count")
void count(void) { reply(&entries, sizeof entries); }
#endif

#ifdef FUNCTION_POINTER_FIRST
// The address is in code, so it gets the first slot.
uint32_t visit_key(Entry *entry) { return entry->key + last_key; }
EXPORT("canister_update mark")
void mark(void) {
  for (uint32_t i = 0; i < 16; i++)
    if (buckets[i]) buckets[i]->last_visit = visit_key;
  ic0_msg_reply();
}
#endif

#ifdef LITERAL_ADDED
EXPORT("canister_query leave")
void leave(void) { reply(farewell, sizeof farewell - 1); }
#endif

#ifndef PRE_UPGRADE_REMOVED
// Writes key and value of every entry behind a count to stable memory.
EXPORT("canister_pre_upgrade")
void pre_upgrade(void) {
#ifdef HOOK_CALLS_CLOCK
  ic0_time();
#endif
#ifdef HOOK_CALLS_COUNTER
  ic0_performance_counter(0);
#endif
#ifdef HOOK_GROWS
  ic0_stable64_grow(4);
#endif
#ifdef HOOK_GROWS_IF_NEEDED
  if (ic0_stable64_size() < 4) ic0_stable64_grow(4);
#endif
  uint64_t offset = 8;
  ic0_stable64_write(0, address(&entries), sizeof entries);
  for (uint32_t i = 0; i < 16; i++) {
    for (Entry *entry = buckets[i]; entry; entry = entry->next) {
      ic0_stable64_write(offset, address(&entry->key), 4);
      ic0_stable64_write(offset + 4, address(&entry->value), 4);
      offset += 8;
    }
  }
}
#endif

#ifdef POST_UPGRADE
// Reads the count back. Over a kept heap that is the count of the last upgrade, not of today.
EXPORT("canister_post_upgrade")
void post_upgrade(void) { ic0_stable64_read(address(&entries), 0, sizeof entries); }
#endif
