// SPDX-License-Identifier: Apache-2.0
// A second object file behind store.c: the linker meets the address of its function last, so it gets the
// last table slot and the slots before it keep their functions.
#include "ic0.h"

extern uint32_t last_key;
extern uint32_t *buckets[16];

static uint32_t visit_late(uint32_t *entry) { return entry[0] ^ last_key; }

EXPORT("canister_update mark")
void mark(void) {
  for (uint32_t i = 0; i < 16; i++)
    if (buckets[i]) buckets[i][3] = (uint32_t)(uintptr_t)visit_late;
  ic0_msg_reply();
}
