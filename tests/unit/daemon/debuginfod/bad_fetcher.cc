// A process that fetches as build ids tell it to, by their first two digits: as it should (f0, f1,
// missing: 00), or as one that has been taken over.
#include <unistd.h>

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "proto/debuginfod.pb.h"
#include "symbolizer/protocol/channel.h"

namespace {

using pprofd::debuginfod::FetchReply;
using pprofd::debuginfod::FetchRequest;
using pprofd::debuginfod::ServerAnswer;
using pprofd::symbolizer::Channel;
using pprofd::symbolizer::Deadline;

void send(Channel& channel, const std::string& bytes) {
  (void)channel.send(std::as_bytes(std::span(bytes)), {}, Deadline::max());
}

void answer(Channel& channel, const FetchRequest& request, int file) {
  const std::string kind = request.build_id().substr(0, 2);
  const std::string content = "content of " + request.build_id();
  FetchReply reply;
  reply.set_id(request.id());
  if (kind == "00") {
    for (int i = 0; i < request.servers_size(); ++i)
      reply.add_answers()->set_kind(ServerAnswer::MISSING);
  } else {
    (void)!::pwrite(file, content.data(), content.size(), 0);
    reply.add_answers()->set_kind(ServerAnswer::FOUND);
    reply.set_size(content.size());
  }
  if (kind == "01")
    reply.set_id(request.id() + 7);
  else if (kind == "02")
    ::_exit(1);
  else if (kind == "03")
    reply.set_size(request.most_bytes() + 1);
  else if (kind == "04")
    return send(channel, "\xff\xff\xff no message");
  else if (kind == "05")
    reply.clear_answers();
  else if (kind == "06")
    for (int i = 0; i < request.servers_size(); ++i)
      reply.add_answers();
  else if (kind == "07")
    reply.set_size(content.size() - 1);
  else if (kind == "08")
    reply.mutable_answers(0)->set_kind(ServerAnswer::FAILED);
  else if (kind == "09")
    return; // says nothing
  send(channel, reply.SerializeAsString());
}

} // namespace

int main() {
  Channel channel{pprofd::Fd(3)};
  std::vector<pprofd::symbolizer::Packet> kept; // descriptors stay open: nobody makes it close them
  for (;;) {
    auto packet = channel.receive(true, Deadline::max());
    FetchRequest request;
    if (!packet || packet->descriptors.size() != 1 ||
        !request.ParseFromArray(packet->bytes.data(), static_cast<int>(packet->bytes.size())))
      return 0;
    answer(channel, request, packet->descriptors.front().get());
    kept.push_back(std::move(*packet));
  }
}
