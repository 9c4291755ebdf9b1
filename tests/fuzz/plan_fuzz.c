/* Fuzzes the check of plans and the executor behind it, under ASan and UBSan, with a kernel that does nothing and
 * answers anything (kernel.c): whatever the check accepts must not read or write outside the plan.
 *
 *   plan_fuzz SECONDS SEED FILE...     each FILE a plan that the encoder made, or a kept creation (*.creation) */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern uint64_t fuzz_state;
uint64_t fuzz_random(void);
int fuzz_one(unsigned char *bytes, uint32_t size, int room, int socket);
int fuzz_creation(unsigned char *bytes, uint32_t size);

static void mutate(unsigned char *bytes, uint32_t *size, uint32_t room)
{
	uint64_t times = 1 + fuzz_random() % 8;

	for (uint64_t i = 0; i < times; i++) {
		uint32_t at = (uint32_t)(fuzz_random() % *size);

		switch (fuzz_random() % 6) {
		case 0: bytes[at] ^= (unsigned char)(1u << fuzz_random() % 8); break;
		case 1: bytes[at] = (unsigned char)fuzz_random(); break;
		case 2: *(uint32_t *)(bytes + (at & ~3u) % (*size & ~7u)) = (uint32_t)fuzz_random() % (2 * *size); break;
		case 3: *(uint32_t *)(bytes + (at & ~3u) % (*size & ~7u)) = (uint32_t)fuzz_random(); break;
		case 4: *size = *size > 64 ? *size - (uint32_t)(fuzz_random() % 32) : *size; break;
		case 5: *size = *size + 8 < room ? *size + 8 : *size; break;
		}
	}
	/* Mostly a header that fits, so that what lies behind it is looked at. */
	if (fuzz_random() % 8)
		((uint32_t *)(void *)bytes)[1] = *size;
}

int main(int argc, char **argv)
{
	long accepted = 0, creations = 0, runs = 0;
	time_t end = time(NULL) + atol(argv[1]);

	fuzz_state = strtoull(argv[2], NULL, 10) | 1;
	while (time(NULL) < end) {
		for (int round = 0; round < 2000; round++, runs++) {
			const char *name = argv[3 + fuzz_random() % (uint64_t)(argc - 3)];
			int creation = strlen(name) > 9 && !strcmp(name + strlen(name) - 9, ".creation");
			FILE *file = fopen(name, "rb");
			unsigned char *bytes;
			uint32_t size;

			fseek(file, 0, SEEK_END);
			size = (uint32_t)ftell(file);
			rewind(file);
			bytes = malloc(size + 512);
			memset(bytes, 0, size + 512);
			if (fread(bytes, 1, size, file) != size)
				return 2;
			fclose(file);
			if (runs % 64)
				mutate(bytes, &size, size + 504);
			/* A copy of just its size, so that one byte too far is found. */
			unsigned char *exact = malloc(size);
			memcpy(exact, bytes, size);
			free(bytes);
			if (creation)
				creations += fuzz_creation(exact, size);
			else
				accepted += fuzz_one(exact, size, 1 + (int)(fuzz_random() % 4), runs % 2 ? 7 : -1);
			free(exact);
		}
	}
	printf("%ld plans, %ld accepted and carried out, and %ld creations\n", runs, accepted, creations);
	return accepted && creations ? 0 : 3;
}
