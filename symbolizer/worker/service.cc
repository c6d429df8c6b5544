#include "symbolizer/worker/service.h"

#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"
#include "symbolizer/unwind/rows.h"
#include "symbolizer/worker/row_writer.h"
#include "symbolizer/worker/symbol_writer.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kOverhead = 32; // of a frame or an address in a message, at most
constexpr size_t kReplyRoom = kMaxPacket - (4 << 10);

NameStyle style_of(worker::Style style) {
  switch (style) {
  case worker::TEMPLATES:
    return NameStyle::kTemplates;
  case worker::SIMPLE:
    return NameStyle::kSimple;
  case worker::NONE:
    return NameStyle::kNone;
  default:
    return NameStyle::kFull;
  }
}

// Fills replies and sends each when it is full. A function that is hit often stands in each once.
class ReplyWriter {
public:
  ReplyWriter(uint64_t id, const Service::Send& send) : id_(id), send_(&send) { clear(); }

  // False: nobody listens any more.
  // `start`: of the function without a name, where there is no symbol.
  bool add(ElfAddress address, const std::optional<Symbol>& symbol, std::optional<ElfAddress> start,
           NameStyle style, size_t mangled_length) {
    worker::Reply::Frame frame;
    bool known = true;
    if (symbol) {
      known = frames_.contains({symbol->start.value, symbol->size});
      if (!known)
        frame = make_frame(*symbol, style, mangled_length);
      const size_t size = frame.function().size() + frame.system_name().size() + 2 * kOverhead;
      if (size_ + size > kReplyRoom && reply_.addresses_size() != 0) {
        if (!flush())
          return false;
        return add(address, symbol, start, style, mangled_length);
      }
      size_ += size;
    } else if (size_ + kOverhead > kReplyRoom && !flush()) {
      return false;
    }
    size_ += kOverhead;
    worker::Reply::Address& entry = *reply_.add_addresses();
    entry.set_address(address.value);
    if (!symbol) {
      entry.set_function_start(start.value_or(ElfAddress{}).value);
      return true;
    }
    entry.set_function_start(symbol->start.value);
    if (!known) {
      frames_[{symbol->start.value, symbol->size}] = static_cast<uint32_t>(reply_.frames_size());
      *reply_.add_frames() = std::move(frame);
    }
    entry.add_frames(frames_[{symbol->start.value, symbol->size}]);
    return true;
  }

  void finish(std::span<const std::byte> build_id, const std::string& failure) {
    reply_.set_last(true);
    reply_.set_build_id(build_id.data(), build_id.size());
    reply_.set_failure(cut_text(clean_text(failure), kMaxFailure));
    (*send_)(reply_);
  }

private:
  static worker::Reply::Frame make_frame(const Symbol& symbol, NameStyle style,
                                         size_t mangled_length) {
    worker::Reply::Frame frame;
    frame.set_function(
        cut_text(clean_text(demangle(symbol.name, style, mangled_length)), kMaxText));
    std::string system_name = cut_text(clean_text(symbol.name), kMaxText);
    if (system_name != frame.function())
      frame.set_system_name(std::move(system_name));
    return frame;
  }

  bool flush() {
    const bool sent = (*send_)(reply_);
    clear();
    return sent;
  }

  void clear() {
    reply_.Clear();
    reply_.set_id(id_);
    frames_.clear();
    size_ = 0;
  }

  uint64_t id_;
  const Service::Send* send_;
  worker::Reply reply_;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> frames_; // by the function's start and size
  size_t size_ = 0;
};

// The last reply, where there is no answer or only a part of one.
template <typename Reply>
void send_failure(const worker::Request& request, std::span<const std::byte> build_id,
                  const std::string& failure, const Service::Send& send) {
  Reply reply;
  reply.set_id(request.id());
  reply.set_last(true);
  reply.set_build_id(build_id.data(), build_id.size());
  reply.set_failure(cut_text(clean_text(failure), kMaxFailure));
  send(reply);
}

// A page's start below all code: a trampoline's row begins a byte before it.
ElfAddress base_of(const ElfImage& image) {
  constexpr uint64_t kPage = 4096;
  if (image.code().empty())
    return {};
  const uint64_t start = image.code().front().start.value;
  return {std::min((start == 0 ? 0 : start - 1) / kPage * kPage, UINT64_MAX - UINT32_MAX)};
}

} // namespace

Service::Service(const ServiceLimits& limits)
    : cache_(limits.memory), mangled_length_(limits.mangled_length) {}

