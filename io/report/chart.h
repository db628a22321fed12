// A line chart as SVG text, for reports: no script, no external resource.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace uptake::io {

struct ChartSeries {
  std::string name;
  std::vector<double> x, y;  // same length; x ascending
};

/// A dashed horizontal line with a name, such as log 2 for a discriminator that cannot tell.
struct ChartReference {
  std::string name;
  double y = 0;
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;
  std::vector<ChartReference> references;
  bool log_y = false;  // values that are not positive are then left out
};

/// The chart with axes, ticks and lines, 480 x 270 units, scaling with the page. Values that are not finite
/// break the line. A series of more than 400 points is drawn as the mean of 200 equal ranges of x over a band
/// from their minimum to their maximum. Throws std::invalid_argument when x and y differ in length.
std::string chart_svg(const Chart& chart);

/// The color of the i-th series, "#rrggbb" (eight colors distinguishable with color blindness, then again).
std::string chart_color(std::size_t series);

/// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) within [low, high].
std::vector<double> round_ticks(double low, double high, int wanted);

}  // namespace uptake::io
