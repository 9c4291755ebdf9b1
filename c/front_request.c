/* The command lines that the first stage knows. Every other one is the engine's. */
#include "front.h"

const char *front_after_equals(const char *text, const char *flag)
{
	size_t size = strlen(flag);

	return !memcmp(text, flag, size < strlen(text) + 1 ? size : strlen(text) + 1) && text[size] == '=' ?
	       text + size + 1 : NULL;
}

static int has_equals(const char *text)
{
	while (*text && *text != '=')
		text++;
	return *text == '=';
}

/* `--flag VALUE` or `--flag=VALUE`; moves `*at` to the last word taken. */
static int takes(char **argv, int *at, const char *flag, const char **ret_value)
{
	const char *value = front_after_equals(argv[*at], flag);

	if (!value && text_same(argv[*at], flag) && argv[*at + 1])
		value = argv[++*at];
	if (!value)
		return 0;
	*ret_value = value;
	return 1;
}

#define NO_SIGNAL 255u

/* Numbers, and names as kill(1) has them. NO_SIGNAL: the engine knows better. */
static uint32_t parse_signal(const char *text)
{
	static const char names[] = "HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0PIPE\0ALRM\0TERM\0";
	uint32_t number = 0;

	if (text[0] == '-' && text[1] >= '0' && text[1] <= '9')
		text++;
	if (text[0] >= '0' && text[0] <= '9') {
		for (const char *c = text; *c; c++)
			if (*c < '0' || *c > '9')
				return NO_SIGNAL;
		return strlen(text) < 3 && text_number(text) <= 64 ? (uint32_t)text_number(text) : NO_SIGNAL;
	}
	if (!memcmp(text, "SIG", strlen(text) < 3 ? strlen(text) + 1 : 3))
		text += 3;
	for (const char *name = names; *name; name += strlen(name) + 1) {
		number++;
		if (text_same(name, text))
			return number;
	}
	return NO_SIGNAL;
}

/* The flags that a kept creation may have been made with; with any other one it is another creation. */
static int parse_creation(char **argv, int argc, int at, struct request *ret)
{
	for (; at < argc; at++) {
		if (argv[at][0] != '-') {
			if (ret->id)
				return 0;
			ret->id = argv[at];
		} else if (ret->kind == FRONT_RUN && (text_same(argv[at], "--detach") || text_same(argv[at], "-d"))) {
			ret->detach = 1;
		} else if (ret->kind == FRONT_RUN && text_same(argv[at], "--keep")) {
			ret->keep = 1;
		} else if (!takes(argv, &at, "--bundle", &ret->bundle) && !takes(argv, &at, "-b", &ret->bundle) &&
			   !takes(argv, &at, "--pid-file", &ret->pid_file)) {
			return 0;
		}
	}
	return ret->id && !(ret->pid_file && !*ret->pid_file);
}

/* `exec` has its id behind flags that front_exec.c reads: the first word that is none. */
static const char *exec_id(char **argv)
{
	for (; *argv; argv++) {
		if ((*argv)[0] != '-')
			return *argv;
		if (text_same(*argv, "-d") || text_same(*argv, "--detach") || text_same(*argv, "-t") ||
		    text_same(*argv, "--tty") || has_equals(*argv))
			continue;
		/* Every other flag that is known here has a value. */
		if (!*++argv)
			return NULL;
	}
	return NULL;
}

static int parse_verb(char **argv, int argc, int at, struct request *ret)
{
	const char *verb = argv[at++], *format = NULL;
	int force = 0;

	if (text_same(verb, "run") || text_same(verb, "create")) {
		ret->kind = text_same(verb, "run") ? FRONT_RUN : FRONT_CREATE;
		return parse_creation(argv, argc, at, ret);
	}

	ret->signal = NO_SIGNAL;
	if (text_same(verb, "exec")) {
		ret->kind = FRONT_EXEC;
		ret->exec_argv = argv + at;
		ret->id = exec_id(argv + at);
		return ret->id != NULL;
	}
	if (text_same(verb, "state"))
		ret->verb = KEPT_STATE;
	else if (text_same(verb, "start"))
		ret->verb = KEPT_START;
	else if (text_same(verb, "kill"))
		ret->verb = KEPT_KILL;
	else if (text_same(verb, "delete"))
		ret->verb = KEPT_DELETE;
	else if (text_same(verb, "pause"))
		ret->verb = KEPT_PAUSE;
	else if (text_same(verb, "resume"))
		ret->verb = KEPT_RESUME;
	else if (text_same(verb, "ps") && at < argc &&
		 (takes(argv, &at, "--format", &format) || takes(argv, &at, "-f", &format)) && text_same(format, "json"))
		ret->verb = KEPT_PS_JSON, at++;
	else
		return 0;
	for (; at < argc; at++) {
		if (ret->verb == KEPT_DELETE && (text_same(argv[at], "--force") || text_same(argv[at], "-f")))
			force = 1;
		else if (!ret->id && argv[at][0] != '-')
			ret->id = argv[at];
		else if (ret->id && ret->verb == KEPT_KILL && ret->signal == NO_SIGNAL)
			ret->signal = parse_signal(argv[at]);
		else
			return 0;
		if (ret->verb == KEPT_KILL && ret->id && argv[at] != ret->id && ret->signal == NO_SIGNAL)
			return 0;
	}
	if (force)
		ret->verb = KEPT_DELETE_FORCE;
	if (ret->signal == NO_SIGNAL)
		ret->signal = SIGTERM;
	return ret->id != NULL;
}

int front_parse_request(int argc, char **argv, struct request *ret)
{
	const char *format = "text";
	int systemd = 0;

	for (int at = 1; at < argc; at++) {
		/* What a container was made with is in its record: the flag matters to who makes one. */
		if (argv[at][0] != '-')
			return parse_verb(argv, argc, at, ret) &&
			       !(systemd && (ret->kind == FRONT_RUN || ret->kind == FRONT_CREATE));
		if (text_same(argv[at], "--systemd-cgroup")) {
			systemd = 1;
			continue;
		}
		if (!takes(argv, &at, "--root", &ret->root) && !takes(argv, &at, "--log", &ret->log) &&
		    !takes(argv, &at, "--log-format", &format))
			return 0;
		if (!text_same(format, "text") && !text_same(format, "json"))
			return 0;
	}
	return 0;
}
