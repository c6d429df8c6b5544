#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <span>

#include "symbolizer/base/names_fault.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/protocol/unwind_tables.h"
#include "symbolizer/unwind/facts.h"

namespace pprofd::symbolizer {
namespace {

// Of the first text.
void add_frame(worker::Reply::Address& address) {
  for (const uint32_t number : {1U, 0U, 0U, 0U, 0U, 0U})
    address.add_frames(number);
}

// A reply that is right: one address with one frame.
worker::Reply good_reply() {
  worker::Reply reply;
  reply.set_id(7);
  reply.set_last(true);
  reply.set_build_id("\x01\x02");
  reply.add_texts("main");
  worker::Reply::Address& address = *reply.add_addresses();
  address.set_address(0x1000);
  add_frame(address);
  return reply;
}

std::string refusal(const worker::Reply& reply, size_t missing = 1) {
  const auto decoded = decode_reply(encode(reply), {.id = 7, .offsets = 2, .missing = missing});
  return decoded ? "" : decoded.error().why;
}

TEST(Reply, TheRightOnePasses) {
  EXPECT_EQ(refusal(good_reply()), "");
}

TEST(Reply, EachWrongOneIsRefused) {
  worker::Reply reply = good_reply();
  reply.set_id(8);
  EXPECT_EQ(refusal(reply), "a reply to another request");
  EXPECT_EQ(refusal(good_reply(), 0), "more addresses than asked for");
  EXPECT_EQ(refusal(good_reply(), 2), "addresses are missing");
  reply = good_reply();
  reply.set_failure("out of memory");
  EXPECT_EQ(refusal(reply, 2), "");
  reply.set_last(false);
  EXPECT_EQ(refusal(reply), "a result before the last reply");
  reply = good_reply();
  reply.set_last(false);
  reply.clear_build_id();
  reply.clear_addresses();
  EXPECT_EQ(refusal(reply), "a reply without addresses");
  reply = good_reply();
  reply.set_build_id(std::string(65, 'x'));
  EXPECT_EQ(refusal(reply), "a build id of 65 bytes");
  reply = good_reply();
  reply.set_failure("\x1b[31m");
  EXPECT_EQ(refusal(reply), "a failure that is no text");
  reply = good_reply();
  reply.set_names_fault(kNamesFaults);
  EXPECT_EQ(refusal(reply), "an unknown fault");
  reply = good_reply();
  reply.set_lines_fault(UINT32_MAX);
  EXPECT_EQ(refusal(reply), "an unknown fault");
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("\xff"), std::string(kMaxText + 1, 'x')}) {
    reply = good_reply();
    reply.set_texts(0, name);
    EXPECT_EQ(refusal(reply), "a text that is none");
  }
  for (const int place : {0, 1, 2}) {
    reply = good_reply();
    reply.mutable_addresses(0)->set_frames(place, 2);
    EXPECT_EQ(refusal(reply), "frames that are not whole or have no name") << place;
  }
  reply = good_reply();
  reply.mutable_addresses(0)->set_frames(0, 0);
  EXPECT_EQ(refusal(reply), "frames that are not whole or have no name");
  reply = good_reply();
  reply.mutable_addresses(0)->add_frames(0);
  EXPECT_EQ(refusal(reply), "frames that are not whole or have no name");
  reply = good_reply();
  for (size_t i = 0; i < kMaxInlineFrames; ++i)
    add_frame(*reply.mutable_addresses(0));
  EXPECT_EQ(refusal(reply), "frames that are not whole or have no name");
  reply = good_reply();
  reply.mutable_addresses(0)->set_index(2);
  EXPECT_EQ(refusal(reply), "an address that was not asked for");
}

// The last reply with one row.
worker::RowReply good_row_reply() {
  worker::RowReply reply;
  reply.set_id(7);
  reply.set_last(true);
  reply.set_addresses(std::string(4, '\0'));
  reply.set_rules(std::string(2, '\0'));
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.cfa_offset = 8;
  reply.set_new_rules(pack(std::span<const unwind_rule>(&rule, 1)));
  worker::RowReply::Facts& facts = *reply.mutable_facts();
  for (size_t i = 0; i < kFdeFaults; ++i)
    facts.add_malformed(0);
  facts.add_segments()->set_file_size(1);
  facts.mutable_go()->add_functions()->set_size(1);
  facts.add_notes("a note");
  return reply;
}

// Why the reply is refused after a change.
std::string row_refusal(const std::function<void(worker::RowReply&)>& change) {
  worker::RowReply reply = good_row_reply();
  change(reply);
  const auto decoded = decode_row_reply(encode(reply), 7);
  return decoded ? "" : decoded.error().why;
}

