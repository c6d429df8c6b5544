#include "symbolizer/worker/reply_writer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kOverhead = 32; // of a frame or an address in a message, at most
// Beside frames and addresses, the last reply has links of two paths.
constexpr size_t kReplyRoom = kMaxPacket - (16 << 10);

// Every text may have so much of a reply; more while there is room.
constexpr size_t kShare = 192;
constexpr size_t kTexts = 3; // of a frame
static_assert(dwarf::DwarfLookup::kMaxFrames * (kTexts * kShare + 2 * kOverhead) < kReplyRoom);

// The frames of one address, which fit into one reply.
class ChainWriter {
public:
  explicit ChainWriter(size_t frames)
      : texts_(frames * kTexts), left_(kReplyRoom - kOverhead - frames * 2 * kOverhead) {}

  worker::Reply::Frame make(const dwarf::Frame& from) {
    worker::Reply::Frame frame;
    frame.set_function(take(from.name));
    std::string system_name = take(from.system_name);
    if (system_name != frame.function())
      frame.set_system_name(std::move(system_name));
    frame.set_file(take(from.file));
    frame.set_line(from.line);
    frame.set_column(from.column);
    frame.set_start_line(from.start_line);
    return frame;
  }

private:
  std::string take(std::string_view text) {
    const size_t others = --texts_ * kShare;
    std::string taken = cut_text(clean_text(text), std::min(left_ - others, kMaxText));
    left_ -= taken.size();
    return taken;
  }

  size_t texts_; // still to come
  size_t left_;
};

// What tells it from all others.
std::string key_of(const dwarf::Frame& frame) {
  const std::array<uint32_t, 3> numbers{frame.line, frame.column, frame.start_line};
  std::string key(reinterpret_cast<const char*>(numbers.data()), sizeof numbers);
  for (const std::string_view text : {frame.name, frame.system_name, frame.file})
    key.append(text).push_back('\0');
  return key;
}

// A frame of an address, and what it is in the reply where that does not have it yet.
struct NewFrame {
  std::string key;
  std::optional<worker::Reply::Frame> frame;
};

} // namespace

ReplyWriter::ReplyWriter(uint64_t id, Send send) : id_(id), send_(std::move(send)) {
  clear();
}

bool ReplyWriter::add(ElfAddress address, const FoundNames& names) {
  const auto chain =
      names.frames.first(std::min<size_t>(names.frames.size(), dwarf::DwarfLookup::kMaxFrames));
  ChainWriter writer(chain.size());
  std::vector<NewFrame> frames;
  size_t most = kOverhead;
  for (const dwarf::Frame& frame : chain) {
    NewFrame& added = frames.emplace_back(key_of(frame), std::nullopt);
    most += sizeof(uint32_t);
    if (frames_.contains(added.key))
      continue;
    added.frame = writer.make(frame);
    most += added.frame->ByteSizeLong() + kOverhead;
  }
  if (size_ + most > kReplyRoom && reply_.addresses_size() != 0)
    return flush() && add(address, names);
  size_ += most;
  worker::Reply::Address& entry = *reply_.add_addresses();
  entry.set_address(address.value);
  entry.set_function_start(names.start.value);
  for (auto& [key, frame] : frames) {
    const auto [place, is_new] = frames_.try_emplace(std::move(key), reply_.frames_size());
    if (is_new && frame)
      *reply_.add_frames() = std::move(*frame);
    entry.add_frames(place->second);
  }
  return true;
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
  reply_.set_last(true);
  reply_.set_build_id(build_id.data(), build_id.size());
  reply_.set_failure(cut_text(clean_text(failure), kMaxFailure));
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
  frames_.clear();
  size_ = 0;
}

} // namespace pprofd::symbolizer
