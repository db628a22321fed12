// The table in gan/training_domain.h, row by row.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "gan/training_domain.h"
#include "io/base/text.h"

namespace uptake::gan {
namespace {

using io::EnergyWindow;
using io::number_text;

// 1e-9 of slack: a fifth more than 2 mm is 2.4 mm in decimals, and a little less in binary.
constexpr double kSlack = 1 + 1e-9;

std::string text_of(const Range& range, const std::string& unit) {
  const std::string least = number_text(range.least), most = number_text(range.most);
  return (least == most ? least : least + " to " + most) + unit;
}

std::string list_of(const std::set<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + text;
  return list;
}

bool within_factor(double value, const Range& range, double below, double above) {
  return value * below * kSlack >= range.least && value <= range.most * above * kSlack;
}
bool within_factor(double value, const Range& range, double factor) {
  return within_factor(value, range, factor, factor);
}

// Letters and digits in capitals: "Whole_body" is "WHOLE BODY".
std::string plain(const std::string& text) {
  std::string letters;
  for (const unsigned char c : text)
    if (std::isalnum(c) != 0) letters += static_cast<char>(std::toupper(c));
  return letters;
}

bool contains(const std::set<std::string>& texts, const std::string& text) {
  return std::ranges::any_of(texts, [&](const std::string& known) { return plain(known) == plain(text); });
}

std::string samples_text(io::SampleKind kind, std::int64_t channels) {
  if (kind == io::SampleKind::counts) return "counts (DICOM)";
  return std::string(kind == io::SampleKind::u8 ? "8-bit " : "16-bit ") +
         (channels == 1   ? "gray"
          : channels == 3 ? "color"
                          : "with " + std::to_string(channels) + " channels");
}

std::string text_of(const EnergyWindow& window) {
  const std::string name = window.name.empty() ? "" : window.name + ", ";
  return window.upper_kev > 0
             ? name + number_text(window.lower_kev) + " to " + number_text(window.upper_kev) + " keV"
             : window.name;
}

/// Shared part of two energy windows: intersection over union.
double shared(const EnergyWindow& a, const EnergyWindow& b) {
  const double both = std::min(a.upper_kev, b.upper_kev) - std::max(a.lower_kev, b.lower_kev);
  const double all = std::max(a.upper_kev, b.upper_kev) - std::min(a.lower_kev, b.lower_kev);
  return all > 0 ? std::max(both, 0.0) / all : 0;
}

class Comparing {
 public:
  Comparing(const SeenImage& image, const ImageDomain& domain, bool resized)
      : image_(image), domain_(domain), resized_(resized) {}

  Comparison operator()() {
    if (image_.kind != domain_.kind || image_.channels != domain_.channels) {
      violation({"image", samples_text(image_.kind, image_.channels),
                 samples_text(domain_.kind, domain_.channels), false});
      return result_;
    }
    origin();
    named("body part", image_.body_part, domain_.body_parts);
    named("acquisition", image_.acquisition, domain_.acquisitions);
    view();
    window();
    pharmaceutical();
    pixels();
    times();
    if (!resized_) spacing();
    field();
    return result_;
  }

 private:
  bool counts() const { return image_.kind == io::SampleKind::counts; }
  void violation(const Deviation& deviation) { result_.violations.push_back(deviation); }
  void note(const Deviation& deviation) { result_.notes.push_back(deviation); }
  void unstated(const char* quantity) { result_.unstated.emplace_back(quantity); }

  void origin() {
    const bool all_synthetic = domain_.images > 0 && domain_.synthetic_images == domain_.images;
    if (image_.predicted() && domain_.predicted_images == 0)
      violation({"origin", "a prediction (derived and synthetic)",
                 all_synthetic ? "synthetic, but not predicted images" : "acquired images"});
    else if (image_.synthetic && !image_.derived && domain_.synthetic_images == 0 && domain_.images > 0)
      violation({"origin", "synthetic", "acquired images"});
    else if (image_.derived && !image_.synthetic)
      note({"origin", "derived by another program", all_synthetic ? "synthetic images" : "images"});
    else if (!image_.synthetic && all_synthetic)
      note({"origin", "not marked as synthetic", "synthetic images only, such as a phantom's"});
  }

  void named(const char* quantity, const std::string& found, const std::set<std::string>& trained) {
    if (trained.empty()) return;
    if (found.empty()) return unstated(quantity);
    if (!contains(trained, found)) violation({quantity, io::printable(found), list_of(trained)});
  }