TEST(Reply, ThatAsksForAFileHasNothingElse) {
  worker::Reply wanted;
  wanted.set_id(7);
  wanted.mutable_wanted()->set_name("unit.dwo");
  const auto refusal_of = [&](const std::function<void(worker::Reply&)>& change, size_t files = 1) {
    worker::Reply reply = wanted;
    change(reply);
    const auto result =
        decode_reply(encode(reply), {.id = 7, .offsets = 2, .missing = 2, .files = files});
    return result ? "" : result.error().why;
  };
  using Reply = worker::Reply;
  EXPECT_EQ(refusal_of([](Reply&) {}), "");
  EXPECT_EQ(refusal_of([](Reply&) {}, 0), "more files asked for than there can be");
  const std::string beside = "a file asked for beside an answer";
  EXPECT_EQ(refusal_of([](Reply& r) { r.set_last(true); }), beside);
  EXPECT_EQ(refusal_of([](Reply& r) { r.add_texts("main"); }), beside);
  EXPECT_EQ(refusal_of([](Reply& r) { r.add_addresses(); }), beside);
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_links(); }), beside);
  const std::string no_text = "a file asked for whose name is no text";
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_wanted()->set_name("\n"); }), no_text);
  EXPECT_EQ(
      refusal_of([](Reply& r) { r.mutable_wanted()->set_folder(std::string(kMaxPath + 1, 'a')); }),
      no_text);
}

TEST(Handover, IsOfTheRequest) {
  worker::Handover handover;
  handover.set_id(7);
  EXPECT_TRUE(decode_handover(encode(handover), 7));
  EXPECT_EQ(decode_handover(encode(handover), 8).error().why, "files for another request");
}

TEST(RowReply, EachWrongOneIsRefused) {
  using Reply = worker::RowReply;
  EXPECT_EQ(row_refusal([](Reply&) {}), "");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_id(8); }), "a reply to another request");
  EXPECT_EQ(row_refusal([](Reply& r) { r.mutable_addresses()->pop_back(); }),
            "rows that are not whole");
  EXPECT_EQ(row_refusal([](Reply& r) { r.mutable_addresses()->append(4, 'x'); }),
            "rows that are not whole");
  EXPECT_EQ(row_refusal([](Reply& r) { r.mutable_new_rules()->push_back(0); }),
            "rows that are not whole");
  EXPECT_EQ(row_refusal([](Reply& r) { r.mutable_new_rules()->back() = 1; }),
            "an impossible unwind rule");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_machine(65536); }), "a machine that does not exist");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_base(UINT64_MAX); }), "rows beyond all addresses");
  EXPECT_EQ(row_refusal([](Reply& r) { r.clear_facts(); }), "facts in the wrong place");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_failure("x"); }), "facts in the wrong place");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_last(false); }), "facts in the wrong place");
  EXPECT_EQ(row_refusal([](Reply& r) {
              r.set_last(false);
              r.set_build_id("x");
            }),
            "a result before the last reply");
  EXPECT_EQ(row_refusal([](Reply& r) { r.set_build_id(std::string(65, 'x')); }),
            "a build id of 65 bytes");
  EXPECT_EQ(row_refusal([](Reply& r) {
              r.clear_facts();
              r.set_failure("\x1b");
            }),
            "a failure that is no text");
  EXPECT_EQ(row_refusal([](Reply& r) {
              r.Clear();
              r.set_id(7);
            }),
            "a reply without rows");
}

TEST(RowReply, WrongFactsAreRefused) {
  using Facts = worker::RowReply::Facts;
  const auto refusal_of = [](const std::function<void(Facts&)>& change) {
    return row_refusal([&](worker::RowReply& reply) { change(*reply.mutable_facts()); });
  };
  EXPECT_EQ(refusal_of([](Facts& f) { f.mutable_segments(0)->set_offset(UINT64_MAX); }),
            "impossible segments");
  EXPECT_EQ(refusal_of([](Facts& f) {
              for (size_t i = 0; i < kMaxCodeSegments; ++i)
                f.add_segments();
            }),
            "impossible segments");
  EXPECT_EQ(refusal_of(
                [](Facts& f) { f.mutable_go()->mutable_functions(0)->set_function(kGoFunctions); }),
            "impossible functions of Go");
  EXPECT_EQ(
      refusal_of([](Facts& f) { f.mutable_go()->mutable_functions(0)->set_start(UINT64_MAX); }),
      "impossible functions of Go");
  EXPECT_EQ(refusal_of([](Facts& f) { f.set_text_start(1); }), "code that ends before it starts");
  EXPECT_EQ(refusal_of([](Facts& f) { f.add_malformed(1); }), "counts of other faults");
  EXPECT_EQ(refusal_of([](Facts& f) { f.add_notes("\n"); }), "a note that is no text");
  EXPECT_EQ(refusal_of([](Facts& f) {
              for (size_t i = 0; i < kMaxNotes; ++i)
                f.add_notes("x");
            }),
            "a note that is no text");
}

