#include "symbolizer/protocol/messages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "symbolizer/base/names_fault.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"
#include "symbolizer/protocol/unwind_tables.h"
#include "symbolizer/unwind/facts.h"

namespace pprofd::symbolizer {
namespace {

template <typename T> Result<T> parse(std::span<const std::byte> bytes) {
  T message;
  if (bytes.size() > kMaxPacket ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail("", "not a message of the protocol");
  return message;
}

bool is_good_text(const std::string& text, size_t limit) {
  return text.size() <= limit && is_clean_text(text);
}

bool is_good(const worker::DebugLinks& links) {
  return is_good_text(links.name(), kMaxText) && is_good_text(links.supplementary(), kMaxText) &&
         links.supplementary_id().size() <= kMaxBuildId;
}

// Why a reply that asks for files is refused; empty: it is not.
std::string refuse_wanted(const worker::Reply& reply, size_t files) {
  if (files == 0)
    return "more files asked for than there can be";
  if (reply.last() || reply.texts_size() != 0 || reply.addresses_size() != 0 || reply.has_links())
    return "a file asked for beside an answer";
  if (!is_good_text(reply.wanted().folder(), kMaxPath) ||
      !is_good_text(reply.wanted().name(), kMaxPath))
    return "a file asked for whose name is no text";
  return {};
}

bool has_good_frames(const worker::Reply::Address& address, size_t texts) {
  const std::span numbers(address.frames().data(), static_cast<size_t>(address.frames_size()));
  if (numbers.size() % kFrameNumbers != 0 || numbers.size() / kFrameNumbers > kMaxInlineFrames)
    return false;
  for (size_t at = 0; at < numbers.size(); at += kFrameNumbers)
    if (numbers[at] == 0 || std::ranges::max(numbers.subspan(at, kFrameTexts)) > texts)
      return false;
  return true;
}

// Why a build id and failure of a last reply are refused; empty: they are not.
template <typename Reply> std::string refuse_result(const Reply& reply) {
  if (!reply.last() && (!reply.build_id().empty() || !reply.failure().empty()))
    return "a result before the last reply";
  if (reply.build_id().size() > kMaxBuildId)
    return "a build id of " + std::to_string(reply.build_id().size()) + " bytes";
  if (!is_good_text(reply.failure(), kMaxFailure))
    return "a failure that is no text";
  return {};
}

template <typename Facts> std::string refuse_notes(const Facts& facts) {
  const bool good = static_cast<size_t>(facts.notes_size()) <= kMaxNotes &&
                    std::ranges::all_of(facts.notes(), [](const auto& note) {
                      return is_good_text(note, kMaxFailure);
                    });
  return good ? "" : "a note that is no text";
}

std::string refuse_rows(const worker::RowReply& reply) {
  if (reply.addresses().size() % sizeof(uint32_t) != 0 ||
      reply.rules().size() % sizeof(uint16_t) != 0 ||
      reply.addresses().size() / sizeof(uint32_t) != reply.rules().size() / sizeof(uint16_t) ||
      reply.new_rules().size() % sizeof(unwind_rule) != 0)
    return "rows that are not whole";
  if (!reply.last() && reply.addresses().empty())
    return "a reply without rows";
  if (reply.machine() > UINT16_MAX)
    return "a machine that does not exist";
  if (reply.base() > UINT64_MAX - UINT32_MAX)
    return "rows beyond all addresses";
  std::vector<unwind_rule> rules;
  unpack(reply.new_rules(), rules);
  if (!std::ranges::all_of(rules, [](const unwind_rule& rule) { return is_valid(rule); }))
    return "an impossible unwind rule";
  return {};
}

bool is_good(const worker::RowReply::Segment& segment) {
  return is_valid(ElfSegment{.offset = segment.offset(),
                             .file_size = segment.file_size(),
                             .address = {segment.address()},
                             .memory_size = segment.memory_size(),
                             .executable = true});
}

bool is_good(const worker::RowReply::GoSymbol& symbol) {
  return symbol.function() < kGoFunctions && symbol.size() <= UINT64_MAX - symbol.start();
}

std::string refuse_facts(const worker::RowReply::Facts& facts) {
  if (static_cast<size_t>(facts.segments_size()) > kMaxCodeSegments ||
      !std::ranges::all_of(facts.segments(), [](const auto& each) { return is_good(each); }))
    return "impossible segments";
  if (static_cast<size_t>(facts.go().functions_size()) > kMaxGoFunctions ||
      !std::ranges::all_of(facts.go().functions(), [](const auto& each) { return is_good(each); }))
    return "impossible functions of Go";
  if (facts.text_start() > facts.text_end())
    return "code that ends before it starts";
  if (static_cast<size_t>(facts.malformed_size()) != kFdeFaults)
    return "counts of other faults";
  return refuse_notes(facts);
}

bool is_good(const worker::SymbolReply::Symbol& symbol) {
  return symbol.source() < kMaxSymbolSources && is_good_text(symbol.name(), kMaxText);
}

std::string refuse_symbols(const worker::SymbolReply& reply) {
  if (!reply.last() && reply.symbols().empty())
    return "a reply without symbols";
  if (!std::ranges::all_of(reply.symbols(), [](const auto& each) { return is_good(each); }))
    return "a symbol with a name that is no text";
  const auto& sources = reply.facts().sources();
  if (static_cast<size_t>(sources.size()) > kMaxSymbolSources ||
      !std::ranges::all_of(sources,
                           [](const auto& each) { return is_good_text(each.name(), kMaxFailure); }))
    return "a source that is no text";
  return refuse_notes(reply.facts());
}

// What all streams have in common; empty: nothing is wrong.
template <typename Reply> std::string refuse_stream(const Reply& reply, uint64_t id) {
  if (reply.id() != id)
    return "a reply to another request";
  if (std::string why = refuse_result(reply); !why.empty())
    return why;
  if (reply.has_facts() != (reply.last() && reply.failure().empty()))
    return "facts in the wrong place";
  return {};
}

} // namespace

Result<worker::Setup> decode_setup(std::span<const std::byte> bytes) {
  auto setup = parse<worker::Setup>(bytes);
  if (setup && setup->version() != kProtocolVersion)
    return fail("", "protocol version " + std::to_string(setup->version()));
  return setup;
}

Result<worker::Hello> decode_hello(std::span<const std::byte> bytes) {
  auto hello = parse<worker::Hello>(bytes);
  if (!hello)
    return hello;
  if (hello->version() != kProtocolVersion)
    return fail("", "protocol version " + std::to_string(hello->version()));
  if (static_cast<size_t>(hello->sandbox_size()) > kMaxSandboxParts)
    return fail("", "too many sandbox parts");
  for (const worker::Hello::Part& part : hello->sandbox())
    if (!is_good_text(part.name(), kMaxFailure) || !is_good_text(part.detail(), kMaxFailure))
      return fail("", "a sandbox part is no text");
  return hello;
}

Result<worker::Request> decode_request(std::span<const std::byte> bytes) {
  auto request = parse<worker::Request>(bytes);
  if (!request)
    return request;
  if (static_cast<size_t>(request->offsets_size()) > kMaxOffsets)
    return fail("", "too many offsets");
  if (request->times_size() != (request->jit_dump() ? request->offsets_size() : 0))
    return fail("", "times that are not the offsets'");
  if (!worker::Style_IsValid(request->style()))
    return fail("", "an unknown style");
  if (request->index_key().size() > kMaxKey)
    return fail("", "a key that is too long");
  return request;
}

Result<worker::Handover> decode_handover(std::span<const std::byte> bytes, uint64_t id) {
  auto handover = parse<worker::Handover>(bytes);
  if (handover && handover->id() != id)
    return fail("", "files for another request");
  return handover;
}

Result<worker::Reply> decode_reply(std::span<const std::byte> bytes, const AskedNames& asked) {
  auto reply = parse<worker::Reply>(bytes);
  if (!reply)
    return reply;
  if (reply->id() != asked.id)
    return fail("", "a reply to another request");
  const auto addresses = static_cast<size_t>(reply->addresses_size());
  if (addresses > asked.missing)
    return fail("", "more addresses than asked for");
  if (reply->has_wanted()) {
    if (std::string why = refuse_wanted(*reply, asked.files); !why.empty())
      return fail("", std::move(why));
  } else if (!reply->last() && addresses == 0) {
    return fail("", "a reply without addresses");
  }
  if (std::string why = refuse_result(*reply); !why.empty())
    return fail("", std::move(why));
  if (reply->last() && addresses < asked.missing && reply->failure().empty())
    return fail("", "addresses are missing");
  if (!std::ranges::all_of(reply->texts(), [](const std::string& text) {
        return !text.empty() && is_good_text(text, kMaxText);
      }))
    return fail("", "a text that is none");
  for (const worker::Reply::Address& address : reply->addresses()) {
    if (address.index() >= asked.offsets)
      return fail("", "an address that was not asked for");
    if (!has_good_frames(address, static_cast<size_t>(reply->texts_size())))
      return fail("", "frames that are not whole or have no name");
  }
  if (reply->names_fault() >= kNamesFaults || reply->lines_fault() >= kNamesFaults)
    return fail("", "an unknown fault");
  if (reply->index_refused() && reply->failure().empty())
    return fail("", "an index refused without a reason");
  if (!is_good(reply->links()))
    return fail("", "a link to debug information that is no text");
  return reply;
}

Result<worker::RowReply> decode_row_reply(std::span<const std::byte> bytes, uint64_t id) {
  auto reply = parse<worker::RowReply>(bytes);
  if (!reply)
    return reply;
  std::string why = refuse_stream(*reply, id);
  if (why.empty())
    why = refuse_rows(*reply);
  if (why.empty() && reply->has_facts())
    why = refuse_facts(reply->facts());
  if (!why.empty())
    return fail("", std::move(why));
  return reply;
}

Result<worker::SymbolReply> decode_symbol_reply(std::span<const std::byte> bytes, uint64_t id) {
  auto reply = parse<worker::SymbolReply>(bytes);
  if (!reply)
    return reply;
  std::string why = refuse_stream(*reply, id);
  if (why.empty())
    why = refuse_symbols(*reply);
  if (!why.empty())
    return fail("", std::move(why));
  return reply;
}

Result<worker::IndexReply> decode_index_reply(std::span<const std::byte> bytes, uint64_t id,
                                              uint64_t room) {
  auto reply = parse<worker::IndexReply>(bytes);
  if (!reply)
    return reply;
  if (reply->id() != id)
    return fail("", "a reply to another request");
  if (!is_good_text(reply->failure(), kMaxFailure))
    return fail("", "a failure that is no text");
  if (reply->size() > room || (reply->size() == 0) == reply->failure().empty())
    return fail("", "an index of an impossible size");
  return reply;
}

std::vector<std::byte> encode(const google::protobuf::MessageLite& message) {
  std::vector<std::byte> bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

} // namespace pprofd::symbolizer