  void view() {
    if (domain_.views.empty()) return;
    if (image_.view.empty()) return unstated("view");
    if (contains(domain_.views, image_.view)) return;
    const Deviation other{"view", image_.view + (image_.view_assumed ? " (assumed)" : ""),
                          list_of(domain_.views)};
    image_.view_assumed ? note(other) : violation(other);
  }

  void window() {
    if (domain_.windows.empty()) return;
    if (!image_.window) return unstated("energy window");
    std::string trained;
    double best = 0;
    bool same_name = false, trained_scatter = false, trained_limits = false;
    for (const EnergyWindow& known : domain_.windows) {
      trained += (trained.empty() ? "" : "; ") + text_of(known);
      best = std::max(best, shared(*image_.window, known));
      same_name |= plain(known.name) == plain(image_.window->name);
      trained_scatter |= is_scatter(known);
      trained_limits |= known.upper_kev > 0;
    }
    const Deviation other{"energy window", io::printable(text_of(*image_.window)), trained};
    if (is_scatter(*image_.window) && !trained_scatter) return violation(other);
    if (image_.window->upper_kev > 0 && trained_limits) {
      if (best < 0.3) violation(other);
    } else if (!same_name) {
      note(other);
    }
  }

  static bool is_scatter(const EnergyWindow& window) {
    return window.scatter || plain(window.name).find("SCATTER") != std::string::npos;
  }

  void pharmaceutical() {
    if (domain_.radiopharmaceuticals.empty()) return;
    if (image_.radiopharmaceutical.empty()) return unstated("radiopharmaceutical");
    if (!contains(domain_.radiopharmaceuticals, image_.radiopharmaceutical))
      note({"radiopharmaceutical", io::printable(image_.radiopharmaceutical),
            list_of(domain_.radiopharmaceuticals)});
  }

  void pixels() {
    const PixelSummary& p = image_.pixels;
    if (!p.finite) return violation({"largest sample", "not a finite number", "finite numbers", false});
    if (p.constant && domain_.constant_images == 0 && domain_.largest) {
      const std::string value = number_text(p.largest);
      return violation({"image", "empty: every pixel is " + value, "images with something on them"});
    }
    if (!counts() && !(image_.kind == io::SampleKind::u16 && image_.channels == 1)) return;
    const std::string unit = counts() ? " counts" : "";
    if (domain_.quantile99 && !within_factor(p.quantile99, *domain_.quantile99, 3))
      violation({"99 % quantile of its pixels", number_text(p.quantile99) + unit,
                 text_of(*domain_.quantile99, unit)});
    if (domain_.extent && p.extent * 3 * kSlack < domain_.extent->least)
      violation({"part of the image that holds nine tenths of its counts", number_text(100 * p.extent) + " %",
                 text_of({100 * domain_.extent->least, 100 * domain_.extent->most}, " %")});
    if (domain_.largest && p.largest > 10 * domain_.largest->most)
      note({"largest pixel", number_text(p.largest) + unit, text_of(*domain_.largest, unit)});
  }

  void times() {
    if (domain_.minutes) {
      const Range trained = *domain_.minutes;
      const Deviation other{"time after injection", number_text(image_.minutes.value_or(0)) + " min",
                            text_of(trained, " min")};
      if (!image_.minutes)
        unstated("time after injection");
      else if (const double m = *image_.minutes; 3 * m + 10 < trained.least || m > 3 * trained.most + 10)
        violation(other);
      else if (1.2 * m + 5 < trained.least || m > 1.2 * trained.most + 5)
        note(other);
    }
    if (domain_.duration_s) {
      const Deviation other{"frame duration", number_text(image_.duration_s.value_or(0)) + " s",
                            text_of(*domain_.duration_s, " s")};
      if (!image_.duration_s)
        unstated("frame duration");
      else if (!within_factor(*image_.duration_s, *domain_.duration_s, 3))
        violation(other);
      else if (!within_factor(*image_.duration_s, *domain_.duration_s, 1.5))
        note(other);
    }
  }

  void spacing() {
    if (!domain_.row_spacing_mm || !domain_.column_spacing_mm) return;
    if (!image_.row_spacing_mm || !image_.column_spacing_mm) return unstated("pixel spacing");
    const auto all_within = [&](double factor) {
      return within_factor(*image_.row_spacing_mm, *domain_.row_spacing_mm, factor) &&
             within_factor(*image_.column_spacing_mm, *domain_.column_spacing_mm, factor);
    };
    if (all_within(1.02)) return;
    const auto both = [](const std::string& row, const std::string& column) {
      return row == column ? row : row + " (rows) and " + column + " (columns)";
    };
    const Deviation other{
        "pixel spacing",
        both(number_text(*image_.row_spacing_mm) + " mm", number_text(*image_.column_spacing_mm) + " mm"),
        both(text_of(*domain_.row_spacing_mm, " mm"), text_of(*domain_.column_spacing_mm, " mm"))};
    all_within(1.2) ? note(other) : violation(other);
  }

