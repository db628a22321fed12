#include "io/report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <utility>

#include "io/base/text.h"
#include "io/report/html.h"

namespace uptake::io {
namespace {

constexpr double kWidth = 480, kHeight = 270, kLeft = 54, kRight = 12, kTop = 10, kBottom = 42;
constexpr std::size_t kManyPoints = 400, kGroups = 200, kFewPoints = 40;

/// What is drawn of a series: one point a value, or mean, minimum and maximum of a group of values.
struct Point {
  double x, y, low, high;
};

bool drawable(double x, double y, bool log_y) {
  return std::isfinite(x) && std::isfinite(y) && (!log_y || y > 0);
}

std::string coordinate(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

/// Points between breaks; a value that cannot be drawn ends a stretch.
std::vector<std::vector<Point>> stretches_of(const ChartSeries& series, bool log_y) {
  std::vector<std::vector<Point>> stretches(1);
  const auto add = [&](const Point& point, bool good) {
    if (good) {
      stretches.back().push_back(point);
    } else if (!stretches.back().empty()) {
      stretches.emplace_back();
    }
  };
  const std::size_t count = series.x.size();
  if (count <= kManyPoints) {
    for (std::size_t i = 0; i < count; ++i) {
      const double x = series.x[i], y = series.y[i];
      add({x, y, y, y}, drawable(x, y, log_y));
    }
    return stretches;
  }
  for (std::size_t group = 0; group < kGroups; ++group) {
    const std::size_t begin = group * count / kGroups, end = (group + 1) * count / kGroups;
    double sum_x = 0, sum_y = 0, number = 0;
    Point point{0, 0, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (std::size_t i = begin; i < end; ++i) {
      const double x = series.x[i], y = series.y[i];
      if (!drawable(x, y, log_y)) continue;
      sum_x += x;
      sum_y += y;
      number += 1;
      point.low = std::min(point.low, y);
      point.high = std::max(point.high, y);
    }
    point.x = sum_x / number;
    point.y = sum_y / number;
    add(point, number > 0);
  }
  return stretches;
}

struct Axis {
  double low, high;  // in data units
  double from, to;   // in drawing units
  bool logarithmic = false;

  double place(double value) const {
    const auto f = [&](double v) { return logarithmic ? std::log10(v) : v; };
    return from + (f(value) - f(low)) / (f(high) - f(low)) * (to - from);
  }
};

/// Widens [low, high] to something that can be divided by, with a margin of 4 % at both ends.
void make_room(Axis& axis, bool margin) {
  if (axis.logarithmic) {
    const double factor = axis.low == axis.high ? 2.0 : std::pow(axis.high / axis.low, margin ? 0.04 : 0.0);
    axis.low /= factor;
    axis.high *= factor;
    return;
  }
  double room = margin ? 0.04 * (axis.high - axis.low) : 0.0;
  if (axis.low == axis.high) room = axis.low == 0 ? 1.0 : 0.1 * std::abs(axis.low);
  axis.low -= room;
  axis.high += room;
}

std::vector<double> log_ticks(double low, double high) {
  std::vector<double> ticks;
  const double decades = std::log10(high / low);
  if (decades < 1) return round_ticks(low, high, 5);
  const int stride = std::max(1, static_cast<int>(decades / 6));
  const auto first = static_cast<int>(std::floor(std::log10(low)));
  for (int power = first; std::pow(10.0, power) <= high; ++power) {
    for (const int digit : {1, 2, 5}) {
      const double tick = digit * std::pow(10.0, power);
      const bool shown = digit == 1 ? (power - first) % stride == 0 : decades < 2.5;
      if (shown && tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string text_at(double x, double y, std::string_view attributes, std::string_view text) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" " + std::string(attributes) + ">" +
         detail::escape_html(text) + "</text>";
}

std::string line_between(double x1, double y1, double x2, double y2, std::string_view attributes) {
  return "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" + coordinate(x2) +
         "\" y2=\"" + coordinate(y2) + "\" " + std::string(attributes) + "/>";
}

/// 20000 as 20k, 3000000 as 3M: step numbers along the axis stay short.
std::string step_text(double value) {
  if (std::abs(value) >= 1e6) return number_text(value / 1e6) + "M";
  if (std::abs(value) >= 1e4) return number_text(value / 1e3) + "k";
  return number_text(value);
}

std::string axes_svg(const Chart& chart, const Axis& x, const Axis& y) {
  std::string out;
  for (const double tick : y.logarithmic ? log_ticks(y.low, y.high) : round_ticks(y.low, y.high, 5)) {
    const double at = y.place(tick);
    out += line_between(kLeft, at, kWidth - kRight, at, "stroke=\"#e4e7ec\"");
    out += text_at(kLeft - 6, at + 4, "text-anchor=\"end\"", number_text(tick));
  }
  for (const double tick : round_ticks(x.low, x.high, 6)) {
    const double at = x.place(tick);
    out += line_between(at, kHeight - kBottom, at, kHeight - kBottom + 4, "stroke=\"#98a2b3\"");
    out += text_at(at, kHeight - kBottom + 17, "text-anchor=\"middle\"", step_text(tick));
  }
  out += line_between(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "stroke=\"#98a2b3\"");
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 6, "text-anchor=\"middle\"", chart.x_label);
  const double middle = (kTop + kHeight - kBottom) / 2;
  out += text_at(12, middle, "text-anchor=\"middle\" transform=\"rotate(-90 12 " + coordinate(middle) + ")\"",
                 chart.y_label);
  return out;
}

std::string stretch_svg(const std::vector<Point>& points, const Axis& x, const Axis& y,
                        const std::string& color, bool marks) {
  const auto at = [&](double px, double py) {
    return coordinate(x.place(px)) + "," + coordinate(y.place(py)) + " ";
  };
  std::string line, band, out;
  bool banded = false;
  for (const Point& p : points) {
    line += at(p.x, p.y);
    band += at(p.x, p.high);
    banded = banded || p.low != p.high;
  }
  if (banded) {
    for (auto p = points.rbegin(); p != points.rend(); ++p) band += at(p->x, p->low);
    out += "<polygon points=\"" + band + "\" fill=\"" + color + "\" fill-opacity=\"0.16\"/>";
  }
  out += "<polyline points=\"" + line + "\" fill=\"none\" stroke=\"" + color +
         "\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>";
  if (!marks) return out;
  for (const Point& p : points) {
    out += "<circle cx=\"" + coordinate(x.place(p.x)) + "\" cy=\"" + coordinate(y.place(p.y)) +
           "\" r=\"2.4\" fill=\"" + color + "\"><title>" + number_text(p.x) + ": " + number_text(p.y) +
           "</title></circle>";
  }
  return out;
}

}  // namespace

std::string chart_color(std::size_t series) {
  // Okabe and Ito's palette, its yellow darkened for white paper.
  constexpr std::array<const char*, 8> kColors{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#b8860b", "#56b4e9", "#6b4c9a", "#444444"};
  return kColors[series % kColors.size()];
}

std::vector<double> round_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / std::max(wanted, 1);
  if (!(rough > 0) || !std::isfinite(rough)) return {};
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double digit : {5.0, 2.0, 1.0}) {
    if (rough <= digit * power * 1.0001) step = digit * power;
  }
  std::vector<double> ticks;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  if (!(last - first < 100)) return {};
  for (double i = first; i <= last; ++i) ticks.push_back(i == 0 ? 0.0 : i * step);
  return ticks;
}

std::string chart_svg(const Chart& chart) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Axis x{kInfinity, -kInfinity, kLeft, kWidth - kRight};
  Axis y{kInfinity, -kInfinity, kHeight - kBottom, kTop, chart.log_y};
  const auto include = [](Axis& axis, double value) {
    axis.low = std::min(axis.low, value);
    axis.high = std::max(axis.high, value);
  };
  std::vector<std::vector<std::vector<Point>>> all;
  for (const ChartSeries& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      throw std::invalid_argument("chart_svg: series " + series.name + " has unequal numbers of x and y");
    }
    all.push_back(stretches_of(series, chart.log_y));
    for (const auto& stretch : all.back()) {
      for (const Point& p : stretch) {
        include(y, p.low);
        include(y, p.high);
      }
    }
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (drawable(series.x[i], series.y[i], chart.log_y)) include(x, series.x[i]);
    }
  }
  std::string out = "<svg viewBox=\"0 0 480 270\" role=\"img\" aria-label=\"" +
                    detail::escape_html(chart.title) + "\" font-size=\"11\" fill=\"#475467\">";
  if (!(x.low <= x.high)) {
    return out + text_at(kWidth / 2, kHeight / 2, "text-anchor=\"middle\"", "no values to draw") + "</svg>";
  }
  for (const ChartReference& reference : chart.references) {
    if (drawable(0, reference.y, chart.log_y)) include(y, reference.y);
  }
  if (x.low > 0 && x.low < 0.1 * x.high) x.low = 0;  // steps count from nothing
  make_room(x, false);
  make_room(y, true);
  out += axes_svg(chart, x, y);
  for (const ChartReference& reference : chart.references) {
    if (!drawable(0, reference.y, chart.log_y)) continue;
    const double at = y.place(reference.y);
    out += line_between(kLeft, at, kWidth - kRight, at, "stroke=\"#667085\" stroke-dasharray=\"5 4\"");
    out += text_at(kWidth - kRight - 2, at - 4, "text-anchor=\"end\" font-style=\"italic\"", reference.name);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& stretch : all[i]) {
      if (stretch.empty()) continue;
      // A lone value between two breaks would be invisible as a line.
      const bool marks = chart.series[i].x.size() <= kFewPoints || stretch.size() == 1;
      out += stretch_svg(stretch, x, y, chart_color(i), marks);
    }
  }
  return out + "</svg>";
}

}  // namespace uptake::io
