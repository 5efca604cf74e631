/*
 * What lets a distribution's libbpf.a and libelf.a, which are compiled for executables (-fPIE), become part of a
 * shared object.
 */
#include <stdio.h>

#define LOCAL __attribute__((visibility("hidden")))

/*
 * libbpf.a reads the C library's `stderr` at a fixed distance, which only a symbol of the same object can have.
 * The linker's --wrap=stderr turns its references into these.
 */
extern FILE *__real_stderr;
LOCAL FILE *__wrap_stderr;

__attribute__((constructor)) static void set_stderr(void)
{
	__wrap_stderr = __real_stderr;
}

/*
 * The rest takes the place of elf_error.o, whose thread-local error number has the local-exec model that the
 * linker refuses in a shared object (R_X86_64_TPOFF32). These functions are all that elf_error.o defines, and a
 * member of an archive is left out when its symbols are there already. A message is reduced to its
 * number, ELF_E_* in libelf/libelfP.h.
 */
static __thread int last_error;
static __thread char message[32];

LOCAL void __libelf_seterrno(int value)
{
	last_error = value;
}

LOCAL int elf_errno(void)
{
	int value = last_error;

	last_error = 0;
	return value;
}

/* elf_errmsg(3): 0 asks for the last error if there is one, -1 for the last error in any case. */
LOCAL const char *elf_errmsg(int error)
{
	if (error == 0 && last_error == 0)
		return NULL;
	snprintf(message, sizeof(message), "libelf error %d", error > 0 ? error : last_error);
	return message;
}
