#include "symbolizer/worker/service.h"

#include <malloc.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"
#include "symbolizer/unwind/rows.h"
#include "symbolizer/worker/index_maker.h"
#include "symbolizer/worker/name_finder.h"
#include "symbolizer/worker/reply_writer.h"
#include "symbolizer/worker/row_writer.h"
#include "symbolizer/worker/symbol_writer.h"

namespace pprofd::symbolizer {
namespace {

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

// The descriptors that the request announces, as far as they came.
DebugFds debug_files(const worker::Request& request, const Fd& file, std::span<const Fd> debug,
                     const FetchSplitFiles& fetch) {
  const auto take = [&](bool announced) {
    if (!announced || debug.empty())
      return -1;
    const int fd = debug.front().get();
    debug = debug.subspan(1);
    return fd;
  };
  DebugFds fds{.file = file.get()};
  fds.debug = take(request.debug_file());
  fds.supplementary = take(request.supplementary());
  fds.package = take(request.package());
  fds.scratch = take(request.scratch());
  if (request.split_files())
    fds.split_files = fetch;
  return fds;
}

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

// What a request asks for. Positions that are in no segment are answered here, without names.
struct AskedAddresses {
  std::vector<ElfAddress> addresses;
  std::vector<size_t> places; // theirs in the request
  size_t outside = 0;

  AskedAddresses(const worker::Request& request, const ElfImage& image, ReplyWriter& writer) {
    for (size_t i = 0; i < static_cast<size_t>(request.offsets_size()); ++i) {
      const uint64_t offset = request.offsets(static_cast<int>(i));
      const auto address =
          request.by_address() ? std::optional(ElfAddress{offset}) : image.translate({offset});
      if (address) {
        addresses.push_back(*address);
        places.push_back(i);
      } else {
        ++outside;
        writer.add(i, {offset}, {});
      }
    }
  }

  // What is wrong beside `why`.
  [[nodiscard]] std::string failure(std::string why) const {
    if (outside != 0)
      why += (why.empty() ? "" : "; ") + std::to_string(outside) +
             " positions in no segment of the file";
    return why;
  }
};

// A page's start below all code: a trampoline's row begins a byte before it.
ElfAddress base_of(const ElfImage& image) {
  constexpr uint64_t kPage = 4096;
  if (image.code().empty())
    return {};
  const uint64_t start = image.code().front().start.value;
  return {std::min((start == 0 ? 0 : start - 1) / kPage * kPage, UINT64_MAX - UINT32_MAX)};
}

// Names code of which its runtime has written what it is. `find`: (position in the request,
// address)
// -> its function, if any. Returns whether all were taken.
template <typename Find>
bool add_described(const worker::Request& request, Demangler& demangler, const Find& find,
                   ReplyWriter& writer) {
  for (size_t i = 0; i < static_cast<size_t>(request.offsets_size()); ++i) {
    const uint64_t address = request.offsets(static_cast<int>(i));
    const auto function = find(i, address);
    dwarf::Frame frame;
    if (function) {
      frame.name = demangler.readable(function->name);
      frame.system_name = function->name;
      if constexpr (requires { function->line; }) {
        frame.file = function->file;
        frame.line = function->line;
      }
    }
    if (!writer.add(i, {address},
                    {.start = {function ? function->start : 0},
                     .frames = std::span(&frame, function ? 1 : 0)}))
      return false;
  }
  return true;
}

} // namespace

Service::Service(const ServiceLimits& limits)
    : cache_(limits.memory, limits.mangled_length), mangled_length_(limits.mangled_length) {}

void Service::answer(const worker::Request& request, std::span<const Fd> files, const Send& send,
                     const FetchSplitFiles& fetch) {
  static const Fd kNone;
  const Fd& file = files.empty() ? kNone : files.front();
  if (request.has_rows())
    answer_rows(request, file, send);
  else if (request.has_symbols())
    answer_symbols(request, file, send);
  else if (request.perf_map())
    answer_by_perf_map(request, file, send);
  else if (request.jit_dump())
    answer_by_jit_dump(request, file, send);
  else if (request.make_index())
    make_index(request, file, files.empty() ? files : files.subspan(1), send);
  else if (!request.index_key().empty())
    answer_by_index(request, file, files.empty() ? kNone : files.back(), send);
  else
    answer_names(request, file,
                 debug_files(request, file, files.empty() ? files : files.subspan(1), fetch), send);
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
  writer.finish(*parsed.image, *parsed.symbols, parsed.why_nameless());
}

void Service::release_memory() const {
  cache_.release_pages();
  ::malloc_trim(0);
}

void Service::answer_names(const worker::Request& request, const Fd& file, const DebugFds& debug,
                           const Send& send) {
  ReplyWriter writer(request.id(), send);
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.set_faults(NamesFault::kDamaged, NamesFault::kDamaged);
    writer.finish({}, {}, source.error().why);
    return;
  }
  const NameStyle style = style_of(request.style());
  const ParsedFile& parsed =
      request.lines() ? cache_.get_lines(request.file(), *source, style, debug)
                      : cache_.get(request.file(), *source, /*names=*/!request.offsets().empty());
  if (!request.offsets().empty())
    writer.set_faults(parsed.names_fault(),
                      request.lines() ? parsed.lines_fault() : NamesFault::kNone);
  if (!parsed.image || !parsed.symbols || request.offsets().empty()) {
    writer.finish(parsed.image ? parsed.image->build_id() : std::span<const std::byte>(),
                  parsed.links, parsed.why_nameless());
    return;
  }
  NameFinder finder(parsed, request.lines(), *source, Demangler(style, mangled_length_));
  const AskedAddresses asked(request, *parsed.image, writer);
  finder.find_all(asked.addresses, [&](size_t index, const FoundNames& names) {
    writer.add(asked.places[index], asked.addresses[index], names);
  });
  writer.finish(parsed.image->build_id(), parsed.links, asked.failure(parsed.why_nameless()));
}

