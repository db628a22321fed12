#include "io/report/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "io/base/file.h"
#include "io/report/html.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Every opened element is closed in order; the void elements of HTML need no end.
bool balanced(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.ends_with("/")) continue;
    const std::string name = tag.substr(0, tag.find(' '));
    if (name == "meta" || name == "img") continue;
    if (!name.starts_with("/")) {
      open.push_back(name);
    } else if (open.empty() || "/" + open.back() != name) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

Chart simple_chart() {
  Chart chart;
  chart.title = "Losses";
  chart.x_label = "step";
  chart.y_label = "loss";
  chart.series = {{"G", {0, 1, 2}, {1, 2, 4}}, {"D", {0, 1, 2}, {3, 2, 1}}};
  return chart;
}

const std::string kHostile = R"(<script>alert("x")</script>'&.png)";
const std::string kHarmless = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;.png";

}  // namespace

TEST_CASE("escape_html: markup becomes entities, other text stays") {
  CHECK(detail::escape_html(kHostile) == kHarmless);
  CHECK(detail::escape_html("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa6\xb4\n") ==
        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xa6\xb4\n");
}

TEST_CASE("escape_html: bytes that are not UTF-8 and control codes are replaced") {
  const std::string r = "\xef\xbf\xbd";
  CHECK(detail::escape_html("\xff") == r);
  CHECK(detail::escape_html("a\xe9z") == "a" + r + "z");    // Latin-1
  CHECK(detail::escape_html("\xc0\xbc") == r + r);          // "<" in two bytes
  CHECK(detail::escape_html("\xed\xa0\x80") == r + r + r);  // a surrogate
  CHECK(detail::escape_html("\xe2\x82") == r + r);          // cut short
  CHECK(detail::escape_html(std::string("\0\x1b\x7f", 3)) == r + r + r);
}

TEST_CASE("base64: the examples of RFC 4648") {
  CHECK(detail::base64("") == "");
  CHECK(detail::base64("f") == "Zg==");
  CHECK(detail::base64("fo") == "Zm8=");
  CHECK(detail::base64("foo") == "Zm9v");
  CHECK(detail::base64("foobar") == "Zm9vYmFy");
  CHECK(detail::base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("round_ticks: round numbers within the range, none for ranges that are none") {
  CHECK((round_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10}));
  CHECK((round_ticks(0.05, 0.31, 5) == std::vector<double>{0.1, 0.2, 0.30000000000000004}));
  CHECK((round_ticks(-1, 1, 4) == std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  CHECK(round_ticks(1, 1, 5).empty());
  CHECK(round_ticks(0, INFINITY, 5).empty());
  CHECK(round_ticks(NAN, 1, 5).empty());
  for (const double high : {1e-300, 3.7e-5, 1.0, 7.3, 99.0, 1e6, 1e300}) {
    const std::size_t number = round_ticks(0, high, 5).size();
    CHECK(number >= 3);
    CHECK(number <= 7);
  }
}

TEST_CASE("chart_svg: one line a series, placed where the axes say") {
  const std::string svg = chart_svg(simple_chart());
  CHECK(balanced(svg));
  CHECK(count(svg, "<polyline") == 2);
  // x runs from 54 to 468; y from 1 to 4 with 4 % room at both ends, from 228 up to 10.
  CHECK(svg.find("points=\"54.0,219.9 261.0,152.6 468.0,18.1 \"") != std::string::npos);
  CHECK(svg.find(chart_color(0)) != std::string::npos);
  CHECK(svg.find(chart_color(1)) != std::string::npos);
}

TEST_CASE("chart_svg: values that are not finite break the line, a lone value is a mark") {
  Chart chart = simple_chart();
  chart.series = {{"G", {0, 1, 2, 3, 4, 5}, {1, 2, NAN, 3, INFINITY, 4}}};
  const std::string svg = chart_svg(chart);
  CHECK(count(svg, "<polyline") == 3);
  CHECK(count(svg, "<circle") == 4);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}

TEST_CASE("chart_svg: a logarithmic axis leaves out what is not positive and places decades evenly") {
  Chart chart = simple_chart();
  chart.log_y = true;
  chart.series = {{"G", {0, 1, 2, 3}, {0, 1, 10, 100}}};
  chart.references = {{"zero", 0.0}};
  const std::string svg = chart_svg(chart);
  CHECK(svg.find("zero") == std::string::npos);
  // 218 units for log10(100) and 4 % of it at both ends: decades are 100.93 apart.
  CHECK(svg.find("54.0,219.9 ") != std::string::npos);
  CHECK(svg.find(",119.0 ") != std::string::npos);
  CHECK(svg.find(",18.1 ") != std::string::npos);
}

TEST_CASE("chart_svg: a reference line is named and always in view") {
  Chart chart = simple_chart();
  chart.references = {{"log 2", 9.0}};
  const std::string svg = chart_svg(chart);
  CHECK(svg.find(">log 2</text>") != std::string::npos);
  CHECK(count(svg, "stroke-dasharray") == 1);
  // The axis now runs from 1 to 9, so the line is where the top series would reach.
  CHECK(svg.find("x1=\"54.0\" y1=\"18.1\" x2=\"468.0\" y2=\"18.1\" stroke=\"#667085\"") != std::string::npos);
}

TEST_CASE("chart_svg: a long series is thinned to means over a band, and stays small") {
  Chart chart = simple_chart();
  ChartSeries series{"G", {}, {}};
  for (int i = 0; i < 100'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i % 2 == 0 ? 1.0 : 3.0);
  }
  chart.series = {series};
  const std::string svg = chart_svg(chart);
  CHECK(svg.size() < 20'000);
  CHECK(count(svg, "<polygon") == 1);
  CHECK(svg.find(",119.0 ") != std::string::npos);  // the mean 2 lies in the middle of 10..228
}

TEST_CASE("chart_svg: nothing to draw is said, constant and extreme values do no harm") {
  Chart chart = simple_chart();
  chart.series.clear();
  CHECK(chart_svg(chart).find("no values to draw") != std::string::npos);
  chart.series = {{"G", {0, 1}, {NAN, NAN}}};
  CHECK(chart_svg(chart).find("no values to draw") != std::string::npos);
  for (const double y : {0.0, 5.0, -1e300, 1e-300}) {
    chart.series = {{"G", {3}, {y}}};
    for (const bool log_y : {false, true}) {
      chart.log_y = log_y;
      const std::string svg = chart_svg(chart);
      CHECK(balanced(svg));
      CHECK(svg.find("nan") == std::string::npos);
      CHECK(svg.find("inf") == std::string::npos);
    }
  }
  chart.log_y = false;
  chart.series = {{"G", {0, 1}, {-1.7e308, 1.7e308}}};
  CHECK(balanced(chart_svg(chart)));
  chart.series = {{"G", {0, 1}, {1}}};
  CHECK_THROWS_AS(chart_svg(chart), std::invalid_argument);
}

TEST_CASE("Report: a whole report is one balanced document that loads nothing from elsewhere") {
  Report report("Run 7");
  report.paragraph("What was done.");
  report.figures({{"L1", "23.4"}});
  report.section("Curves");
  report.charts({simple_chart(), simple_chart()});
  report.table({"Cases", {"case", "L1"}, {{"a.png", "1.5"}, {"b.png", "-"}}});
  report.images(
      {{"case 1", {{Image(2, 3, 1, SampleKind::u8), "input"}, {Image(2, 3, 3, SampleKind::u16), "truth"}}}});
  report.configuration({{"--lr", "0.0002"}});
  const std::string html = report.html();
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(balanced(html.substr(0, html.find("<style>")) + html.substr(html.find("</style>") + 8)));
  CHECK(html.find("http:") == std::string::npos);
  CHECK(html.find("https:") == std::string::npos);
  CHECK(html.find("url(") == std::string::npos);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<link") == std::string::npos);
  CHECK(html.find("default-src 'none'") != std::string::npos);
  CHECK(count(html, "src=\"data:image/png;base64,iVBORw0KGgo") == 2);
  CHECK(count(html, "<svg") == 2);
}

TEST_CASE("Report: names of files cannot inject markup anywhere") {
  Chart chart = simple_chart();
  chart.title = chart.x_label = chart.y_label = chart.series[0].name = kHostile;
  chart.references = {{kHostile, 1}};
  Report report(kHostile);
  report.section(kHostile);
  report.paragraph(kHostile);
  report.figures({{kHostile, kHostile}});
  report.chart(chart);
  report.table({kHostile, {kHostile}, {{kHostile}}});
  report.images({{kHostile, {{Image(1, 1, 1, SampleKind::u8), kHostile}}}});
  report.configuration({{kHostile, kHostile}});
  const std::string html = report.html();
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("alert(\"") == std::string::npos);
  // title twice, section, paragraph, figure 2, chart: heading, aria-label, 2 axes, reference, legend; table
  // 3, images: label, alt, caption; configuration 2.
  CHECK(count(html, kHarmless) == 20);
}

TEST_CASE("Report: a column of numbers is set flush right, a column of names is not") {
  Report report("x");
  report.table(
      {"", {"case", "L1", "share", "mixed"}, {{"a", "1.5", "10%", "1"}, {"b", "-", "+3e-2", "one"}}});
  const std::string html = report.html();
  CHECK(html.find("<th>case</th><th class=\"n\">L1</th><th class=\"n\">share</th><th>mixed</th>") !=
        std::string::npos);
  CHECK_THROWS_AS(report.table({"", {"a", "b"}, {{"1"}}}), std::invalid_argument);
}

TEST_CASE("Report: the embedded picture is the picture") {
  Image image(2, 2, 3, SampleKind::u8);
  for (std::size_t i = 0; i < image.samples.size(); ++i) image.samples[i] = static_cast<float>(i * 20);
  Report report("x");
  report.images({{"case", {{image, "input"}}}});
  CHECK(report.html().find(detail::base64(encode_png(image))) != std::string::npos);
  CHECK_THROWS_AS(report.images({{"case", {{Image(1, 1, 1, SampleKind::counts), ""}}}}),
                  std::invalid_argument);
}

TEST_CASE("Report: written whole or not at all") {
  const TestFolder folder;
  Report report("x");
  report.write(folder / "report.html");
  CHECK(contents(folder / "report.html") == report.html());
  CHECK(folder.names() == std::vector<std::string>{"report.html"});
  CHECK_THROWS_AS(report.write(folder / "report.html" / "x"), FileError);
  CHECK_THROWS_AS(report.write("/proc/uptake.html"), FileError);
}

TEST_CASE("Report: a notice is the first line and the last") {
  Report report("title");
  report.paragraph("words");
  CHECK(report.html().find("class=\"notice\"") == std::string::npos);
  report.notice("not <acquired>");
  const std::string html = report.html(), line = "<p class=\"notice\">not &lt;acquired&gt;</p>";
  CHECK(html.find("<body>\n" + line) != std::string::npos);
  CHECK(html.find(line, html.find("words")) != std::string::npos);
}
