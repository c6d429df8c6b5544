// Decoding of the protocol's messages with every check a hostile sender calls for: sizes, counts,
// indexes, ids, text. What these functions return may be used without further checks.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/worker.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::symbolizer {

// All fail with Error::why in words.
Result<worker::Setup> decode_setup(std::span<const std::byte> bytes);
Result<worker::Hello> decode_hello(std::span<const std::byte> bytes);
Result<worker::Request> decode_request(std::span<const std::byte> bytes);
// `id`: the request's.
Result<worker::Handover> decode_handover(std::span<const std::byte> bytes, uint64_t id);

// A request for names, as far as it has been answered.
struct AskedNames {
  uint64_t id = 0;
  size_t offsets = 0; // that were asked for
  size_t missing = 0; // how many of them are still to come
  size_t files = 0;   // how many times it may still ask for files
};
// A reply that is not the last brings at least one address, or asks for files; the last brings the
// rest of them, unless it brings a failure. That no address comes twice is not looked at.
Result<worker::Reply> decode_reply(std::span<const std::byte> bytes, const AskedNames& asked);

// A reply to a request for unwind rows, by itself: whole arrays, valid rules, rows in every reply
// but the last, facts or a failure in the last alone. What holds between replies (ascending
// addresses, known rules) is the reader's.
Result<worker::RowReply> decode_row_reply(std::span<const std::byte> bytes, uint64_t id);

// A reply to a request for the list of symbols: clean names, sources below kMaxSymbolSources,
// symbols in every reply but the last, facts or a failure in the last alone.
Result<worker::SymbolReply> decode_symbol_reply(std::span<const std::byte> bytes, uint64_t id);

// `room`: bytes of the file that the index was to be made in.
Result<worker::IndexReply> decode_index_reply(std::span<const std::byte> bytes, uint64_t id,
                                              uint64_t room);

// The bytes of a message of ours.
std::vector<std::byte> encode(const google::protobuf::MessageLite& message);

} // namespace pprofd::symbolizer
