/*
 * What libseccomp makes of profiles, driven as runc drives it. Commands are lines on standard input:
 *
 *	resolve ARCH NAME		answers the number (int32)
 *	begin DEFAULT OPTIMIZE		a profile; numbers are hexadecimal
 *	machine ARCH			this architecture instead of the host's
 *	arch ARCH			one more
 *	rule ACTION NAME COUNT {INDEX OP A B}...
 *	end				answers rc (int32), length (uint32) and the program; rc is -ETIMEDOUT
 *					when libseccomp was still busy after a second
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf too_long;

static void give_up(int signal)
{
	(void)signal;
	siglongjmp(too_long, 1);
}

/* libseccomp 2.5.4 does not come back from some rules and some exports: a second of its time is enough. */
static void limit_time(void)
{
	const struct itimerval second = { .it_value = { .tv_sec = 1 } };

	if (setitimer(ITIMER_VIRTUAL, &second, NULL) != 0)
		abort();
}

static void fail(const char *what)
{
	fprintf(stderr, "oracle: %s\n", what);
	exit(1);
}

static int add_rule(scmp_filter_ctx filter, char *save)
{
	uint32_t action = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
	const char *name = strtok_r(NULL, " \n", &save);
	unsigned int count = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
	struct scmp_arg_cmp conditions[6];
	int number = seccomp_syscall_resolve_name(name);

	if (count > 6)
		fail("too many conditions");
	for (unsigned int i = 0; i < count; i++) {
		conditions[i].arg = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
		conditions[i].op = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
		conditions[i].datum_a = strtoull(strtok_r(NULL, " \n", &save), NULL, 16);
		conditions[i].datum_b = strtoull(strtok_r(NULL, " \n", &save), NULL, 16);
	}
	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, action, number, count, conditions);
}

static void answer(int32_t rc, scmp_filter_ctx filter)
{
	int fd = memfd_create("program", 0);
	uint32_t length = 0;
	char *program = NULL;

	if (fd < 0)
		fail("memfd_create");
	if (rc == 0)
		rc = seccomp_export_bpf(filter, fd);
	if (rc == 0) {
		length = lseek(fd, 0, SEEK_END);
		program = malloc(length);
		if (program == NULL || pread(fd, program, length, 0) != (ssize_t)length)
			fail("pread");
	}
	fwrite(&rc, sizeof(rc), 1, stdout);
	fwrite(&length, sizeof(length), 1, stdout);
	if (length > 0)
		fwrite(program, 1, length, stdout);
	free(program);
	close(fd);
}

int main(void)
{
	static char line[4096];
	static scmp_filter_ctx filter;
	static int rc;

	signal(SIGVTALRM, give_up);
	if (sigsetjmp(too_long, 1) != 0) {
		answer(-ETIMEDOUT, NULL);
		while (strncmp(line, "end", 3) != 0 && fgets(line, sizeof(line), stdin) != NULL)
			;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *save;
		const char *command = strtok_r(line, " \n", &save);

		if (command == NULL)
			continue;
		if (strcmp(command, "resolve") == 0) {
			uint32_t arch = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
			int32_t number = seccomp_syscall_resolve_name_arch(arch, strtok_r(NULL, " \n", &save));

			fwrite(&number, sizeof(number), 1, stdout);
		} else if (strcmp(command, "begin") == 0) {
			uint32_t action = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
			uint32_t optimize = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);

			limit_time();
			filter = seccomp_init(action);
			if (filter == NULL)
				fail("seccomp_init");
			rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
		} else if (strcmp(command, "machine") == 0) {
			uint32_t arch = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);

			if (arch != seccomp_arch_native() &&
			    (seccomp_arch_add(filter, arch) != 0 ||
			     seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) != 0))
				fail("machine");
		} else if (strcmp(command, "arch") == 0) {
			uint32_t arch = strtoul(strtok_r(NULL, " \n", &save), NULL, 16);
			int added = seccomp_arch_add(filter, arch);

			if (added != 0 && added != -EEXIST)
				fail("arch");
		} else if (strcmp(command, "rule") == 0) {
			int added = rc == 0 ? add_rule(filter, save) : 0;

			if (added != 0)
				rc = added;
		} else if (strcmp(command, "end") == 0) {
			answer(rc, filter);
			seccomp_release(filter);
			filter = NULL;
		} else {
			fail(command);
		}
	}
	return 0;
}
