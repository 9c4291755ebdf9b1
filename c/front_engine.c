/* The second stage is mapped from the same file, as execve would have done it. The engine then finds its
 * own data at the end of /proc/self/exe, as ever. */
#include "front.h"
#include "sys.h"
#include <linux/auxvec.h>

#define SEGMENTS 32
enum { MAPPING_FIXED = 0x10, MAPPING_NORESERVE = 0x4000, PROTECTION_EXEC = 4 };

struct image { uint64_t bias, entry, phdr, phnum; char loader[256]; };

/* Written by the build (scripts/build.ts): where the engine begins in this file. */
__attribute__((section(".payload"), used)) const volatile uint64_t payload_offset = 0x1122334455667788ull;

/* Where the program for an engine that is the plain `deno` begins, and its sizes: the entry module, then an archive
 * that it reads. 0 for an engine that `deno compile` made, which holds its own. */
__attribute__((section(".payload"), used)) const volatile uint64_t program_offset = 0x2233445566778899ull;
__attribute__((section(".payload"), used)) const volatile uint64_t entry_size = 0x33445566778899aaull;
__attribute__((section(".payload"), used)) const volatile uint64_t archive_size = 0x445566778899aabbull;

static uint64_t page_size = 4096;

static uint64_t page_down(uint64_t at)
{
	return at & ~(page_size - 1);
}

static uint64_t page_up(uint64_t at)
{
	return page_down(at + page_size - 1);
}

void front_die(const char *text, int code)
{
	SYS(write, 2, text, strlen(text));
	SYS(exit_group, code);
	__builtin_unreachable();
}

static long must(long rc, const char *text)
{
	if (rc < 0 && rc > -4096)
		front_die(text, 111);
	return rc;
}

static void read_exactly(int fd, void *to, uint64_t size, uint64_t at)
{
	for (uint64_t done = 0; done < size;) {
		long n = SYS(pread64, fd, (char *)to + done, size - done, at + done);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			front_die("dunc: this file is cut off (stripped or packed?)\n", 111);
		done += (uint64_t)n;
	}
}

static int protection(const Elf64_Phdr *segment)
{
	return (segment->p_flags & PF_R ? PROTECTION_READ : 0) | (segment->p_flags & PF_W ? PROTECTION_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROTECTION_EXEC : 0);
}

/* The file's part of a segment, then zeroes up to the end of its memory. */
static void map_segment(int fd, uint64_t at, uint64_t bias, const Elf64_Phdr *segment)
{
	uint64_t start = page_down(segment->p_vaddr), file_end = segment->p_vaddr + segment->p_filesz;
	uint64_t end = segment->p_vaddr + segment->p_memsz, zero = segment->p_filesz ? page_up(file_end) : start;

	if (segment->p_filesz)
		must(SYS(mmap, bias + start, zero - start, protection(segment), MAPPING_PRIVATE | MAPPING_FIXED, fd,
			 at + page_down(segment->p_offset)), "dunc: cannot map the engine\n");
	if (end <= file_end)
		return;
	if (segment->p_filesz && (segment->p_flags & PF_W))
		memset((void *)(bias + file_end), 0, zero - file_end);
	if (page_up(end) > zero)
		must(SYS(mmap, bias + zero, page_up(end) - zero, protection(segment),
			 MAPPING_PRIVATE | MAPPING_FIXED | MAPPING_ANONYMOUS, -1, 0), "dunc: cannot map the engine\n");
}

/* Room for the whole image, at an address that suits its largest alignment. */
static uint64_t reserve(uint64_t low, uint64_t high, uint64_t align)
{
	uint64_t size = high - low, room = size + (align > page_size ? align : 0);
	uint64_t at = (uint64_t)must(SYS(mmap, 0, room, 0, MAPPING_PRIVATE | MAPPING_ANONYMOUS | MAPPING_NORESERVE, -1, 0),
				     "dunc: no room for the engine\n");
	uint64_t want = align > page_size ? (at + align - 1) & ~(align - 1) : at;

	if (want > at)
		SYS(munmap, at, want - at);
	if (at + room > want + size)
		SYS(munmap, want + size, at + room - want - size);
	return want - low;
}

static void map_image(int fd, uint64_t at, struct image *ret)
{
	static Elf64_Phdr table[SEGMENTS];
	Elf64_Ehdr head;
	uint64_t low = ~0ull, high = 0, align = page_size;

	read_exactly(fd, &head, sizeof(head), at);
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_phnum > SEGMENTS || head.e_phentsize != sizeof(*table))
		front_die("dunc: no engine in this file\n", 111);
	read_exactly(fd, table, head.e_phnum * sizeof(*table), at + head.e_phoff);
	for (const Elf64_Phdr *p = table; p < table + head.e_phnum; p++) {
		if (p->p_type == PT_LOAD) {
			low = page_down(p->p_vaddr) < low ? page_down(p->p_vaddr) : low;
			high = page_up(p->p_vaddr + p->p_memsz) > high ? page_up(p->p_vaddr + p->p_memsz) : high;
			align = p->p_align > align ? p->p_align : align;
		}
		if (p->p_type == PT_INTERP && p->p_filesz <= sizeof(ret->loader))
			read_exactly(fd, ret->loader, p->p_filesz, at + p->p_offset);
	}
	ret->bias = reserve(low, high, align);
	for (const Elf64_Phdr *p = table; p < table + head.e_phnum; p++) {
		if (p->p_type == PT_LOAD)
			map_segment(fd, at, ret->bias, p);
		if (p->p_type == PT_PHDR)
			ret->phdr = ret->bias + p->p_vaddr;
		/* Without a PT_PHDR: the segment that holds the file's beginning holds the table too. */
		else if (!ret->phdr && p->p_type == PT_LOAD && !p->p_offset)
			ret->phdr = ret->bias + p->p_vaddr + head.e_phoff;
	}
	ret->entry = ret->bias + head.e_entry;
	ret->phnum = head.e_phnum;
}

