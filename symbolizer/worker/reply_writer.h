// Fills replies with addresses and their frames and sends each when it is full. A text that is met
// often stands in each once. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/worker.pb.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/debug_links.h"
#include "symbolizer/base/names_fault.h"
#include "symbolizer/base/text_pool.h"
#include "symbolizer/worker/found_names.h"

namespace pprofd::symbolizer {

class ReplyWriter {
public:
  // False: nobody listens any more.
  using Send = std::function<bool(const worker::Reply&)>;

  // `id`: the request's.
  ReplyWriter(uint64_t id, Send send);

  // False: nobody listens any more. Texts are made clean, and cut where a reply has no room for all
  // of an address's. `index`: of the address in the request. Each of the frames has a name.
  bool add(size_t index, ElfAddress address, const FoundNames& names);
  // What is missing is asked for anew, without the index, which is of no use.
  void refuse_index(const std::string& why);
  void finish(std::span<const std::byte> build_id, const DebugLinks& links,
              const std::string& failure);
  // Stands in the last reply; called before finish().
  void set_faults(NamesFault names, NamesFault lines);

private:
  void add_text(std::string_view text, std::string cut);
  void add_frame(worker::Reply::Address& entry, const dwarf::Frame& frame) const;
  bool flush();
  void clear();

  uint64_t id_;
  Send send_;
  worker::Reply reply_;
  TextPool kept_;                                        // what texts_ shows
  std::unordered_map<std::string_view, uint32_t> texts_; // as they came: their numbers in reply_
  size_t size_ = 0;
  NamesFault names_fault_ = NamesFault::kNone;
  NamesFault lines_fault_ = NamesFault::kNone;
};

} // namespace pprofd::symbolizer
