/* A kept creation as the first stage takes it, in the fuzzer's kernel: parts, holes, plans. What only the first stage
 * has beside it (the init, the relay) is stood in for. */
#include "../../c/front_create.c"

int fuzz_guarded(void (*body)(void *), void *context);
int fuzz_creation(unsigned char *bytes, uint32_t size);

int front_spawn(const struct front_plan *plan, const int32_t *given, uint32_t count, front_ready *ready, void *context,
		struct front_child *ret)
{
	(void)plan, (void)given, (void)count;
	*ret = (struct front_child){ 1, 1, -1 };
	return !ready(context, 1234);
}

void front_end(const struct front_child *child)
{
	(void)child;
}

long dunc_relay(int pidfd, int32_t pid, int master, int other)
{
	return pidfd + pid + master + other;
}

long dunc_catch_signals(void)
{
	return 0;
}

static void carry(void *context)
{
	struct creation *creation = context;

	if (!prepare_host(creation))
		return;
	if (save_process(creation, 1234))
		take_back(creation, 0);
	else
		remove_container(creation);
}

/* 1: it was found fit, and carried out. The head is trusted for its size alone: its checksum is no defence. */
int fuzz_creation(unsigned char *bytes, uint32_t size)
{
	static struct creation creation;

	memset(&creation, 0, sizeof(creation));
	memset(creation.run.slots, 0xff, sizeof(creation.run.slots));
	creation.kept = (void *)bytes;
	creation.fillings = (struct fillings){ .id = "an-id", .created = "2026-01-01T00:00:00.000Z",
					       .incarnation = "0123456789abcdef0123456789abcdef" };
	if (size <= sizeof(*creation.kept))
		return 0;
	creation.kept->head.size = size;
	if (!parts_ok(creation.kept) || !front_fill_holes(creation.kept, &creation.fillings, creation.kept->first) ||
	    !all_parts_ok(&creation))
		return 0;
	return fuzz_guarded(carry, &creation);
}
