/*
 * Reads the lines of a tracer on stdin as fast as they come, and says on stdout how many calls of which process
 * they report. A line stands for one call, or for as many as its summary counts.
 *
 *	event PID CALLS LINES	all so far, whenever they have grown
 *	lost REASON COUNT	the same for what the tracer says that it lost
 *	ready			the tracer said that it is
 *
 * The first line of the tracer is told at once, later ones every 20 ms.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TELL_MS 20
#define BUFFER (1 << 20)
#define PROCESSES 4096
#define REASONS 32

#define PROCESS "\"process\":{\"pid\":"
#define SUMMARY "\"summary\":{"
#define LOST "\"type\":\"lost\""
#define REASON "\"reason\":\""
#define COUNT "\"count\":"
#define READY "ready"
/* bpftrace, in its own words */
#define LOST_TEXT "Lost "

static struct process {
	int pid, told;
	long long calls, lines;
} processes[PROCESSES];

static struct reason {
	char name[32];
	int told;
	long long count;
} reasons[REASONS];

/* The slot of a pid; the table is never full for long enough that it would matter which one is given up. */
static struct process *process_of(int pid)
{
	unsigned int start = pid % PROCESSES;

	for (unsigned int i = 0; i < PROCESSES; i++) {
		struct process *process = &processes[(start + i) % PROCESSES];

		if (process->pid == pid)
			return process;
		if (!process->pid) {
			process->pid = pid;
			return process;
		}
	}
	errx(1, "more than %d processes", PROCESSES);
}

static void lose(const char *name, size_t length, long long count)
{
	if (length >= sizeof(reasons[0].name))
		length = sizeof(reasons[0].name) - 1;
	for (int i = 0; i < REASONS; i++) {
		struct reason *reason = &reasons[i];

		if (!reason->name[0])
			memcpy(reason->name, name, length);
		else if (strlen(reason->name) != length || memcmp(reason->name, name, length))
			continue;
		reason->count += count;
		reason->told = 0;
		return;
	}
	errx(1, "more than %d reasons", REASONS);
}

static const char *behind(const char *from, const char *end, const char *sign)
{
	const char *at = memmem(from, end - from, sign, strlen(sign));

	return at ? at + strlen(sign) : NULL;
}

/* A line ends with a line feed, so that atoll() stops in it. */
static void count(const char *line, size_t length)
{
	const char *end = line + length, *at = behind(line, end, PROCESS), *reason, *number;

	if (at) {
		const char *summary = behind(line, end, SUMMARY);
		struct process *process = process_of(atoi(at));

		number = summary ? behind(summary, end, COUNT) : NULL;
		process->calls += number ? atoll(number) : 1;
		process->lines++;
		process->told = 0;
	} else if ((at = behind(line, end, LOST))) {
		reason = behind(at, end, REASON);
		number = behind(at, end, COUNT);
		if (reason && number)
			lose(reason, (char *)memchr(reason, '"', end - reason) - reason, atoll(number));
	} else if (length == strlen(READY) && !memcmp(line, READY, length)) {
		puts(READY);
	} else if (length > strlen(LOST_TEXT) && !memcmp(line, LOST_TEXT, strlen(LOST_TEXT))) {
		lose("buffer", strlen("buffer"), atoll(line + strlen(LOST_TEXT)));
	}
}

static void tell(void)
{
	for (int i = 0; i < PROCESSES; i++) {
		if (processes[i].pid && !processes[i].told)
			printf("event %d %lld %lld\n", processes[i].pid, processes[i].calls, processes[i].lines);
		processes[i].told = 1;
	}
	for (int i = 0; i < REASONS; i++) {
		if (reasons[i].name[0] && !reasons[i].told)
			printf("lost %s %lld\n", reasons[i].name, reasons[i].count);
		reasons[i].told = 1;
	}
	fflush(stdout);
}

static long long milliseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(void)
{
	static char buffer[BUFFER];
	struct pollfd stdin_poll = { .fd = 0, .events = POLLIN };
	long long told = 0;
	size_t used = 0;
	int news = 0;

	for (;;) {
		long long wait = news ? told + TELL_MS - milliseconds() : -1;
		ssize_t got;
		char *line, *end;

		if (news && wait <= 0) {
			tell();
			told = milliseconds();
			news = 0;
			continue;
		}
		if (!poll(&stdin_poll, 1, wait))
			continue;
		got = read(0, buffer + used, sizeof(buffer) - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += got;
		for (line = buffer; (end = memchr(line, '\n', buffer + used - line)); line = end + 1)
			count(line, end - line);
		used -= line - buffer;
		if (used == sizeof(buffer))
			errx(1, "a line is longer than %d bytes", BUFFER);
		memmove(buffer, line, used);
		news = 1;
	}
	tell();
	return 0;
}
