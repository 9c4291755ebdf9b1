/* The device program of a cgroup v2: loaded, and put in the place of what was attached before. */
#include "bpf.h"
#include "sys.h"
#include <linux/bpf.h>

#define PROGRAMS 64

static long bpf(int command, union bpf_attr *attr)
{
	return SYS(bpf, command, attr, sizeof(*attr));
}

static long load(const void *instructions, uint32_t count)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr = { 0 };

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)instructions;
	attr.insn_cnt = count;
	attr.license = (uint64_t)(uintptr_t)license;
	return bpf(BPF_PROG_LOAD, &attr);
}

static long query(int cgroup, uint32_t *ids, uint32_t *count)
{
	union bpf_attr attr = { 0 };
	long rc;

	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = *count;
	rc = bpf(BPF_PROG_QUERY, &attr);
	*count = rc ? 0 : attr.query.prog_cnt;
	return rc;
}

static long open_program(uint32_t id)
{
	union bpf_attr attr = { 0 };

	attr.prog_id = id;
	return bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static long attach(int cgroup, int program, int replaced)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

static long detach(int cgroup, int program)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr);
}

/* Only one old program can be replaced in one step; further ones are taken away afterwards, when the new
 * one is in force already: at no moment is more allowed than before or after. */
long attach_device_program(int cgroup, const void *instructions, uint32_t count)
{
	uint32_t ids[PROGRAMS], old = PROGRAMS;
	long program, first = -1, rc = query(cgroup, ids, &old);

	if (rc)
		return rc;
	program = load(instructions, count);
	if (program < 0)
		return program;
	if (old)
		first = open_program(ids[0]);
	rc = attach(cgroup, (int)program, (int)first);
	for (uint32_t i = 1; i < old && !rc; i++) {
		long other = open_program(ids[i]);

		if (other < 0)
			continue;
		rc = detach(cgroup, (int)other);
		SYS(close, other);
	}
	if (first >= 0)
		SYS(close, first);
	SYS(close, program);
	return rc;
}
