/* The foreground of a container (relay.c). */
#pragma once
#include <stdint.h>

long dunc_catch_signals(void);
long dunc_relay(int pidfd, int32_t pid, int master, int other);
void dunc_prepare_terminal(int master);
