/* The check of a plan, which runs before its first operation. */
#include "plan.h"

enum field_kind { STR, STR_OR_NONE, STRV, BLOB, SLOT, SLOT_OR_NONE, SLOT_FILLED };

const char *plan_str(const struct plan *plan, str_ref ref)
{
	return ref ? (const char *)plan->bytes + ref : NULL;
}

char **plan_strv(const struct plan *plan, strv_ref ref)
{
	uint64_t *entries = (void *)(plan->bytes + ref);

	for (uint32_t i = 0; entries[i]; i++) {
		/* A vector that was turned already, or overlaps one, holds pointers: out of bounds. */
		if (entries[i] >= plan->size)
			return NULL;
		entries[i] = (uint64_t)(uintptr_t)(plan->bytes + entries[i]);
	}
	return (char **)entries;
}

/* Strings, vectors and blobs lie behind the operations, so that turning a vector cannot change one. */
static int str_ok(const struct plan *plan, uint32_t ref)
{
	return ref >= plan->op_end && ref < plan->size;
}

static int strv_ok(const struct plan *plan, uint32_t ref)
{
	if (ref % 8 || !str_ok(plan, ref))
		return 0;
	for (uint64_t at = ref; at + 8 <= plan->size; at += 8) {
		uint64_t entry = *(const uint64_t *)(plan->bytes + at);

		if (!entry)
			return 1;
		if (entry > UINT32_MAX || !str_ok(plan, (uint32_t)entry))
			return 0;
	}
	return 0;
}

static int field_ok(const struct plan *plan, const void *field, enum field_kind kind)
{
	const struct plan_head *head = (const void *)plan->bytes;
	uint32_t value = *(const uint32_t *)field;
	const struct blob_ref *blob = field;

	switch (kind) {
	case STR:
		return str_ok(plan, value);
	case STR_OR_NONE:
		return !value || str_ok(plan, value);
	case STRV:
		return strv_ok(plan, value);
	case BLOB:
		return blob->at % 8 == 0 && str_ok(plan, blob->at) && blob->size < plan->size - blob->at;
	case SLOT:
	case SLOT_FILLED:
		return value < head->slot_count;
	case SLOT_OR_NONE:
		return value == SLOT_NONE || value < head->slot_count;
	}
	return 0;
}

static size_t op_size(uint32_t code, enum op_room room)
{
#define VERB(op, OP) if (code == OP_##OP) return sizeof(struct op_##op);
	if (room == ROOM_VERB) {
		PLAN_VERB_OPS(VERB)
		return 0;
	}
	if (room == ROOM_KEPT) {
		PLAN_KEPT_OPS(VERB)
		return 0;
	}
	if (room == ROOM_CREATION) {
		PLAN_CREATION_OPS(VERB)
		return 0;
	}
	PLAN_OPS(VERB)
#undef VERB
	return 0;
}

static int fields_ok(const struct plan *plan, const struct op_head *head)
{
#define FIELD(op, OP, name, kind) \
	if (head->code == OP_##OP && !field_ok(plan, &((const struct op_##op *)head)->name, kind)) \
		return 0;
	PLAN_FIELDS(FIELD)
#undef FIELD
	return 1;
}

long plan_check(struct plan *plan, enum op_room room)
{
	const struct plan_head *head = (const void *)plan->bytes;
	uint32_t at = sizeof(*head);

	if (plan->size < sizeof(*head) || head->magic != PLAN_MAGIC || head->abi != PLAN_ABI)
		return -EPROTO;
	if (head->size != plan->size || head->slot_count > SLOT_LIMIT || head->given > head->slot_count ||
	    head->own_walk > 1)
		return -EBADMSG;
	/* First the operations' bounds: only then is it known where they end. */
	for (uint32_t i = 0; i < head->op_count; i++) {
		const struct op_head *op = (const void *)(plan->bytes + at);

		if (plan->size - at < sizeof(*op) || op->size > plan->size - at)
			return -EBADMSG;
		if (!op->size || op->size != op_size(op->code, room) || op->skip > head->op_count - i - 1)
			return -EBADMSG;
		at += op->size;
	}
	plan->op_end = at;
	if (plan->size == at || plan->bytes[plan->size - 1] != '\0')
		return -EBADMSG;
	at = sizeof(*head);
	for (uint32_t i = 0; i < head->op_count; i++) {
		const struct op_head *op = (const void *)(plan->bytes + at);

		if (!fields_ok(plan, op))
			return -EBADMSG;
		at += op->size;
	}
	return 0;
}
