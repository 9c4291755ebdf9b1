/* A walk below a root, a component at a time: what makes missing directories, and stands in for
 * openat2 where the kernel has none. No step follows a link by itself. */
#pragma once
#include "plan.h"

#define PATH_LIMIT 4096u
#define DEPTH_LIMIT 64

/* The descriptors of all parents are held, so that ".." never asks the tree. */
struct walk {
	int fds[DEPTH_LIMIT]; /* fds[0] is the root, not owned */
	int depth;
	int links;
	uint64_t resolve;            /* RESOLVE_*, as openat2(2) has them */
	char name[PATH_LIMIT];       /* the component that was last taken off the path */
	char path[2 * PATH_LIMIT];   /* what is still to be walked, from `at` on */
	size_t at;
};

long walk_start(struct walk *walk, int root, const char *path, uint64_t resolve);
void walk_end(struct walk *walk);
int walk_top(const struct walk *walk);

/* Take the next component off the path into `name`. 0 at its end; -errno. "." and ".." are walked here. */
long walk_next(struct walk *walk);
int walk_at_end(const struct walk *walk);

/* Go on into what `fd` is: a link's text takes the place of its name, all else is held. Takes `fd` over. */
long walk_into(struct walk *walk, long fd);

/* The name itself, never what a link of that name leads to. */
long open_component(int dir, const char *name);
