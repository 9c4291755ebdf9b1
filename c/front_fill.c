/* What differs from one container of a bundle to the next: id, time, incarnation, process. */
#include "front.h"

static void fill_digits(char *at, uint64_t number, int width)
{
	for (int i = width - 1; i >= 0; i--, number /= 10)
		at[i] = (char)('0' + number % 10);
}

/* RFC 3339 with milliseconds, as Date.toISOString() has it. Days to a date: the calendar repeats every 400 years. */
static void fill_created(char *ret)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	struct timespec_k now = { 0, 0 };
	uint64_t days, second, year, of_year, month;

	SYS(clock_gettime, 0 /* CLOCK_REALTIME */, &now);
	days = (uint64_t)now.seconds / 86400 + 719468; /* since 0000-03-01 */
	second = (uint64_t)now.seconds % 86400;
	year = days % 146097;
	year = (year - year / 1460 + year / 36524 - year / 146096) / 365;
	of_year = days % 146097 - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	year += days / 146097 * 400 + (month >= 10);
	memcpy(ret, form, sizeof(form));
	fill_digits(ret, year, 4);
	fill_digits(ret + 5, month < 10 ? month + 3 : month - 9, 2);
	fill_digits(ret + 8, of_year - (153 * month + 2) / 5 + 1, 2);
	fill_digits(ret + 11, second / 3600, 2);
	fill_digits(ret + 14, second / 60 % 60, 2);
	fill_digits(ret + 17, second % 60, 2);
	fill_digits(ret + 20, (uint64_t)now.nanoseconds / 1000000, 3);
}

static int fill_incarnation(char *ret)
{
	unsigned char random[16];

	if (SYS(getrandom, random, sizeof(random), 0) != sizeof(random))
		return 0;
	for (size_t i = 0; i < sizeof(random); i++) {
		ret[2 * i] = "0123456789abcdef"[random[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
	}
	return 1;
}

static const char *text_of(const struct fillings *fillings, uint32_t hole)
{
	return hole == HOLE_ID ? fillings->id : hole == HOLE_CREATED ? fillings->created :
	       hole == HOLE_INCARNATION ? fillings->incarnation : hole == HOLE_PID ? fillings->pid :
	       hole == HOLE_START_TIME ? fillings->start_time : NULL;
}

static uint32_t width_of(const struct kept_creation *kept, uint32_t hole)
{
	return hole == HOLE_ID ? kept->id_limit : hole == HOLE_CREATED ? 24 : hole == HOLE_INCARNATION ? 32 :
	       hole == HOLE_PID ? 10 : 16;
}

/* One hole. The rest of a string that a shorter text leaves room in moves up to it. */
static int fill_hole(struct kept_creation *kept, const struct fillings *fillings, const struct kept_patch *patch)
{
	char *bytes = (char *)kept, *at = bytes + patch->at;
	const uint32_t end = kept->head.size;
	const char *text = text_of(fillings, patch->hole);

	if (patch->at < sizeof(*kept) || patch->at > end - 8)
		return 0;
	if (patch->hole == HOLE_PID_NUMBER)
		return patch->at % 4 == 0 && (*(uint32_t *)(void *)at = (uint32_t)text_number(fillings->pid), 1);
	if (patch->hole == HOLE_START_TIME_NUMBER)
		return patch->at % 8 == 0 && (*(uint64_t *)(void *)at = fillings->start, 1);
	if (!text)
		return 0;
	const size_t width = width_of(kept, patch->hole), size = strlen(text);

	if (size > width || width > end - patch->at)
		return 0;
	memcpy(at, text, size);
	if (size < width)
		memmove(at + size, at + width, strlen(at + width) + 1);
	return 1;
}

int front_fill_holes(struct kept_creation *kept, const struct fillings *fillings, struct blob_ref patches)
{
	const struct kept_patch *patch = (const void *)((const char *)kept + patches.at);

	if (patches.size % sizeof(*patch))
		return 0;
	for (size_t i = 0; i < patches.size / sizeof(*patch); i++)
		if (!fill_hole(kept, fillings, patch + i))
			return 0;
	return 1;
}

int front_fill(struct fillings *ret)
{
	fill_created(ret->created);
	return fill_incarnation(ret->incarnation);
}
