// Rows and symbols as lines, written while they come from the worker. One thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/inspect/inspect.h"
#include "symbolizer/client/worker_client.h"
#include "symbolizer/unwind/row.h"

namespace pprofd {

// Collects text and hands it on in pieces of some size, until the sink fails.
class LineBuffer {
public:
  // `sink` must outlive this.
  explicit LineBuffer(const TextSink& sink) : sink_(&sink) {}

  // Where lines are appended; flush_if_full() after each.
  std::string& text() { return text_; }
  // False: the sink has failed, nothing more is taken.
  bool flush_if_full();
  // Hands on the rest. The sink's failure, now or before.
  Result<void> finish();

private:
  void flush();

  const TextSink* sink_;
  std::string text_;
  Result<void> done_;
};

// Turns the batches of one file into lines.
class RowLines {
public:
  explicit RowLines(LineBuffer& buffer) : buffer_(&buffer) {}
  // False as of LineBuffer.
  bool add(const symbolizer::RowBatch& batch);

private:
  LineBuffer* buffer_;
  std::vector<unwind_rule> rules_;    // the file's so far
  std::vector<symbolizer::Row> rows_; // of one batch
};

// Turns the symbols of one file into lines.
class SymbolLines {
public:
  // `sources` names the symbols' sources by index and must outlive this.
  SymbolLines(LineBuffer& buffer, const std::vector<symbolizer::SymbolSource>& sources)
      : buffer_(&buffer), sources_(&sources) {}
  bool add(const symbolizer::ListedSymbol& symbol);

private:
  LineBuffer* buffer_;
  const std::vector<symbolizer::SymbolSource>* sources_;
};

} // namespace pprofd
