/* Random arguments: numbers, descriptors, flags, and memory of each kind that a caller can point at. */
#pragma once

#include "entry.h"

#define PAGE 4096
#define PATH_MAX 4096
#define POINTERS 5
/* Where descriptors of one kind are. Those from CONTEXTS on are made by the calls, and replaced by later ones. */
#define PLACES 3
#define NAMESPACES 6
#define CONTEXTS 24
#define MOUNTS 32
#define PIDFDS 40
#define DESCRIPTORS 44
#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* What one thread of calls has for itself. */
struct worker {
	u64 seed;
	/* one for each argument that a call can point with */
	u8 memory[POINTERS][2 * PAGE + PAGE / 2];
	u8 stack[8 * PAGE] __attribute__((aligned(16)));
	/* of a child that shares this memory */
	u8 child_stack[4 * PAGE] __attribute__((aligned(16)));
	/* two pages, of which the second is not mapped */
	u8 border[2 * PAGE] __attribute__((aligned(PAGE)));
	/* still to be made, and of a child all that it was given */
	long calls, share;
	volatile u32 tid;
};

/* Descriptors of every kind; -1 where there is none. Threads share them, as they share the table behind them. */
static volatile int descriptors[DESCRIPTORS];
/* May not be read. */
static u8 forbidden[PAGE] __attribute__((aligned(PAGE)));

/* splitmix64 */
static u32 any(struct worker *w)
{
	u64 z = w->seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) >> 32;
}

static u32 below(struct worker *w, u32 limit)
{
	return any(w) % limit;
}

static int one_in(struct worker *w, u32 n)
{
	return below(w, n) == 0;
}

static u64 any64(struct worker *w)
{
	u64 high = any(w);

	return high << 32 | any(w);
}

#define PICK(w, array) ((array)[below(w, ELEMENTS(array))])

/* An int or u32 argument: sometimes the half of the register that the kernel does not look at is full of dirt. */
static long narrow(struct worker *w, u32 value)
{
	if (one_in(w, 24) && WIDE)
		return (long)((u64)any(w) << 32 | value);
	return (int)value;
}

/* Some of `flags`, often few, seldom a bit that is none of them. */
static u32 some_of(struct worker *w, const u32 *flags, u32 count)
{
	u32 word = 0;

	for (u32 more = below(w, 4); more > 0; more--)
		word |= flags[below(w, count)];
	if (one_in(w, 12))
		word |= 1u << below(w, 32);
	if (one_in(w, 100))
		word = any(w);
	return word;
}
#define SOME_OF(w, flags) some_of(w, flags, ELEMENTS(flags))

/* Mostly one between `from` and `to`, else any, seldom none at all. */
static long descriptor(struct worker *w, u32 from, u32 to)
{
	static const int odd[] = { -1, -2, 1000000, 0x7fffffff, (int)0x80000000 };

	if (one_in(w, 16))
		return narrow(w, PICK(w, odd));
	if (one_in(w, 4))
		return narrow(w, descriptors[below(w, DESCRIPTORS)]);
	return narrow(w, descriptors[from + below(w, to - from)]);
}

#define AT_FDCWD -100

static long directory(struct worker *w)
{
	return one_in(w, 3) ? descriptor(w, 0, PLACES) : narrow(w, AT_FDCWD);
}

/* Keeps a descriptor that a call made in place of an older one. */
static void keep(struct worker *w, u32 from, u32 to, long fd)
{
	u32 slot = from + below(w, to - from);

	if (fd < 0)
		return;
	if (descriptors[slot] >= 0)
		call(NR_close, descriptors[slot], 0, 0, 0, 0);
	descriptors[slot] = fd;
}

static u32 length(const char *text)
{
	u32 size = 0;

	while (text[size])
		size++;
	return size;
}

/* A pointer at nothing that can be read. */
static long bad_pointer(struct worker *w)
{
	static const long bad[] = {
		1, 0xfff, (int)0xfffff000,
#if WIDE
		(long)0xffffffff81000000UL, (long)0x8000000000000000UL, 0x7ffffffff000,
#endif
	};

	if (one_in(w, 3))
		return (long)forbidden + below(w, PAGE);
	if (one_in(w, 3))
		return (long)w->border + PAGE;
	return PICK(w, bad);
}

/* A copy of `text` in the memory of argument `slot`, which was written to and so is resident. */
static long copy(struct worker *w, u32 slot, const char *text)
{
	memcpy(w->memory[slot], text, length(text) + 1);
	return (long)w->memory[slot];
}

/* `size` bytes out of `set` and a NUL. */
static long filled(struct worker *w, u32 slot, u32 size, const char *set)
{
	u32 choices = length(set);

	for (u32 i = 0; i < size; i++)
		w->memory[slot][i] = set[below(w, choices)];
	w->memory[slot][size] = 0;
	return (long)w->memory[slot];
}

/* Around the limits: of what the kernel takes as a name (256), as a path (4096), and of a page. */
static const u32 lengths[] = { 1, 2, 17, 254, 255, 256, 257, 4000, 4094, 4095, 4096, 4097, 8192, 9000 };

/* Text that is none of those which mean something to the call. */
static long odd_text(struct worker *w, u32 slot)
{
	u32 size = one_in(w, 2) ? below(w, 40) : PICK(w, lengths);

	switch (below(w, 8)) {
	case 0:
		return bad_pointer(w);
	case 1:
		return 0;
	case 2:
		return copy(w, slot, "");
	case 3:
		return filled(w, slot, size, "/.");
	case 4:
		return filled(w, slot, size, "k");
	case 5:
		return filled(w, slot, size, "\x80\xbf\xc0\xc3\xe2\xed\xf0\xf4\xff");
	case 6:
		return filled(w, slot, size, "\x01\x07\x1b[]m\n\r\t\"\\ \x7f<>&'");
	default:
		/* up to the last byte before the hole, or into it */
		size = below(w, 32) + 1;
		memset(w->border + PAGE - size, 'b', size);
		if (one_in(w, 2))
			w->border[PAGE - 1] = 0;
		return (long)w->border + PAGE - size;
	}
}

static long text(struct worker *w, u32 slot, const char *const *texts, u32 count)
{
	return one_in(w, 6) ? odd_text(w, slot) : copy(w, slot, texts[below(w, count)]);
}
#define TEXT(w, slot, texts) text(w, slot, texts, ELEMENTS(texts))
