// One HTML file that tells what a run did and how well: figures, curves, tables, images. It needs no server
// and loads nothing from elsewhere (a content security policy forbids it); every text is escaped.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/image/image.h"
#include "io/report/chart.h"

namespace uptake::io {

struct ReportTable {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // columns in which every cell is a number are set flush right
};

struct CaptionedImage {
  Image image;
  std::string caption;  // "input", "prediction", "truth"
};

struct ImageRow {
  std::string label;  // the case, above its images
  std::vector<CaptionedImage> images;
};

/// Parts appear in the order in which they are added.
class Report {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  explicit Report(std::string_view title);

  /// What must not be missed: the first line of the page, and its last.
  void notice(std::string_view text);

  void section(std::string_view title);
  void paragraph(std::string_view text);

  /// Key figures as tiles: name and value.
  void figures(const Pairs& figures);

  /// Throws std::invalid_argument for a row with another number of cells than the header.
  void table(const ReportTable& table);

  /// One chart, or several beside each other where the page is wide enough.
  void chart(const Chart& chart);
  void charts(const std::vector<Chart>& charts);

  /// Rows of images, embedded as PNG; u16 is shown over its full range. Throws std::invalid_argument for
  /// counts (choose a range by to_display first).
  void images(const std::vector<ImageRow>& rows);

  /// Option and value, in small print.
  void configuration(const Pairs& options);

  std::string html() const;

  /// Writes html() atomically. Throws FileError.
  void write(const std::filesystem::path& path) const;

 private:
  std::string title_, notice_, body_;
};

}  // namespace uptake::io
