/* How the first stage hands over to the second (front_engine.c). */
#pragma once
#include <linux/elf.h>
#include <stdint.h>

/* The auxiliary vector's entries: linux/elf.h has no type for them. */
typedef struct { uint64_t a_type; union { uint64_t a_val; } a_un; } Elf64_auxv_t;

_Noreturn void front_die(const char *text, int code);

/* Map the engine, which lies behind this program in the same file, as execve would, and jump to its
 * dynamic loader with the stack that the kernel gave us. */
_Noreturn void front_start_engine(long *stack, Elf64_auxv_t *auxv);
