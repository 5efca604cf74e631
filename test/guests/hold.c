/*
 * hold: makes a procfs that is mounted nowhere and sends its descriptor through a socket to a child, which says its own pid
 * and the descriptor, and holds that until it is killed.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* include/uapi/linux/mount.h */
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6

static int make(void)
{
	int context = syscall(SYS_fsopen, "proc", 0), mount;

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "hidepid", "invisible", 0) ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	mount = syscall(SYS_fsmount, context, 0, 0);
	close(context);
	return mount;
}

/* The message that carries a descriptor, with room for it in `control`. */
static struct msghdr message(struct iovec *part, char *control, size_t size)
{
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = size };

	return m;
}

static int send_descriptor(int socket, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec part = { "", 1 };
	struct msghdr m = message(&part, control, sizeof(control));
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &m, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int socket)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr m = message(&part, control, sizeof(control));
	int fd = -1;

	if (recvmsg(socket, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

int main(void)
{
	int sockets[2], mount;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)) {
		perror("socketpair");
		return 1;
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mount = receive_descriptor(sockets[1]);
		if (mount < 0)
			return 1;
		printf("%d %d\n", getpid(), mount);
		fflush(stdout);
		for (;;)
			pause();
	}
	mount = make();
	if (mount < 0 || send_descriptor(sockets[0], mount)) {
		perror("a procfs");
		return 1;
	}
	close(mount);
	wait(NULL);
	return 0;
}
