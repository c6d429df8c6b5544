#include "symbolizer/worker/worker_main.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

#include "symbolizer/protocol/channel.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/protocol/text.h"
#include "symbolizer/worker/sandbox.h"
#include "symbolizer/worker/service.h"

namespace pprofd::symbolizer {
namespace {

// Longer names stay mangled even where the stack could take them.
constexpr size_t kMaxMangledLength = 32 << 10;
// How long memory is kept that makes answers faster: there may be no more questions for long.
constexpr std::chrono::seconds kMemoryKept{2};

// Ends the process (SIGPROF) once it has computed for so long: a daemon that is gone cannot.
void limit_cpu(uint32_t milliseconds) {
  const itimerval timer{
      .it_interval = {},
      .it_value = {.tv_sec = milliseconds / 1000,
                   .tv_usec = static_cast<suseconds_t>(milliseconds % 1000) * 1000}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

// Large blocks go back to the kernel when they are freed.
void keep_heap_small() {
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
  ::mallopt(M_ARENA_MAX, 1);
}

size_t longest_mangled() {
  rlimit stack{};
  ::getrlimit(RLIMIT_STACK, &stack);
  return std::min<size_t>(stack.rlim_cur / kStackPerByte, kMaxMangledLength);
}

bool greet(Channel& channel, const worker::Setup& setup) {
  worker::Hello hello;
  hello.set_version(kProtocolVersion);
  for (const SandboxMeasure& measure : enter_sandbox({.memory_limit = setup.memory_limit(),
                                                      .socket = channel.fd(),
                                                      .background = setup.background()})) {
    worker::Hello::Part& part = *hello.add_sandbox();
    part.set_name(measure.name);
    part.set_applied(measure.applied);
    part.set_detail(measure.detail);
  }
  return channel.send(encode(hello), {}, Deadline::max()).has_value();
}

// What the daemon opens for a unit of the request's file.
std::vector<Fd> fetch(Channel& channel, uint64_t id, const dwarf::SplitReference& reference) {
  if (reference.folder.size() > kMaxPath || reference.name.size() > kMaxPath)
    return {};
  worker::Reply reply;
  reply.set_id(id);
  reply.mutable_wanted()->set_folder(clean_text(reference.folder));
  reply.mutable_wanted()->set_name(clean_text(reference.name));
  if (!channel.send(encode(reply), {}, Deadline::max()))
    return {};
  auto packet = channel.receive(/*descriptors=*/true, Deadline::max());
  if (!packet || !decode_handover(packet->bytes, id))
    return {};
  return std::move(packet->descriptors);
}

int serve(Channel& channel) {
  auto packet = channel.receive(/*descriptors=*/false, Deadline::max());
  if (!packet)
    return packet.error() == ChannelError::kClosed ? 0 : 1;
  const auto setup = decode_setup(packet->bytes);
  if (!setup || !greet(channel, *setup))
    return 1;

  Service service({.memory = setup->memory_limit(), .mangled_length = longest_mangled()});
  const Service::Send send = [&](const google::protobuf::MessageLite& reply) {
    return channel.send(encode(reply), {}, Deadline::max()).has_value();
  };
  Deadline release_at = Deadline::max();
  for (;;) {
    if (Deadline::clock::now() >= release_at) {
      service.release_memory();
      release_at = Deadline::max();
    }
    packet = channel.receive(/*descriptors=*/true, release_at);
    if (!packet && packet.error() == ChannelError::kDeadline)
      continue;
    if (!packet)
      return packet.error() == ChannelError::kClosed ? 0 : 1;
    const auto request = decode_request(packet->bytes);
    if (!request)
      return 1;
    limit_cpu(setup->cpu_milliseconds());
    service.answer(*request, packet->descriptors, send,
                   [&channel, id = request->id()](const dwarf::SplitReference& reference) {
                     return fetch(channel, id, reference);
                   });
    limit_cpu(0);
    packet->descriptors.clear();
    release_at = std::min(release_at, Deadline::clock::now() + kMemoryKept);
  }
}

} // namespace

int worker_main(int socket_fd) {
  ::prctl(PR_SET_NAME, kWorkerName);
  keep_heap_small();
  try {
    Channel channel{Fd(socket_fd)};
    return serve(channel);
  } catch (const std::exception&) {
    return 1;
  }
}

} // namespace pprofd::symbolizer
