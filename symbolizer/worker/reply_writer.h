// Fills replies with addresses and their frames and sends each when it is full. A frame that is met
// often stands in each once. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>

#include "proto/worker.pb.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/debug_links.h"
#include "symbolizer/worker/name_finder.h"

namespace pprofd::symbolizer {

class ReplyWriter {
public:
  // False: nobody listens any more.
  using Send = std::function<bool(const worker::Reply&)>;

  // `id`: the request's.
  ReplyWriter(uint64_t id, Send send);

  // False: nobody listens any more. Texts are made clean, and cut where a reply has no room for all
  // of an address's.
  bool add(ElfAddress address, const FoundNames& names);
  void finish(std::span<const std::byte> build_id, const DebugLinks& links,
              const std::string& failure);

private:
  bool flush();
  void clear();

  uint64_t id_;
  Send send_;
  worker::Reply reply_;
  std::unordered_map<std::string, uint32_t> frames_; // indexes in reply_
  size_t size_ = 0;
};

} // namespace pprofd::symbolizer
