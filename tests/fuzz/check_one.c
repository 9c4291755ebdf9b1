/* Beside dunc's own C, which knows no libc. */
#include "../../c/plan.h"

long check_one(unsigned char *bytes, uint32_t size);
long check_one(unsigned char *bytes, uint32_t size)
{
	struct plan plan = { .bytes = bytes, .size = size };

	return plan_check(&plan, ROOM_INIT);
}