  void field() {
    if (!domain_.height || !domain_.width) return;
    const auto h = static_cast<double>(image_.height), w = static_cast<double>(image_.width);
    const bool in_mm = image_.row_spacing_mm && image_.column_spacing_mm && domain_.field_height_mm &&
                       domain_.field_width_mm;
    if (resized_ && !in_mm) return;
    const double height = in_mm ? h * *image_.row_spacing_mm : h,
                 width = in_mm ? w * *image_.column_spacing_mm : w;
    const Range heights = in_mm ? *domain_.field_height_mm : *domain_.height,
                widths = in_mm ? *domain_.field_width_mm : *domain_.width;
    const char* unit = in_mm ? " mm" : " pixels";
    const Deviation other{in_mm ? "field of view" : "matrix",
                          number_text(height) + " x " + number_text(width) + unit,
                          text_of(heights, "") + " x " + text_of(widths, unit)};
    const auto within = [&](double below, double above) {
      return within_factor(height, heights, below, above) && within_factor(width, widths, below, above);
    };
    const double above = !in_mm ? 2 : resized_ ? 1.2 : 1.5, below = resized_ ? 1.2 : 1e9;
    if (counts() && !within(below, above))
      violation(other);
    else if (!within(resized_ ? 1.02 : 2, resized_ ? 1.02 : above))
      note(other);
  }

  const SeenImage& image_;
  const ImageDomain& domain_;
  const bool resized_;
  Comparison result_;
};

// Three lines: the images, their counts, what their files say.
std::string side_text(const ImageDomain& domain, const std::string& indent) {
  std::string line, text;
  const auto add = [&](const std::string& part) { line += (line.empty() ? "" : ", ") + part; };
  const auto range = [&](const char* name, const std::optional<Range>& values, const char* unit) {
    if (values) add(name + text_of(*values, unit));
  };
  const auto end_line = [&] {
    if (!line.empty()) text += (text.empty() ? "" : indent + "  ") + line + "\n";
    line.clear();
  };
  add(std::to_string(domain.images) + (domain.images == 1 ? " image" : " images"));
  add(samples_text(domain.kind, domain.channels));
  if (domain.height && domain.width)
    add(text_of(*domain.height, "") + " x " + text_of(*domain.width, " pixels"));
  range("spacing ", domain.row_spacing_mm, " mm");
  if (domain.synthetic_images > 0)
    add(domain.synthetic_images == domain.images ? "all synthetic" : "some synthetic");
  end_line();
  range("99 % quantiles ", domain.quantile99, "");
  range("largest ", domain.largest, "");
  range("sums ", domain.total, "");
  end_line();
  range("", domain.minutes, " min after injection");
  range("", domain.duration_s, " s a frame");
  for (const auto* names :
       {&domain.body_parts, &domain.views, &domain.acquisitions, &domain.radiopharmaceuticals})
    if (!names->empty()) add(list_of(*names));
  for (const EnergyWindow& window : domain.windows) add("window " + text_of(window));
  end_line();
  return text;
}

}  // namespace

Comparison compare(const SeenImage& image, const ImageDomain& domain, bool resized) {
  return Comparing(image, domain, resized)();
}

std::string sentence(const Deviation& deviation) {
  return "the " + deviation.quantity + " is " + deviation.found + " (trained: " + deviation.trained + ")";
}

std::string violated_ranges(const std::vector<Deviation>& violations, std::size_t longest) {
  std::string text;
  for (const Deviation& violation : violations)
    text += (text.empty() ? "" : "; ") + violation.quantity + " " + violation.found +
            " (trained: " + violation.trained + ")";
  if (text.size() > longest) text = text.substr(0, longest - 3) + "...";
  return text;
}

std::string describe(const TrainingDomain& domain, const std::string& indent) {
  const char* form = domain.form == io::DatasetForm::side_by_side  ? "pairs side by side"
                     : domain.form == io::DatasetForm::two_folders ? "pairs in two folders"
                                                                   : "a cohort of DICOM files";
  return indent + "from " + form + "\n" + indent + "inputs: " + side_text(domain.input, indent) + indent +
         "targets: " + side_text(domain.target, indent);
}

}  // namespace uptake::gan
