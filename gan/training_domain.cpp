#include "gan/training_domain.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>

#include "io/base/text.h"

namespace uptake::gan {
namespace {

using io::EnergyWindow;
using io::printable;

// No cohort says so many different things; a file that does is none of ours.
constexpr std::size_t kMostTexts = 64;
constexpr std::int64_t kMostImages = std::int64_t{1} << 40;

void widen(std::optional<Range>& range, std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return;
  if (!range) range = Range{*value, *value};
  range->least = std::min(range->least, *value);
  range->most = std::max(range->most, *value);
}

void insert(std::set<std::string>& texts, const std::string& text) {
  if (!text.empty() && texts.size() < kMostTexts) texts.insert(printable(text));
}

nlohmann::json json_of(const std::optional<Range>& range) {
  return range ? nlohmann::json{range->least, range->most} : nlohmann::json();
}

std::optional<Range> range_from(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  const Range range{found->at(0).get<double>(), found->at(1).get<double>()};
  if (found->size() != 2 || !std::isfinite(range.least) || !std::isfinite(range.most) ||
      range.least > range.most)
    throw std::invalid_argument(std::string(key) + " of the training images is no range");
  return range;
}

std::set<std::string> texts_from(const nlohmann::json& json, const char* key) {
  std::set<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end()) return texts;
  if (!found->is_array() || found->size() > kMostTexts)
    throw std::invalid_argument(std::string(key) + " of the training images is no list of names");
  for (const auto& text : *found) insert(texts, text.get<std::string>());
  return texts;
}

std::int64_t count_from(const nlohmann::json& json, const char* key, std::int64_t most) {
  const auto value = json.at(key).get<std::int64_t>();
  if (!json.at(key).is_number_integer() || value < 0 || value > most)
    throw std::invalid_argument(std::string(key) + " of the training images is impossible");
  return value;
}

constexpr std::pair<io::SampleKind, const char*> kKinds[] = {
    {io::SampleKind::u8, "8-bit"}, {io::SampleKind::u16, "16-bit"}, {io::SampleKind::counts, "counts"}};
constexpr std::pair<io::DatasetForm, const char*> kForms[] = {{io::DatasetForm::side_by_side, "side by side"},
                                                              {io::DatasetForm::two_folders, "two folders"},
                                                              {io::DatasetForm::cohort, "cohort"}};

template <class Table, class Value>
const char* name_in(const Table& table, Value value) {
  for (const auto& [known, name] : table)
    if (known == value) return name;
  return "";
}

template <class Value, std::size_t n>
Value value_in(const std::pair<Value, const char*> (&table)[n], const std::string& text) {
  for (const auto& [value, name] : table)
    if (text == name) return value;
  throw std::invalid_argument("'" + printable(text) + "' describes no training images");
}

using RangeMember = std::optional<Range> ImageDomain::*;
constexpr std::pair<const char*, RangeMember> kRanges[] = {
    {"height", &ImageDomain::height},
    {"width", &ImageDomain::width},
    {"aspect", &ImageDomain::aspect},
    {"field_height_mm", &ImageDomain::field_height_mm},
    {"field_width_mm", &ImageDomain::field_width_mm},
    {"row_spacing_mm", &ImageDomain::row_spacing_mm},
    {"column_spacing_mm", &ImageDomain::column_spacing_mm},
    {"largest", &ImageDomain::largest},
    {"quantile99", &ImageDomain::quantile99},
    {"mean", &ImageDomain::mean},
    {"total", &ImageDomain::total},
    {"extent", &ImageDomain::extent},
    {"minutes", &ImageDomain::minutes},
    {"duration_s", &ImageDomain::duration_s}};
using TextsMember = std::set<std::string> ImageDomain::*;
constexpr std::pair<const char*, TextsMember> kTexts[] = {
    {"body_parts", &ImageDomain::body_parts},
    {"views", &ImageDomain::views},
    {"acquisitions", &ImageDomain::acquisitions},
    {"radiopharmaceuticals", &ImageDomain::radiopharmaceuticals}};

nlohmann::json json_of(const ImageDomain& domain) {
  nlohmann::json json = {{"images", domain.images},
                         {"constant_images", domain.constant_images},
                         {"synthetic_images", domain.synthetic_images},
                         {"predicted_images", domain.predicted_images},
                         {"kind", name_in(kKinds, domain.kind)},
                         {"channels", domain.channels},
                         {"windows", nlohmann::json::array()}};
  for (const auto& [name, member] : kRanges) json[name] = json_of(domain.*member);
  for (const auto& [name, member] : kTexts) json[name] = domain.*member;
  for (const EnergyWindow& window : domain.windows)
    json["windows"].push_back({{"name", window.name},
                               {"lower_kev", window.lower_kev},
                               {"upper_kev", window.upper_kev},
                               {"scatter", window.scatter}});
  return json;
}

EnergyWindow window_from(const nlohmann::json& json) {
  const EnergyWindow window{printable(json.at("name").get<std::string>()), json.at("lower_kev").get<double>(),
                            json.at("upper_kev").get<double>(), json.value("scatter", false)};
  if (!(window.lower_kev >= 0 && window.upper_kev >= window.lower_kev && window.upper_kev < 1e9))
    throw std::invalid_argument("an energy window of the training images is impossible");
  return window;
}

ImageDomain domain_from(const nlohmann::json& json) {
  ImageDomain domain;
  domain.images = count_from(json, "images", kMostImages);
  domain.constant_images = count_from(json, "constant_images", domain.images);
  domain.synthetic_images = count_from(json, "synthetic_images", domain.images);
  domain.predicted_images = count_from(json, "predicted_images", domain.images);
  domain.kind = value_in(kKinds, json.at("kind").get<std::string>());
  domain.channels = count_from(json, "channels", 1024);
  for (const auto& [name, member] : kRanges) domain.*member = range_from(json, name);
  for (const auto& [name, member] : kTexts) domain.*member = texts_from(json, name);
  const auto& windows = json.at("windows");
  if (!windows.is_array() || windows.size() > kMostTexts)
    throw std::invalid_argument("the energy windows of the training images are no list");
  for (const auto& window : windows) domain.windows.push_back(window_from(window));
  return domain;
}

}  // namespace

