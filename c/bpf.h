/* Device programs of cgroup v2 (bpf.c). */
#pragma once
#include <stdint.h>

/* Attach a BPF_PROG_TYPE_CGROUP_DEVICE program to the group whose directory `cgroup` is, in place of those
 * that are attached to it. `count` instructions of 8 bytes. 0 or -errno. */
long attach_device_program(int cgroup, const void *instructions, uint32_t count);
