#include "io/report/report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "io/base/file.h"
#include "io/base/text.h"
#include "io/image/montage.h"
#include "io/report/html.h"

namespace uptake::io {
namespace {

using detail::escape_html;

constexpr std::size_t kLongCell = 40;  // characters; longer cells may break into lines

constexpr std::string_view kStyle = R"css(
:root { --ink: #101828; --soft: #475467; --line: #e4e7ec; --tile: #f8f9fb; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem 4rem; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; padding-bottom: .8rem; border-bottom: 3px solid var(--accent);
  overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .8rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.notice { max-width: none; margin: 0 0 1rem; font-weight: 650; }
footer .notice { margin: 3rem 0 0; }
p { max-width: 44rem; margin: .6rem 0; overflow-wrap: anywhere; white-space: pre-line; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 10.5rem), 1fr)); gap: .75rem;
  margin: 1.2rem 0; }
.figures div { background: var(--tile); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.figures dt { color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
.figures dd { margin: .15rem 0 0; font-size: 1.3rem; font-weight: 650; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .38rem .8rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  white-space: nowrap; }
td.long { white-space: normal; min-width: 16rem; overflow-wrap: anywhere; }
th { border-bottom: 2px solid #98a2b3; font-weight: 600; }
tbody tr:nth-child(even) { background: var(--tile); }
.n { text-align: right; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.4rem;
  margin: 1.2rem 0; }
figure { margin: 0; min-width: 0; }
.charts figure { max-width: 44rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; list-style: none; margin: .3rem 0 0; padding: 0;
  font-size: .82rem; color: var(--soft); }
.legend i { display: inline-block; width: 1rem; height: .22rem; border-radius: .1rem; margin-right: .4rem;
  vertical-align: middle; }
.case { margin: 1.2rem 0; }
.row { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 20rem); gap: .6rem; }
.row img { display: block; width: 100%; height: auto; border: 1px solid var(--line); background: #fff; }
.row img.small { image-rendering: pixelated; }
figcaption { font-size: .82rem; color: var(--soft); margin-top: .25rem; overflow-wrap: anywhere; }
.options td { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .8rem;
  padding: .18rem .8rem; }
.options td + td { white-space: normal; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--soft); }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } .scroll { overflow: visible; }
  figure, .case, .figures div, tr { break-inside: avoid; } h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)css";

/// Whether a cell is a number, perhaps with a unit of percent; a dash stands for a missing one.
bool is_numeric(std::string_view cell) {
  if (cell.empty() || cell == "-") return true;
  if (cell.ends_with('%')) cell.remove_suffix(1);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return !cell.empty() && result.ec == std::errc() && result.ptr == cell.data() + cell.size();
}

std::string table_row(std::string_view tag, const std::vector<std::string>& cells,
                      const std::vector<bool>& numeric) {
  std::string out = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const char* kind = numeric[i] ? " class=\"n\">" : cells[i].size() > kLongCell ? " class=\"long\">" : ">";
    out += "<" + std::string(tag) + kind + escape_html(cells[i]) + "</" + std::string(tag) + ">";
  }
  return out + "</tr>\n";
}

/// Names and colors of the series with the last value of each.
std::string legend(const Chart& chart) {
  std::string out = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const auto& y = chart.series[i].y;
    const auto last = std::find_if(y.rbegin(), y.rend(), [](double v) { return std::isfinite(v); });
    out += "<li><i style=\"background:" + chart_color(i) + "\"></i>" + escape_html(chart.series[i].name);
    if (last != y.rend()) out += " (last " + number_text(*last) + ")";
    out += "</li>";
  }
  return out + "</ul>";
}

std::string embedded(const CaptionedImage& item) {
  const Image& image = item.image;
  const std::string png = encode_png(image.kind == SampleKind::u16 ? to_display(image, 0, 65535) : image);
  const std::string caption = escape_html(item.caption);
  return std::string("<figure><img") + (image.width < 200 ? " class=\"small\"" : "") + " width=\"" +
         std::to_string(image.width) + "\" height=\"" + std::to_string(image.height) + "\" alt=\"" + caption +
         "\" src=\"data:image/png;base64," + detail::base64(png) + "\"><figcaption>" + caption +
         "</figcaption></figure>\n";
}

}  // namespace

Report::Report(std::string_view title) : title_(escape_html(title)) {}

void Report::notice(std::string_view text) {
  notice_ = "<p class=\"notice\">" + escape_html(text) + "</p>\n";
}

void Report::section(std::string_view title) { body_ += "<h2>" + escape_html(title) + "</h2>\n"; }

void Report::paragraph(std::string_view text) { body_ += "<p>" + escape_html(text) + "</p>\n"; }

void Report::figures(const Pairs& figures) {
  body_ += "<dl class=\"figures\">\n";
  for (const auto& [name, value] : figures) {
    body_ += "<div><dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd></div>\n";
  }
  body_ += "</dl>\n";
}

void Report::table(const ReportTable& table) {
  std::vector<bool> numeric(table.header.size(), !table.rows.empty());
  for (const auto& row : table.rows) {
    if (row.size() != table.header.size()) {
      throw std::invalid_argument("Report::table: a row of " + std::to_string(row.size()) + " cells under " +
                                  std::to_string(table.header.size()) + " columns");
    }
    for (std::size_t i = 0; i < row.size(); ++i) numeric[i] = numeric[i] && is_numeric(row[i]);
  }
  body_ += "<div class=\"scroll\"><table>\n";
  if (!table.caption.empty()) body_ += "<caption>" + escape_html(table.caption) + "</caption>\n";
  body_ += "<thead>" + table_row("th", table.header, numeric) + "</thead>\n<tbody>\n";
  for (const auto& row : table.rows) body_ += table_row("td", row, numeric);
  body_ += "</tbody></table></div>\n";
}

void Report::chart(const Chart& chart) { charts({chart}); }

void Report::charts(const std::vector<Chart>& charts) {
  body_ += "<div class=\"charts\">\n";
  for (const Chart& chart : charts) {
    body_ += "<figure><h3>" + escape_html(chart.title) + "</h3>" + chart_svg(chart) + legend(chart) +
             "</figure>\n";
  }
  body_ += "</div>\n";
}

void Report::images(const std::vector<ImageRow>& rows) {
  for (const ImageRow& row : rows) {
    body_ += "<div class=\"case\"><h3>" + escape_html(row.label) + "</h3><div class=\"row\">\n";
    for (const CaptionedImage& item : row.images) body_ += embedded(item);
    body_ += "</div></div>\n";
  }
}

void Report::configuration(const Pairs& options) {
  body_ +=
      "<details open><summary>Configuration</summary><div class=\"scroll\"><table "
      "class=\"options\"><tbody>\n";
  for (const auto& [name, value] : options) {
    body_ += "<tr><td>" + escape_html(name) + "</td><td>" + escape_html(value) + "</td></tr>\n";
  }
  body_ += "</tbody></table></div></details>\n";
}

std::string Report::html() const {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" "
         "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n<title>" +
         title_ + "</title>\n<style>" + std::string(kStyle) + "</style>\n</head>\n<body>\n" + notice_ +
         "<h1>" + title_ + "</h1>\n" + body_ + (notice_.empty() ? "" : "<footer>" + notice_ + "</footer>\n") +
         "</body>\n</html>\n";
}

void Report::write(const std::filesystem::path& path) const { write_file_atomically(path, html()); }

}  // namespace uptake::io
