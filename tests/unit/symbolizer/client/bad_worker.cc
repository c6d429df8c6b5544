// Workers as a hostile file could make them: the name of the program says how this one is bad.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "symbolizer/protocol/channel.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/worker/worker_main.h"

namespace {

using namespace pprofd::symbolizer;
namespace worker = pprofd::worker;

void send(Channel& channel, const google::protobuf::MessageLite& message) {
  static_cast<void>(channel.send(encode(message), -1, Deadline::max()));
}

void send_bytes(Channel& channel, const std::string& bytes) {
  static_cast<void>(
      channel.send(std::as_bytes(std::span(bytes.data(), bytes.size())), -1, Deadline::max()));
}

void greet(Channel& channel) {
  worker::Hello hello;
  hello.set_version(kProtocolVersion);
  send(channel, hello);
}

worker::Request receive(Channel& channel) {
  const auto packet = channel.receive(/*descriptors=*/true, Deadline::max());
  if (!packet)
    std::exit(0);
  return decode_request(packet->bytes).value();
}

// One address with one frame.
worker::Reply reply_to(const worker::Request& request, const std::string& function) {
  worker::Reply reply;
  reply.set_id(request.id());
  reply.set_last(true);
  reply.add_frames()->set_function(function);
  worker::Reply::Address& address = *reply.add_addresses();
  address.set_address(1);
  address.add_frames(0);
  return reply;
}

void wait_for_ever() {
  for (;;)
    ::pause();
}

using Behaviour = std::function<void(Channel&)>;

// What it does after the setup.
const std::map<std::string, Behaviour> kStarts = {
    {"exits", [](Channel&) { std::exit(3); }},
    {"never_greets", [](Channel&) { wait_for_ever(); }},
    {"greets_wrongly", [](Channel& channel) { send_bytes(channel, "\xff\xff\xff"); }},
};

// What it does with each request.
const std::map<std::string, std::function<void(Channel&, const worker::Request&)>> kAnswers = {
    {"garbage",
     [](Channel& channel, const worker::Request&) { send_bytes(channel, "no message at all"); }},
    {"too_large",
     [](Channel& channel, const worker::Request&) {
       send_bytes(channel, std::string(kMaxPacket + 1, 'x'));
     }},
    {"wrong_id",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply = reply_to(request, "main");
       reply.set_id(request.id() + 1);
       send(channel, reply);
     }},
    {"escape_sequence",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply = reply_to(request, "\x1b[31mred");
       *reply.add_addresses() = reply.addresses(0);
       send(channel, reply);
     }},
    {"too_many",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply = reply_to(request, "main");
       for (int i = 0; i < 10; ++i)
         *reply.add_addresses() = reply.addresses(0);
       send(channel, reply);
     }},
    {"endless",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply;
       reply.set_id(request.id());
       for (;;)
         send(channel, reply);
     }},
    {"half",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply = reply_to(request, "main");
       reply.set_last(false);
       send(channel, reply);
       std::exit(4);
     }},
    {"silent", [](Channel&, const worker::Request&) { wait_for_ever(); }},
    {"crashes",
     [](Channel&, const worker::Request&) {
       std::signal(SIGSEGV, SIG_DFL); // not the sanitizers' handler
       std::raise(SIGSEGV);
     }},
};

} // namespace

int main(int, char**) {
  const std::string how = std::filesystem::read_symlink("/proc/self/exe").filename();
  Channel channel{pprofd::Fd(kWorkerSocket)};
  static_cast<void>(channel.receive(/*descriptors=*/false, Deadline::max())); // the setup
  if (const auto start = kStarts.find(how); start != kStarts.end())
    start->second(channel);
  greet(channel);
  for (;;)
    kAnswers.at(how)(channel, receive(channel));
}
