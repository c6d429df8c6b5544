#include "symbolizer/worker/reply_writer.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kOverhead = 32; // of an address or a frame in a message, at most
constexpr size_t kTextOverhead = 8;
// Beside texts and addresses, the last reply has links of two paths.
constexpr size_t kReplyRoom = kMaxPacket - (16 << 10);

// Every text may have so much of a reply; more while there is room.
constexpr size_t kShare = 192;
static_assert(dwarf::DwarfLookup::kMaxFrames *
                  (kFrameTexts * (kShare + kTextOverhead) + kOverhead) <
              kReplyRoom);

// Cuts the texts of one address so that all fit into one reply.
class TextCutter {
public:
  explicit TextCutter(size_t frames)
      : texts_(frames * kFrameTexts),
        left_(kReplyRoom - kOverhead - frames * (kOverhead + kFrameTexts * kTextOverhead)) {}

  std::string cut(std::string_view text) {
    const size_t others = --texts_ * kShare;
    std::string taken = cut_text(clean_text(text), std::min(left_ - others, kMaxText));
    left_ -= taken.size();
    return taken;
  }

private:
  size_t texts_; // still to come
  size_t left_;
};

} // namespace

ReplyWriter::ReplyWriter(uint64_t id, Send send) : id_(id), send_(std::move(send)) {
  clear();
}

bool ReplyWriter::add(size_t index, ElfAddress address, const FoundNames& names) {
  const auto chain =
      names.frames.first(std::min<size_t>(names.frames.size(), dwarf::DwarfLookup::kMaxFrames));
  TextCutter cutter(chain.size());
  std::vector<std::pair<std::string_view, std::string>> added; // texts that the reply lacks
  size_t most = kOverhead + chain.size() * kOverhead;
  for (const dwarf::Frame& frame : chain)
    for (const std::string_view text : {frame.name, frame.system_name, frame.file})
      if (!text.empty() && !texts_.contains(text)) {
        added.emplace_back(text, cutter.cut(text));
        most += added.back().second.size() + kTextOverhead;
      }
  if (size_ + most > kReplyRoom && reply_.addresses_size() != 0)
    return flush() && add(index, address, names);
  size_ += most;
  for (auto& [text, cut] : added)
    add_text(text, std::move(cut));
  worker::Reply::Address& entry = *reply_.add_addresses();
  entry.set_index(static_cast<uint32_t>(index));
  entry.set_address(address.value);
  entry.set_function_start(names.start.value);
  for (const dwarf::Frame& frame : chain)
    add_frame(entry, frame);
  return true;
}

// Both may stand in one address's texts more than once.
void ReplyWriter::add_text(std::string_view text, std::string cut) {
  if (texts_.contains(text))
    return;
  reply_.add_texts(std::move(cut));
  texts_.emplace(kept_.keep(text), static_cast<uint32_t>(reply_.texts_size()));
}

void ReplyWriter::add_frame(worker::Reply::Address& entry, const dwarf::Frame& frame) const {
  const auto number = [&](std::string_view text) {
    return text.empty() ? 0 : texts_.find(text)->second;
  };
  entry.add_frames(number(frame.name));
  entry.add_frames(frame.system_name == frame.name ? 0 : number(frame.system_name));
  entry.add_frames(number(frame.file));
  entry.add_frames(frame.line);
  entry.add_frames(frame.column);
  entry.add_frames(frame.start_line);
}

void ReplyWriter::finish(std::span<const std::byte> build_id, const DebugLinks& links,
                         const std::string& failure) {
  worker::DebugLinks& told = *reply_.mutable_links();
  told.set_inside(links.inside);
  told.set_name(clean_text(links.name));
  told.set_crc(links.crc);
  told.set_supplementary(clean_text(links.supplementary));
  told.set_inflated(links.inflated);
  told.set_supplementary_id(links.supplementary_id.data(), links.supplementary_id.size());
  reply_.set_names_fault(static_cast<uint32_t>(names_fault_));
  reply_.set_lines_fault(static_cast<uint32_t>(lines_fault_));
  reply_.set_last(true);
  reply_.set_build_id(build_id.data(), build_id.size());
  reply_.set_failure(cut_text(clean_text(failure), kMaxFailure));
  send_(reply_);
}

void ReplyWriter::set_faults(NamesFault names, NamesFault lines) {
  names_fault_ = names;
  lines_fault_ = lines;
}

void ReplyWriter::refuse_index(const std::string& why) {
  reply_.set_index_refused(true);
  reply_.set_last(true);
  reply_.set_failure(cut_text(clean_text(why), kMaxFailure));
  send_(reply_);
}

bool ReplyWriter::flush() {
  const bool sent = send_(reply_);
  clear();
  return sent;
}

void ReplyWriter::clear() {
  reply_.Clear();
  reply_.set_id(id_);
  texts_.clear();
  kept_ = {};
  size_ = 0;
}

} // namespace pprofd::symbolizer