static _Noreturn void jump(long *stack, uint64_t entry)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1"
			 : : "r"(stack), "r"(entry) : "memory", "rdx");
#elif defined(__aarch64__)
	__asm__ volatile("mov sp, %0\n\tmov x0, #0\n\tmov x29, #0\n\tbr %1" : : "r"(stack), "r"(entry) : "memory", "x0");
#endif
	__builtin_unreachable();
}

/* The engine opens its file by name, and would fail with many words of its own. */
static int is_deleted(void)
{
	static const char mark[] = " (deleted)";
	static char name[4096];
	long n = SYS(readlinkat, AT_FDCWD, "/proc/self/exe", name, sizeof(name));

	return n >= (long)sizeof(mark) && !memcmp(name + n - (sizeof(mark) - 1), mark, sizeof(mark) - 1);
}

static int part_memfd(int self, uint64_t at, uint64_t size)
{
	int fd = (int)must(SYS(memfd_create, "dunc.js", 1 /* MFD_CLOEXEC */), "dunc: no memory for the program\n");
	int64_t from = (int64_t)at;

	for (uint64_t done = 0; done < size;) {
		long n = must(SYS(sendfile, fd, self, &from, size - done), "dunc: no memory for the program\n");

		if (!n)
			front_die("dunc: this file is cut off (stripped or packed?)\n", 111);
		done += (uint64_t)n;
	}
	return fd;
}

static size_t count_words(char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

/* What `deno` is called with. It looks at nothing but the program: no cache, no configuration, no registry. */
static size_t deno_words(char *entry, char **ret)
{
	static char words[] = "run\0-A\0--no-config\0--no-lock\0--no-remote\0--no-npm\0--no-code-cache\0--ext=js\0";
	size_t n = 0;

	for (char *word = words; *word; word += strlen(word) + 1)
		ret[n++] = word;
	ret[n++] = entry;
	return n;
}

#define DENO_WORDS 9
#define DENO_ENVIRONMENT 2

/* A new beginning of the stack, with `deno run …` before our own arguments, in `room`. */
static long *deno_stack(long *stack, Elf64_auxv_t *auxv, char *entry, long *room)
{
	static char directory[] = "DENO_DIR=/dev/null/x", check[] = "DENO_NO_UPDATE_CHECK=1";
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1, **to = (char **)(room + 1);
	size_t variables = count_words(envp), entries = 0;

	*to++ = argv[0];
	to += deno_words(entry, to);
	memcpy(to, argv + 1, (size_t)stack[0] * sizeof(*to));
	to += stack[0];
	room[0] = stack[0] + DENO_WORDS;
	*to++ = directory;
	*to++ = check;
	memcpy(to, envp, (variables + 1) * sizeof(*to));
	to += variables + 1;
	while (auxv[entries++].a_type != AT_NULL)
		;
	memcpy(to, auxv, entries * sizeof(*auxv));
	return room;
}

/* The words and variables that are added, and those that were there. */
static size_t deno_room(long *stack, Elf64_auxv_t *auxv)
{
	Elf64_auxv_t *end = auxv;

	while ((end++)->a_type != AT_NULL)
		;
	return (size_t)((char *)end - (char *)stack) + (DENO_WORDS + DENO_ENVIRONMENT) * sizeof(long);
}

static _Noreturn void start_deno(int self, long *stack, Elf64_auxv_t *auxv, uint64_t loader)
{
	static char entry[40];
	size_t size = (deno_room(stack, auxv) + 31) & ~15ul;
	long *room = __builtin_alloca_with_align(size, 128);
	int fd = part_memfd(self, program_offset, entry_size);
	int archive = part_memfd(self, program_offset + entry_size, archive_size);
	size_t at = text_append(entry, sizeof(entry), 0, "/proc/self/fd/");

	/* The entry finds the archive at the number behind its own. */
	if (archive != fd + 1)
		must(SYS(dup3, archive, fd + 1, O_CLOEXEC), "dunc: no descriptor for the program\n");
	text_append_number(entry, sizeof(entry), at, (uint64_t)fd);
	SYS(close, self);
	jump(deno_stack(stack, auxv, entry, room), loader);
}

void front_start_engine(long *stack, Elf64_auxv_t *auxv)
{
	static struct image engine, loader;
	int self, file;

	for (Elf64_auxv_t *a = auxv; a->a_type != AT_NULL; a++)
		if (a->a_type == AT_PAGESZ)
			page_size = a->a_un.a_val;
	self = (int)must(SYS(openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0),
			 "dunc: cannot open its own file: is /proc mounted?\n");
	if (is_deleted())
		front_die("dunc: its own file has been deleted\n", 111);
	map_image(self, payload_offset, &engine);
	file = (int)must(SYS(openat, AT_FDCWD, engine.loader, O_RDONLY | O_CLOEXEC, 0),
			 "dunc: cannot open the dynamic loader: is glibc installed?\n");
	map_image(file, 0, &loader);
	SYS(close, file);
	for (Elf64_auxv_t *a = auxv; a->a_type != AT_NULL; a++) {
		if (a->a_type == AT_PHDR)
			a->a_un.a_val = engine.phdr;
		else if (a->a_type == AT_PHNUM)
			a->a_un.a_val = engine.phnum;
		else if (a->a_type == AT_ENTRY)
			a->a_un.a_val = engine.entry;
		else if (a->a_type == AT_BASE)
			a->a_un.a_val = loader.bias;
	}
	if (program_offset)
		start_deno(self, stack, auxv, loader.entry);
	SYS(close, self);
	jump(stack, loader.entry);
}