void ImageDomain::add(const SeenImage& image) {
  const auto h = static_cast<double>(image.height), w = static_cast<double>(image.width);
  ++images;
  kind = image.kind;
  channels = image.channels;
  constant_images += image.pixels.constant ? 1 : 0;
  synthetic_images += image.synthetic ? 1 : 0;
  predicted_images += image.predicted() ? 1 : 0;
  widen(height, h);
  widen(width, w);
  if (image.height > 0) widen(aspect, w / h);
  widen(row_spacing_mm, image.row_spacing_mm);
  widen(column_spacing_mm, image.column_spacing_mm);
  if (image.row_spacing_mm) widen(field_height_mm, h * *image.row_spacing_mm);
  if (image.column_spacing_mm) widen(field_width_mm, w * *image.column_spacing_mm);
  if (!image.pixels.constant) {  // an empty image among others would make every range begin at nothing
    widen(largest, image.pixels.largest);
    widen(quantile99, image.pixels.quantile99);
    widen(mean, image.pixels.mean);
    widen(total, image.pixels.mean * h * w * static_cast<double>(image.channels));
    widen(extent, image.pixels.extent);
  }
  widen(minutes, image.minutes);
  widen(duration_s, image.duration_s);
  insert(body_parts, image.body_part);
  if (!image.view_assumed) insert(views, image.view);
  insert(acquisitions, image.acquisition);
  insert(radiopharmaceuticals, image.radiopharmaceutical);
  if (image.window && windows.size() < kMostTexts) {
    EnergyWindow window = *image.window;
    window.name = printable(window.name);
    const auto less = [](const EnergyWindow& a, const EnergyWindow& b) {
      return std::tie(a.lower_kev, a.upper_kev, a.name) < std::tie(b.lower_kev, b.upper_kev, b.name);
    };
    const auto at = std::ranges::lower_bound(windows, window, less);
    if (at == windows.end() || !(*at == window)) windows.insert(at, window);
  }
}

void to_json(nlohmann::json& json, const TrainingDomain& domain) {
  json = {{"form", name_in(kForms, domain.form)},
          {"input", json_of(domain.input)},
          {"target", json_of(domain.target)}};
}

void from_json(const nlohmann::json& json, TrainingDomain& domain) {
  domain.form = value_in(kForms, json.at("form").get<std::string>());
  domain.input = domain_from(json.at("input"));
  domain.target = domain_from(json.at("target"));
}

PairShape pair_shape(const TrainingDomain& domain, std::int64_t height, std::int64_t width) {
  if (domain.form != io::DatasetForm::side_by_side || !domain.input.aspect || height < 1)
    return PairShape::single;
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  const auto within = [&](double factor) {
    return aspect >= factor * domain.input.aspect->least * 0.98 &&
           aspect <= factor * domain.input.aspect->most * 1.02;
  };
  if (!within(2)) return PairShape::single;
  return within(1) ? PairShape::unclear : PairShape::pair;
}

}  // namespace uptake::gan
