// Workers as a hostile file could make them: the name of the program says how this one is bad.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/protocol/channel.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/protocol/unwind_tables.h"
#include "symbolizer/worker/worker_main.h"

namespace {

using namespace pprofd::symbolizer;
namespace worker = pprofd::worker;

void send(Channel& channel, const google::protobuf::MessageLite& message) {
  static_cast<void>(channel.send(encode(message), {}, Deadline::max()));
}

void send_bytes(Channel& channel, const std::string& bytes) {
  static_cast<void>(
      channel.send(std::as_bytes(std::span(bytes.data(), bytes.size())), {}, Deadline::max()));
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
  reply.add_texts(function);
  worker::Reply::Address& address = *reply.add_addresses();
  address.set_address(1);
  for (const uint32_t number : {1U, 0U, 0U, 0U, 0U, 0U})
    address.add_frames(number);
  return reply;
}

// `count` rows from `address` on, of new rules that differ from all before, or of rule 0.
worker::RowReply rows_from(const worker::Request& request, uint32_t address, uint32_t count,
                           bool new_rules) {
  std::vector<uint32_t> addresses(count);
  std::ranges::copy(std::views::iota(address, address + count), addresses.begin());
  std::vector<uint16_t> rules(count);
  std::vector<unwind_rule> added(new_rules ? count : address == 0 ? 1 : 0);
  for (uint32_t i = 0; i < added.size(); ++i) {
    added[i].cfa = UNWIND_CFA_SP;
    added[i].cfa_offset = static_cast<int32_t>(address + i);
  }
  worker::RowReply reply;
  reply.set_id(request.id());
  reply.set_base(0x1000);
  reply.set_addresses(pack(std::span<const uint32_t>(addresses)));
  reply.set_rules(pack(std::span<const uint16_t>(rules)));
  reply.set_new_rules(pack(std::span<const unwind_rule>(added)));
  return reply;
}

void send_rows_for_ever(Channel& channel, const worker::Request& request, uint32_t count,
                        bool new_rules) {
  for (uint32_t address = 0;; address += count)
    send(channel, rows_from(request, address, count, new_rules));
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
    {"rows_descend",
     [](Channel& channel, const worker::Request& request) {
       send(channel, rows_from(request, 0, 100, false));
       worker::RowReply reply = rows_from(request, 99, 1, false);
       send(channel, reply);
     }},
    {"rows_endless",
     [](Channel& channel, const worker::Request& request) {
       send_rows_for_ever(channel, request, 30'000, false);
     }},
    {"rules_endless",
     [](Channel& channel, const worker::Request& request) {
       send_rows_for_ever(channel, request, 6'000, true);
     }},
    {"rows_of_no_rule",
     [](Channel& channel, const worker::Request& request) {
       send(channel, rows_from(request, 5, 1, false));
     }},
    {"rows_half",
     [](Channel& channel, const worker::Request& request) {
       send(channel, rows_from(request, 0, 100, false));
       std::exit(5);
     }},
    {"wants_files_for_ever",
     [](Channel& channel, const worker::Request& request) {
       worker::Reply reply;
       reply.set_id(request.id());
       reply.mutable_wanted()->set_name("unit.dwo");
       for (;;) {
         send(channel, reply);
         static_cast<void>(channel.receive(/*descriptors=*/true, Deadline::max()));
       }
     }},
    {"crashes_on_lines",
     [](Channel& channel, const worker::Request& request) {
       if (request.lines())
         std::exit(6);
       send(channel, reply_to(request, "main"));
     }},
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