void Service::answer_by_index(const worker::Request& request, const Fd& file, const Fd& index,
                              const Send& send) {
  ReplyWriter writer(request.id(), send);
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.set_faults(NamesFault::kDamaged, NamesFault::kDamaged);
    writer.finish({}, {}, source.error().why);
    return;
  }
  const ParsedFile& parsed = cache_.get_index(request.file(), *source, style_of(request.style()),
                                              index.get(), request.index_key());
  if (!parsed.image || parsed.index == nullptr) {
    writer.refuse_index(parsed.image ? "its index is none, or damaged" : parsed.failure);
    return;
  }
  const AskedAddresses asked(request, *parsed.image, writer);
  for (size_t i = 0; i < asked.addresses.size(); ++i) {
    const auto names = parsed.index->find(asked.addresses[i]);
    if (!names) {
      writer.refuse_index("its index is damaged");
      return;
    }
    writer.add(asked.places[i], asked.addresses[i], *names);
  }
  writer.finish(parsed.image->build_id(), parsed.links, asked.failure(""));
}

void Service::make_index(const worker::Request& request, const Fd& file, std::span<const Fd> debug,
                         const Send& send) {
  worker::IndexReply reply;
  reply.set_id(request.id());
  auto made = [&]() -> Result<uint64_t> {
    auto room = debug.empty() ? std::nullopt : Scratch::open(debug.back().get());
    const auto source = ByteSource::of_file(file.get());
    if (!room || !source)
      return fail("", "there is nothing to make an index of, or in");
    const ParsedFile& parsed = cache_.get_lines(request.file(), *source, style_of(request.style()),
                                                debug_files(request, file, debug, {}));
    if (!parsed.debug_failure.empty())
      return fail("", parsed.debug_failure);
    try {
      return symbolizer::make_index(parsed, *source, room->take(room->size()), request.index_key());
    } catch (const std::bad_alloc&) {
      return fail("", "it needs more memory than the worker may use");
    }
  }();
  if (made)
    reply.set_size(*made);
  else
    reply.set_failure(cut_text(clean_text(made.error().why), kMaxFailure));
  send(reply);
}

void Service::answer_by_perf_map(const worker::Request& request, const Fd& file, const Send& send) {
  ReplyWriter writer(request.id(), send);
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.finish({}, {}, source.error().why);
    return;
  }
  const PerfMap& map = cache_.perf_map(request.file(), *source);
  Demangler demangler(style_of(request.style()), mangled_length_);
  const auto find = [&](size_t, uint64_t address) { return map.find(*source, address); };
  if (add_described(request, demangler, find, writer))
    writer.finish({}, {}, map.full() ? "the perf map has more functions than are read" : "");
}

void Service::answer_by_jit_dump(const worker::Request& request, const Fd& file, const Send& send) {
  ReplyWriter writer(request.id(), send);
  const auto source = ByteSource::of_file(file.get());
  if (!source) {
    writer.finish({}, {}, source.error().why);
    return;
  }
  const JitDump& dump = cache_.jit_dump(request.file(), *source);
  Demangler demangler(style_of(request.style()), mangled_length_);
  const auto find = [&](size_t i, uint64_t address) {
    return dump.find(*source, address, request.times(static_cast<int>(i)));
  };
  if (!add_described(request, demangler, find, writer))
    return;
  std::string why;
  if (dump.damaged())
    why = "the jitdump is damaged";
  else if (dump.full())
    why = "the jitdump has more functions than are read";
  writer.finish({}, {}, why);
}

} // namespace pprofd::symbolizer
