/*
 * crowd PROCESSES CALLS: so many processes at once make so many mount(2) each, which fail. All strings of a call name it, so
 * that a record with parts of another's shows. Long strings make it likely that a process is interrupted in the middle
 * of its record.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH 3000

/* "/P/N" and then as many `x` as there is room for */
static void fill(char *text, size_t size, int process, int call)
{
	int length = snprintf(text, size, "/%d/%d/", process, call);

	memset(text + length, 'x', size - 1 - length);
	text[size - 1] = 0;
}

static void mounts(int process, int calls)
{
	static char source[LENGTH], data[LENGTH], type[200];

	for (int call = 0; call < calls; call++) {
		fill(source, sizeof(source), process, call);
		fill(type, sizeof(type), process, call);
		fill(data, sizeof(data), process, call);
		if (mount(source, "/", type, 0, data) == 0 || errno != ENODEV)
			_exit(1);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int processes, calls, status;

	if (argc != 3)
		return 2;
	processes = atoi(argv[1]);
	calls = atoi(argv[2]);
	for (int process = 0; process < processes; process++)
		if (fork() == 0)
			mounts(process, calls);
	while (processes-- > 0)
		if (wait(&status) < 0 || status != 0)
			return 1;
	return 0;
}
