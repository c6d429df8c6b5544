#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/profile/html/flame_graph_html.h"
#include "daemon/profile/utf8.h"
#include "daemon/serve/page/page_files.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kTemplate =
    "<title>@PPROFD-TITLE@</title><script type=json>@PPROFD-DATA@</script>end";

TEST(FillTemplate, TitleAndDataTakeTheirPlaces) {
  EXPECT_EQ(fill_template(kTemplate, "nginx (7)", "{}"),
            "<title>nginx (7)</title><script type=json>{}</script>end");
}

TEST(FillTemplate, NothingInTheDataEndsTheirElement) {
  const std::string html = fill_template(kTemplate, "", R"(["</script><script>","<!--","]]>&"])");
  EXPECT_THAT(
      html, HasSubstr(R"(["\u003c/script\u003e\u003cscript\u003e","\u003c!--","]]\u003e\u0026"])"));
}

TEST(FillTemplate, TheTitleIsText) {
  const std::string html = fill_template(kTemplate, "</title>\xff\"&\n", "");
  EXPECT_THAT(html, HasSubstr("<title>&#60;/title&#62;\xef\xbf\xbd&#34;&#38; </title>"));
}

TEST(FillTemplate, AGapInTheDataIsNotFilled) {
  EXPECT_EQ(fill_template("@PPROFD-DATA@|@PPROFD-TITLE@", "t", "\"@PPROFD-TITLE@\""),
            "\"@PPROFD-TITLE@\"|t");
}

class FlameGraphHtml : public testing::Test {
protected:
  void SetUp() override {
    if (!check_html())
      GTEST_SKIP() << why_no_page().why;
  }
};

TEST_F(FlameGraphHtml, HostileNamesStayInTheirStrings) {
  StackProfile p;
  p.stack({{"</script><script>alert(1)</script>"}, {"<!--\xe2\x80\xa8\xe2\x80\xa9"}, {"a\"\\\n"}},
          1);
  p.builder.add_comment("comm", "<b>");
  const auto html = profile_html(p.finish());
  ASSERT_TRUE(html);
  EXPECT_TRUE(is_utf8(*html));
  EXPECT_THAT(*html, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(*html,
              HasSubstr(R"("\u003c/script\u003e\u003cscript\u003ealert(1)\u003c/script\u003e")"));
  EXPECT_THAT(*html, HasSubstr(R"("\u003c!--\u2028\u2029")"));
  EXPECT_THAT(*html, HasSubstr(R"("a\"\\\u000a")"));
  EXPECT_THAT(*html, HasSubstr("<title>&#60;b&#62;, 2027-01-15 08:00:00 UTC, 10s</title>"));
}

TEST_F(FlameGraphHtml, NothingIsLoadedFromElsewhere) {
  const auto html = flame_graph_html(FlameGraphBuilder().finish(), "x");
  ASSERT_TRUE(html);
  EXPECT_THAT(*html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(*html, Not(HasSubstr(" src=")));
  EXPECT_THAT(*html, Not(HasSubstr("<link")));
}

TEST_F(FlameGraphHtml, ThePageHasItsFiles) {
  ASSERT_NE(find_page_file("/"), nullptr);
  EXPECT_EQ(find_page_file("/")->content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(find_page_file("/")->bytes.starts_with("<!doctype html>"));
  ASSERT_NE(find_page_file("/page.js"), nullptr);
  EXPECT_EQ(find_page_file("/page.js")->etag.size(), 34U);
  EXPECT_EQ(find_page_file("/../etc/passwd"), nullptr);
}

} // namespace
} // namespace pprofd
