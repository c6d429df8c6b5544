// SQLite's C interface with owners and Results. One connection, one thread.
//
// Source: sqlite.org/c3ref.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "symbolizer/base/result.h"

namespace pprofd::serve {

// A statement that is prepared once and run many times. Positions of parameters begin at 1, those
// of columns at 0. Bound text and blobs must live until the statement is reset.
class Statement {
public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  Statement& bind(int position, int64_t value);
  Statement& bind(int position, uint64_t value) {
    return bind(position, static_cast<int64_t>(value));
  }
  Statement& bind(int position, std::string_view text);
  Statement& bind_blob(int position, std::string_view bytes);

  // Goes to the next row; false: there is none, and the statement is reset. Errors reset it too.
  Result<bool> step();
  // Runs a statement that has no rows.
  Result<void> run();
  void reset();

  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] uint64_t natural(int column) const {
    return static_cast<uint64_t>(integer(column));
  }
  // Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;

private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

enum class Access { kReadOnly, kReadWrite };

class Database {
public:
  // Creates the file where access is kReadWrite. The folder of the file must be writable in both
  // cases: readers share the index of the write-ahead log.
  static Result<Database> open(const std::string& path, Access access);

  // One or more statements without parameters.
  Result<void> execute(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row; 0 where there is none.
  Result<int64_t> number(std::string_view sql);

  [[nodiscard]] int64_t last_id() const { return sqlite3_last_insert_rowid(database_.get()); }
  // Rows that the last statement changed.
  [[nodiscard]] int changes() const { return sqlite3_changes(database_.get()); }
  // Whether the last failure says that the file is damaged or no database.
  [[nodiscard]] bool damaged() const;

private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Database(sqlite3* database) : database_(database) {}
  std::unexpected<Error> failed(const char* what) const;

  std::unique_ptr<sqlite3, Close> database_;
};

// What is read while it lives is of one commit. Nothing else of the connection's may be under way.
class ReadTransaction {
public:
  static Result<ReadTransaction> begin(Database& database);
  ReadTransaction(ReadTransaction&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)) {}
  ReadTransaction& operator=(ReadTransaction&&) = delete;
  ~ReadTransaction();

private:
  explicit ReadTransaction(Database& database) : database_(&database) {}
  Database* database_; // nullptr: moved from
};

} // namespace pprofd::serve
