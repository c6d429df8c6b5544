#include "daemon/serve/store/sqlite.h"

namespace pprofd::serve {
namespace {

constexpr int kBusyMilliseconds = 10'000; // readers never block the writer; a checkpoint may

std::unexpected<Error> failure_of(sqlite3* database, const char* what) {
  return fail(what, database == nullptr ? "out of memory" : sqlite3_errmsg(database));
}

} // namespace

Statement& Statement::bind(int position, int64_t value) {
  sqlite3_bind_int64(statement_.get(), position, value);
  return *this;
}

Statement& Statement::bind(int position, std::string_view text) {
  // A null pointer would be NULL, not the empty text.
  sqlite3_bind_text64(statement_.get(), position, text.data() == nullptr ? "" : text.data(),
                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int position, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), position, bytes.data() == nullptr ? "" : bytes.data(),
                      bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW)
    return true;
  if (status != SQLITE_DONE) {
    auto error = failure_of(sqlite3_db_handle(statement_.get()), "query the store's index");
    reset();
    return error;
  }
  reset();
  return false;
}

Result<void> Statement::run() {
  if (auto stepped = step(); !stepped)
    return std::unexpected(stepped.error());
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int length = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<size_t>(length));
}

Result<Database> Database::open(const std::string& path, Access access) {
  sqlite3* handle = nullptr;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (access == Access::kReadWrite)
    flags |= SQLITE_OPEN_CREATE;
  const int status = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (status != SQLITE_OK)
    return failure_of(handle, "open the store's index");
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  sqlite3_extended_result_codes(handle, 1);
  if (access == Access::kReadOnly)
    if (auto ok = database.execute("PRAGMA query_only = 1"); !ok)
      return std::unexpected(ok.error());
  return database;
}

std::unexpected<Error> Database::failed(const char* what) const {
  return failure_of(database_.get(), what);
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return failed("write the store's index");
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK)
    return failed("query the store's index");
  return Statement(statement);
}

Result<int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement)
    return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row)
    return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<ReadTransaction> ReadTransaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN"); !begun)
    return std::unexpected(begun.error());
  return ReadTransaction(database);
}

ReadTransaction::~ReadTransaction() {
  if (database_ != nullptr) [[maybe_unused]]
    auto ignored = database_->execute("ROLLBACK");
}

bool Database::damaged() const {
  const int primary = sqlite3_errcode(database_.get()) & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

} // namespace pprofd::serve
