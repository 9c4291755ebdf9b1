/* Checks plans as the init does before it carries one out: a file of them, each after its size.
 *
 *   plan_check FILE      prints "N accepted, M refused", and the place of the first that is refused */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

long check_one(unsigned char *bytes, uint32_t size);

int main(int argc, char **argv)
{
	FILE *file = fopen(argv[argc - 1], "rb");
	long accepted = 0, refused = 0;
	uint32_t size;

	if (!file)
		return 2;
	while (fread(&size, sizeof(size), 1, file) == 1) {
		/* Just its size, so that a sanitizer sees a byte too far. */
		unsigned char *bytes = malloc(size);

		if (!bytes || fread(bytes, 1, size, file) != size)
			return 2;
		if (!check_one(bytes, size))
			accepted++;
		else if (!refused++)
			printf("the first that is refused: number %ld\n", accepted);
		free(bytes);
	}
	fclose(file);
	printf("%ld accepted, %ld refused\n", accepted, refused);
	return 0;
}