void Service::answer(const worker::Request& request, const Fd& file, const Send& send) {
  if (request.has_rows())
    answer_rows(request, file, send);
  else if (request.has_symbols())
    answer_symbols(request, file, send);
  else if (request.perf_map())
    answer_by_perf_map(request, file, send);
  else
    answer_names(request, file, send);
}

// The image is read anew: the cached one may have lost its sections.
void Service::answer_rows(const worker::Request& request, const Fd& file, const Send& send) {
  cache_.make_room();
  const auto source = ByteSource::of_file(file.get());
  const auto image = source ? ElfImage::open(*source) : std::unexpected(source.error());
  if (!image) {
    send_failure<worker::RowReply>(request, {}, text_of(image.error()), send);
    return;
  }
  const RowWriter::Send send_rows = [&](const worker::RowReply& reply) { return send(reply); };
  RowWriter writer(request.id(), image->machine(), base_of(*image), send_rows);
  std::string failure;
  try {
    auto facts = compile_rows(*source, *image,
                              {.merge_pairs = request.rows().merge_pairs(),
                               .padding = request.rows().padding(),
                               .beyond_cfi = request.rows().beyond_cfi()},
                              [&](std::span<const Row> rows) { writer.add(rows); });
    if (facts)
      writer.finish(*image, std::move(*facts));
    else
      failure = text_of(facts.error());
  } catch (const std::bad_alloc&) {
    failure = "its unwind rows need more memory than the worker may use";
  }
  if (!failure.empty())
    send_failure<worker::RowReply>(request, image->build_id(), failure, send);
}

void Service::answer_symbols(const worker::Request& request, const Fd& file, const Send& send) {
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    send_failure<worker::SymbolReply>(request, {}, source.error().why, send);
    return;
  }
  const ParsedFile& parsed = cache_.get(request.file(), *source, /*names=*/true);
  if (!parsed.image || !parsed.symbols) {
    send_failure<worker::SymbolReply>(request, {}, parsed.failure, send);
    return;
  }
  const SymbolWriter::Send send_symbols = [&](const worker::SymbolReply& reply) {
    return send(reply);
  };
  SymbolWriter writer(request.id(), style_of(request.style()), mangled_length_, send_symbols);
  SymbolTable::Reader reader(*parsed.symbols, *source);
  const size_t count = request.symbols().list() ? parsed.symbols->size() : 0;
  for (size_t i = 0; i < count; ++i)
    if (const auto symbol = reader.at(i); symbol && !writer.add(*symbol))
      return;
  writer.finish(*parsed.image, *parsed.symbols, parsed.failure);
}

void Service::answer_names(const worker::Request& request, const Fd& file, const Send& send) {
  ReplyWriter writer(request.id(), send);
  auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.finish({}, source.error().why);
    return;
  }
  const ParsedFile& parsed = cache_.get(request.file(), *source, request.offsets_size() != 0);
  if (!parsed.image) {
    writer.finish({}, parsed.failure);
    return;
  }

  std::optional<SymbolTable::Reader> reader;
  if (parsed.symbols)
    reader.emplace(*parsed.symbols, *source);
  size_t outside = 0;
  for (const uint64_t offset : request.offsets()) {
    const auto address = parsed.image->translate({offset});
    outside += !address;
    const auto symbol = address && reader ? reader->find(*address) : std::nullopt;
    const auto start = address && !symbol ? parsed.starts.at(*address) : std::nullopt;
    if (!writer.add(address.value_or(ElfAddress{offset}), symbol, start, style_of(request.style()),
                    mangled_length_))
      return;
  }
  std::string failure = parsed.failure;
  if (outside != 0)
    failure += (failure.empty() ? "" : "; ") + std::to_string(outside) +
               " positions in no segment of the file";
  writer.finish(parsed.image->build_id(), failure);
}

void Service::answer_by_perf_map(const worker::Request& request, const Fd& file, const Send& send) {
  ReplyWriter writer(request.id(), send);
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.finish({}, source.error().why);
    return;
  }
  const PerfMap& map = cache_.perf_map(request.file(), *source);
  for (const uint64_t address : request.offsets()) {
    std::optional<Symbol> symbol;
    if (auto function = map.find(*source, address))
      symbol = {.start = {function->start}, .name = std::move(function->name)};
    if (!writer.add({address}, symbol, {}, style_of(request.style()), mangled_length_))
      return;
  }
  writer.finish({}, map.full() ? "the perf map has more functions than are read" : "");
}

} // namespace pprofd::symbolizer
