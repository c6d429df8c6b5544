/* refuse RULE… -- COMMAND [ARG…]: runs COMMAND on a kernel that lacks something.
 *
 *   SYSCALL_NUMBER=ERRNO   this system call fails with this errno (a seccomp filter)
 *   helper=NUMBER          loading a BPF program that calls this helper fails with EINVAL, as on a
 *                          kernel that does not know the helper (bpf_loop is 181, Linux 5.17);
 *                          a supervisor reads the instructions of each program that is loaded
 *
 * Exit status: that of COMMAND, 128 + signal where it was killed, 125 where this tool failed. */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

enum { kMaxRules = 16, kMaxInstructions = 1 << 20 };

struct rules {
  int count;
  unsigned number[kMaxRules];
  unsigned error[kMaxRules];
  int helper; /* 0: none */
};

static void fail(const char* what) {
  fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
  exit(125);
}

/* Installs the filter in the calling process; returns the notification descriptor or -1. */
static int install_filter(const struct rules* rules) {
  struct sock_filter code[3 + 2 * (kMaxRules + 1) + 1];
  unsigned short n = 0;
  code[n++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < rules->count; ++i) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules->number[i], 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                             SECCOMP_RET_ERRNO | (rules->error[i] & 0xfff));
  }
  if (rules->helper != 0) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = n, .filter = code};
  const unsigned long flags = rules->helper != 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) { /* without CAP_SYS_ADMIN */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  }
  if (result < 0)
    fail("seccomp");
  return flags != 0 ? (int)result : -1;
}

static void send_descriptor(int socket, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(socket, &message, 0) != 1)
    fail("sendmsg");
}

static int receive_descriptor(int socket) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  char byte;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int fd = -1;
  if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static int read_memory(pid_t pid, uint64_t address, void* buffer, size_t size) {
  struct iovec local = {.iov_base = buffer, .iov_len = size};
  struct iovec remote = {.iov_base = (void*)(uintptr_t)address, .iov_len = size};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static int loads_program_with_helper(const struct seccomp_notif* request, int helper) {
  static struct bpf_insn instructions[kMaxInstructions];
  struct {
    uint32_t program_type;
    uint32_t count;
    uint64_t instructions;
  } attributes;
  if (request->data.args[0] != BPF_PROG_LOAD ||
      !read_memory((pid_t)request->pid, request->data.args[1], &attributes, sizeof attributes) ||
      attributes.count > kMaxInstructions ||
      !read_memory((pid_t)request->pid, attributes.instructions, instructions,
                   attributes.count * sizeof instructions[0]))
    return 0;
  for (uint32_t i = 0; i < attributes.count; ++i)
    if (instructions[i].code == (BPF_JMP | BPF_CALL) && instructions[i].src_reg == 0 &&
        instructions[i].imm == helper)
      return 1;
  return 0;
}

static void supervise(int listener, int helper) {
  struct pollfd waiting = {.fd = listener, .events = POLLIN};
  while (poll(&waiting, 1, -1) > 0 && (waiting.revents & POLLIN) != 0) {
    struct seccomp_notif request;
    memset(&request, 0, sizeof request);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0)
      continue;
    struct seccomp_notif_resp response = {.id = request.id};
    if (loads_program_with_helper(&request, helper))
      response.error = -EINVAL;
    else
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

static char** parse(char** argv, struct rules* rules) {
  char** argument = argv + 1;
  for (; *argument && strcmp(*argument, "--") != 0; ++argument) {
    char* equals = strchr(*argument, '=');
    if (!equals || rules->count == kMaxRules)
      return NULL;
    if (strncmp(*argument, "helper=", 7) == 0) {
      rules->helper = atoi(equals + 1);
    } else {
      rules->number[rules->count] = (unsigned)atoi(*argument);
      rules->error[rules->count++] = (unsigned)atoi(equals + 1);
    }
  }
  return *argument && argument[1] ? argument + 1 : NULL;
}

int main(int argc, char** argv) {
  (void)argc;
  struct rules rules = {0};
  char** command = parse(argv, &rules);
  if (!command) {
    fprintf(stderr, "usage: refuse RULE... -- COMMAND [ARG...]\n");
    return 125;
  }
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
    fail("socketpair");
  if (rules.helper == 0) {
    install_filter(&rules);
    execvp(command[0], command);
    fail(command[0]);
  }
  /* The supervisor is the child, so that COMMAND keeps this pid and its parent. */
  const pid_t supervisor = fork();
  if (supervisor < 0)
    fail("fork");
  if (supervisor == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    close(channel[0]);
    supervise(receive_descriptor(channel[1]), rules.helper);
    _exit(0);
  }
  close(channel[1]);
  const int listener = install_filter(&rules);
  send_descriptor(channel[0], listener);
  close(listener);
  execvp(command[0], command);
  fail(command[0]);
}