TEST(SymbolReply, EachWrongOneIsRefused) {
  const auto refusal_of = [](const std::function<void(worker::SymbolReply&)>& change) {
    worker::SymbolReply reply;
    reply.set_id(7);
    reply.set_last(true);
    reply.mutable_facts()->add_sources()->set_name(".symtab");
    reply.add_symbols()->set_name("f");
    change(reply);
    const auto decoded = decode_symbol_reply(encode(reply), 7);
    return decoded ? "" : decoded.error().why;
  };
  using Reply = worker::SymbolReply;
  EXPECT_EQ(refusal_of([](Reply&) {}), "");
  EXPECT_EQ(refusal_of([](Reply& r) { r.set_id(8); }), "a reply to another request");
  EXPECT_EQ(refusal_of([](Reply& r) { r.clear_facts(); }), "facts in the wrong place");
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_symbols(0)->set_name("\x1b[2J"); }),
            "a symbol with a name that is no text");
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_symbols(0)->set_source(kMaxSymbolSources); }),
            "a symbol with a name that is no text");
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_facts()->mutable_sources(0)->set_name("\n"); }),
            "a source that is no text");
  EXPECT_EQ(refusal_of([](Reply& r) { r.mutable_facts()->add_notes("\n"); }),
            "a note that is no text");
  EXPECT_EQ(refusal_of([](Reply& r) {
              r.Clear();
              r.set_id(7);
            }),
            "a reply without symbols");
}

TEST(Request, CountsAndStylesAreBounded) {
  worker::Request request;
  request.set_id(1);
  for (size_t i = 0; i < kMaxOffsets; ++i)
    request.add_offsets(i);
  EXPECT_LE(encode(request).size(), kMaxPacket);
  EXPECT_TRUE(decode_request(encode(request)));
  request.add_offsets(1);
  EXPECT_EQ(decode_request(encode(request)).error().why, "too many offsets");
  request.clear_offsets();
  request.set_style(static_cast<worker::Style>(99));
  EXPECT_EQ(decode_request(encode(request)).error().why, "an unknown style");
}

TEST(Request, OffsetsOfAJitdumpHaveTimesAndOthersHaveNone) {
  worker::Request request;
  request.set_id(1);
  request.set_jit_dump(true);
  for (size_t i = 0; i < kMaxOffsets / 2; ++i) {
    request.add_offsets(UINT64_MAX);
    request.add_times(UINT64_MAX);
  }
  EXPECT_LE(encode(request).size(), kMaxPacket);
  EXPECT_TRUE(decode_request(encode(request)));
  request.add_times(1);
  EXPECT_EQ(decode_request(encode(request)).error().why, "times that are not the offsets'");
  request.clear_times();
  EXPECT_EQ(decode_request(encode(request)).error().why, "times that are not the offsets'");
  request.set_jit_dump(false);
  EXPECT_TRUE(decode_request(encode(request)));
}

TEST(Hello, VersionAndPartsAreBounded) {
  worker::Hello hello;
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "protocol version 0");
  hello.set_version(kProtocolVersion);
  for (size_t i = 0; i <= kMaxSandboxParts; ++i)
    hello.add_sandbox()->set_name("seccomp");
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "too many sandbox parts");
  hello.clear_sandbox();
  hello.add_sandbox()->set_detail("\n");
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "a sandbox part is no text");
}

TEST(AnyMessage, RandomBytesAreRefusedOrRight) {
  std::mt19937 random(1);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = encode(good_reply());
    for (int i = 0; i < 3; ++i)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    const auto reply = decode_reply(bytes, {.id = 7, .offsets = 1, .missing = 1});
    refused += !reply;
    static_cast<void>(decode_request(bytes));
    static_cast<void>(decode_hello(bytes));
    static_cast<void>(decode_setup(bytes));
    auto rows = encode(good_row_reply());
    rows[random() % rows.size()] = static_cast<std::byte>(random());
    static_cast<void>(decode_row_reply(rows, 7));
    if (reply) {
      for (const auto& address : reply->addresses()) {
        ASSERT_EQ(address.index(), 0U);
        for (int at = 0; at < address.frames_size(); at += kFrameNumbers)
          ASSERT_LE(address.frames(at), static_cast<uint32_t>(reply->texts_size()));
      }
    }
  }
  EXPECT_GT(refused, 10'000U);
}

} // namespace
} // namespace pprofd::symbolizer
