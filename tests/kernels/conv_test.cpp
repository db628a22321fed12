#include "kernels/conv/conv.h"

#include <set>

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/conv.h"

namespace uptake::tests {
namespace {

using namespace kernels;
using reference::ConvTranspose;

/// Filters with their storage, as a network keeps them.
template <class T>
struct StoredFilters {
  Filters<T> filters;
  std::vector<T> storage;

  StoredFilters(const FilterShape& shape, const std::vector<double>& kcrs)
      : filters(shape), storage(static_cast<std::size_t>(filters.storage_size()), T(0)) {
    filters.bind(storage.data());
    write(kcrs);
    filters.changed();
  }
  void write(const std::vector<double>& kcrs) {
    const auto values = to<T>(kcrs);
    filters.from_plain(storage.data(), values.data());
  }
};

struct Case {
  ConvGeometry g;
  bool with_bias = false;
  Write write = Write::assign;  // of the filters' gradient
  std::vector<double> x, w, bias, dy, before;

  std::string describe() const {
    std::ostringstream text;
    const FilterShape& f = g.filters;
    text << "image [" << g.x.n << "," << g.x.h << "," << g.x.w << "," << g.x.c << "] filters [" << f.k << ","
         << f.c << "," << f.r << "," << f.s << "] stride " << f.stride << " pad " << f.pad
         << (with_bias ? ", bias" : "") << (write == Write::add ? ", add" : "");
    return text.str();
  }
};

Case make_case(const ConvGeometry& g, bool with_bias, Write write) {
  Case t{g, with_bias, write, {}, {}, {}, {}, {}};
  t.x = random_values(1, g.x.size());
  t.w = random_values(2, g.filters.size());
  if (with_bias) t.bias = random_values(3, g.filters.k);
  t.dy = random_values(4, reference::conv_output(g).size());
  t.before = random_values(5, g.filters.size());
  return t;
}

// Inputs and outputs lie between guards: what is read beside an image changes the result by thousands, what
// is written beside it is found.
template <class T>
Results cpu_forward(const Case& t) {
  StoredFilters<T> f(t.g.filters, t.w);
  Buffer<T> x(t.g.x.pixels(), t.g.x.c, 0, t.x), y(t.g.y().pixels(), t.g.filters.k, 0);
  Buffer<T> bias(1, t.with_bias ? t.g.filters.k : 0, 0, t.bias);
  cpu::conv_forward<T>(t.g, y.data(), x.data(), f.filters, t.with_bias ? bias.data() : nullptr);
  return {{"y", y.values()}};
}

template <class T>
Results cpu_backward_data(const Case& t) {
  StoredFilters<T> f(t.g.filters, t.w);
  Buffer<T> dx(t.g.x.pixels(), t.g.x.c, 0), dy(t.g.y().pixels(), t.g.filters.k, 0, t.dy);
  cpu::conv_backward_data<T>(t.g, dx.data(), dy.data(), f.filters);
  return {{"dx", dx.values()}};
}

// The gradient in plain order, and how many elements of its storage are not what the plain gradient becomes
// when it is stored: padding that is not zero.
template <class T>
Results plain_gradient(Filters<T>& filters, Buffer<T>& dfilters) {
  const std::vector<double> stored = dfilters.values();
  std::vector<T> plain(static_cast<std::size_t>(filters.shape().size()));
  std::vector<T> again(stored.size(), T(0));
  filters.to_plain(plain.data(), dfilters.data());
  filters.from_plain(again.data(), plain.data());
  double dirty = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) dirty += stored[i] == static_cast<double>(again[i]) ? 0 : 1;
  return {{"dw", {plain.begin(), plain.end()}}, {"elements of dirty padding", {dirty}}};
}

template <class T>
Results cpu_backward_filters(const Case& t) {
  StoredFilters<T> f(t.g.filters, t.w);
  Buffer<T> x(t.g.x.pixels(), t.g.x.c, 0, t.x), dy(t.g.y().pixels(), t.g.filters.k, 0, t.dy);
  Buffer<T> dfilters(1, f.filters.storage_size(), 0);
  if (t.write == Write::add) {
    const auto before = to<T>(t.before);
    f.filters.from_plain(dfilters.data(), before.data());
  }
  cpu::conv_backward_filters<T>(t.g, dfilters.data(), t.write, x.data(), dy.data(), f.filters);
  return plain_gradient(f.filters, dfilters);
}

Results reference_forward(const Case& t) { return {{"y", reference::conv_forward(t.g, t.x, t.w, t.bias)}}; }

Results reference_backward_data(const Case& t) {
  return {{"dx", reference::conv_backward_data(t.g, t.dy, t.w)}};
}

Results reference_backward_filters(const Case& t) {
  return {{"dw", written(reference::conv_backward_filters(t.g, t.x, t.dy), t.write, t.before)},
          {"elements of dirty padding", {0}}};
}

const ImplementationTable<Case> kForward("conv_forward", {{"reference", 0x1p-52, reference_forward},
                                                          {"cpu float", 0x1p-23, cpu_forward<float>},
                                                          {"cpu double", 0x1p-52, cpu_forward<double>}});
const ImplementationTable<Case> kBackwardData("conv_backward_data",
                                              {{"reference", 0x1p-52, reference_backward_data},
                                               {"cpu float", 0x1p-23, cpu_backward_data<float>},
                                               {"cpu double", 0x1p-52, cpu_backward_data<double>}});
const ImplementationTable<Case> kBackwardFilters("conv_backward_filters",
                                                 {{"reference", 0x1p-52, reference_backward_filters},
                                                  {"cpu float", 0x1p-23, cpu_backward_filters<float>},
                                                  {"cpu double", 0x1p-52, cpu_backward_filters<double>}});

/// A sum of `terms` products of numbers up to 2: its partial sums are random walks that reach about
/// 2 sqrt(terms), whatever the end result, and each addition rounds by half an eps of them; the roundings
/// walk randomly too, hence another sqrt(terms). Both sides round, and in different orders: factor 4.
Tolerance tolerance_of_sum(std::int64_t terms) {
  const auto length = static_cast<double>(std::max<std::int64_t>(1, terms));
  return {.length = length, .factor = 4, .scale = 2 * std::sqrt(length), .truth_length = length};
}

void check_parity(const ConvGeometry& g, bool with_bias, Write write) {
  const FilterShape& f = g.filters;
  const Case t = make_case(g, with_bias, write);
  REQUIRE(g.y() == reference::conv_output(g));
  kForward.check_all(t, tolerance_of_sum(f.c * f.r * f.s + 1));
  kBackwardData.check_all(t, tolerance_of_sum(f.k * f.r * f.s));
  kBackwardFilters.check_all(t, tolerance_of_sum(g.y().pixels() + 1));
}

// Alternating settings, so that the tables below meet all of them.
void check_parity(const std::vector<ConvGeometry>& geometries) {
  int i = 0;
  for (const ConvGeometry& g : geometries) {
    check_parity(g, i % 2 == 0, i % 3 == 1 ? Write::add : Write::assign);
    ++i;
  }
}

TEST_CASE("convolution: the reference's gradients are those of its forward") {
  for (const ConvGeometry& g :
       {ConvGeometry{{2, 5, 4, 2}, {3, 2, 3, 2, 1, 1}}, ConvGeometry{{1, 6, 7, 1}, {2, 1, 4, 3, 2, 2}},
        ConvGeometry{{1, 7, 4, 2}, {2, 2, 1, 1, 3, 0}}}) {
    const Case t = make_case(g, true, Write::assign);
    const auto loss = [&](std::span<const double> at) {
      const std::vector<double> x(at.begin(), at.begin() + g.x.size());
      const std::vector<double> w(at.begin() + g.x.size(), at.end());
      return dot(t.dy, reference::conv_forward(g, x, w, t.bias));
    };
    std::vector<double> at = t.x, gradient = reference::conv_backward_data(g, t.dy, t.w);
    const auto dw = reference::conv_backward_filters(g, t.x, t.dy);
    at.insert(at.end(), t.w.begin(), t.w.end());
    gradient.insert(gradient.end(), dw.begin(), dw.end());
    const auto result = check_gradient(loss, at, gradient);
    CHECK_MESSAGE(result.ok, t.describe() << ": " << result.message);
    CHECK(result.checked == at.size());
  }
}

TEST_CASE("transposed convolution: the reference's gradients are those of its forward") {
  for (const ConvTranspose& t :
       {ConvTranspose{{2, 3, 2, 2}, 3, 4, 4, 2, 1, 0}, ConvTranspose{{1, 3, 4, 2}, 2, 3, 2, 3, 1, 2}}) {
    const auto x = random_values(1, t.x.size()), w = random_values(2, t.x.c * t.out * t.r * t.s);
    const auto dy = random_values(3, t.y().size());
    const auto loss = [&](std::span<const double> at) {
      const auto cut = at.begin() + t.x.size();
      return dot(dy, t.forward({at.begin(), cut}, {cut, at.end()}));
    };
    std::vector<double> at = x, gradient = t.backward_data(dy, w);
    const auto dw = t.backward_filters(x, dy);
    at.insert(at.end(), w.begin(), w.end());
    gradient.insert(gradient.end(), dw.begin(), dw.end());
    const auto result = check_gradient(loss, at, gradient);
    CHECK_MESSAGE(result.ok, result.message);
    CHECK(result.checked == at.size());
  }
}

TEST_CASE("convolution: every kernel with every stride and padding equals the reference") {
  std::vector<ConvGeometry> geometries;
  for (const auto& [r, s] :
       {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 3}, {4, 4}, {5, 5}, {7, 7}, {3, 5}})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t pad : {0, 1, 2, 3})
        geometries.push_back({{1, 8, 11, 2}, {3, 2, r, s, stride, pad}});
  check_parity(geometries);
}

TEST_CASE("convolution: all numbers of channels equal the reference") {
  std::vector<ConvGeometry> geometries;
  for (const std::int64_t c : {1, 2, 3, 6, 16, 17, 64})
    for (const std::int64_t k : {1, 2, 3, 6, 16, 17, 64})
      geometries.push_back({{1, 3, 5, c}, {k, c, 3, 3, 1, 1}});
  check_parity(geometries);
}

TEST_CASE("convolution: all image sizes equal the reference") {
  std::vector<ConvGeometry> geometries;
  for (const std::int64_t h : {1, 2, 13, 31, 33})
    for (const std::int64_t w : {1, 2, 17, 31, 33}) {
      geometries.push_back({{1, h, w, 3}, {2, 3, 3, 3, 1, 1}});
      if (h > 1 && w > 1) geometries.push_back({{3, h, w, 2}, {3, 2, 4, 4, 2, 1}});
    }
  check_parity(geometries);
}

TEST_CASE("convolution: the layers of pix2pix equal the reference, down to one pixel") {
  check_parity({
      {{1, 16, 16, 6}, {16, 6, 4, 4, 2, 1}},
      {{1, 16, 32, 3}, {16, 3, 4, 4, 2, 1}},
      {{3, 8, 8, 16}, {17, 16, 4, 4, 2, 1}},
      {{1, 4, 4, 64}, {64, 64, 4, 4, 2, 1}},
      {{1, 2, 2, 64}, {64, 64, 4, 4, 2, 1}},
      {{3, 2, 2, 16}, {64, 16, 4, 4, 2, 1}},
      {{3, 5, 6, 16}, {64, 16, 4, 4, 1, 1}},
      {{1, 4, 5, 64}, {1, 64, 4, 4, 1, 1}},
      {{1, 13, 14, 3}, {16, 3, 7, 7, 1, 0}},
      {{1, 13, 11, 16}, {1, 16, 7, 7, 1, 0}},
      {{1, 8, 7, 16}, {17, 16, 3, 3, 2, 1}},
      {{1, 6, 6, 64}, {64, 64, 3, 3, 1, 0}},
      {{1, 16, 16, 1}, {16, 1, 4, 4, 2, 1}},
      {{1, 7, 7, 2}, {64, 2, 1, 1, 1, 0}},
  });
}

TEST_CASE("convolution: images unlike the one the filters' layout was chosen for equal the reference") {
  // For these the library wants the weight gradient in another layout than that of the stored filters.
  for (const ConvGeometry& g :
       {ConvGeometry{{1, 2, 2, 3}, {16, 3, 1, 1, 2, 0}}, ConvGeometry{{2, 2, 2, 1}, {3, 1, 1, 1, 2, 0}},
        ConvGeometry{{1, 1, 40, 16}, {1, 16, 3, 3, 1, 3}}, ConvGeometry{{1, 7, 7, 64}, {3, 64, 3, 3, 1, 3}},
        ConvGeometry{{2, 2, 2, 1}, {1, 1, 4, 4, 1, 3}}})
    for (const Write write : {Write::assign, Write::add}) check_parity(g, true, write);
}

TEST_CASE("convolution: an empty batch and missing channels leave what the definition leaves") {
  for (const ConvGeometry& g :
       {ConvGeometry{{0, 5, 5, 3}, {2, 3, 3, 3, 1, 1}}, ConvGeometry{{2, 5, 5, 0}, {2, 0, 3, 3, 1, 1}},
        ConvGeometry{{2, 5, 5, 3}, {0, 3, 3, 3, 2, 1}}})
    for (const bool with_bias : {false, true})
      for (const Write write : {Write::assign, Write::add}) check_parity(g, with_bias, write);
  // No input channels, but a bias: it is the result.
  const Case t = make_case({{1, 2, 2, 0}, {2, 0, 1, 1, 1, 0}}, true, Write::assign);
  const std::vector<double> y = cpu_forward<float>(t)[0].values;
  REQUIRE(y.size() == 8);
  CHECK(y[5] == t.bias[1]);
}

TEST_CASE("convolution: the same bits twice, and in double on any number of threads") {
  for (const ConvGeometry& g : {ConvGeometry{{3, 9, 13, 3}, {17, 3, 4, 4, 2, 1}},
                                ConvGeometry{{2, 7, 5, 64}, {16, 64, 3, 3, 1, 1}}}) {
    const Case t = make_case(g, true, Write::add);
    const auto run = [&]<class T>() {
      Results all;
      for (const Results& part : {cpu_forward<T>(t), cpu_backward_data<T>(t), cpu_backward_filters<T>(t)})
        all.insert(all.end(), part.begin(), part.end());
      return all;
    };
    const Results once = run.operator()<float>(), twice = run.operator()<float>();
    for (std::size_t i = 0; i < once.size(); ++i)
      CHECK_MESSAGE(once[i].values == twice[i].values, once[i].name << " of " << t.describe());
    check_same_bits_on_any_threads([&] { return run.operator()<double>(); });
  }
}

TEST_CASE("convolution: one set of filters serves images of any size and any number of threads") {
  const FilterShape shape{16, 3, 4, 4, 2, 1};
  const int before = kernels::threads();
  for (const int threads : {1, 3}) {
    kernels::set_threads(threads);
    check_parity(
        {{{1, 6, 6, 3}, shape}, {{1, 12, 4, 3}, shape}, {{5, 6, 6, 3}, shape}, {{1, 6, 6, 3}, shape}});
  }
  kernels::set_threads(before);
}

// ------------------------------------------------------------------------------- layout of the filters

template <class T>
void check_round_trip(const FilterShape& shape) {
  INFO("filters [" << shape.k << "," << shape.c << "," << shape.r << "," << shape.s << "]");
  const std::vector<double> plain = random_values(6, shape.size(), 1, 2);  // none is 0
  StoredFilters<T> f(shape, plain);
  CHECK(f.filters.shape() == shape);
  CHECK(f.filters.storage_size() >= shape.size());
  std::vector<T> back(plain.size(), T(-1));
  f.filters.to_plain(back.data(), f.storage.data());
  CHECK(std::vector<double>(back.begin(), back.end()) == plain);
  // A permutation with zeros in between: every value once, nothing else.
  std::multiset<double> values(plain.begin(), plain.end()), stored;
  for (const T v : f.storage)
    if (v != T(0)) stored.insert(static_cast<double>(v));
  CHECK(stored == values);
}

TEST_CASE("filters: plain order to storage and back, padded layouts included") {
  for (const FilterShape& shape :
       {FilterShape{3, 3, 3, 3, 1, 1}, FilterShape{64, 3, 4, 4, 2, 1}, FilterShape{1, 64, 4, 4, 1, 1},
        FilterShape{17, 6, 3, 5, 1, 2}, FilterShape{16, 16, 7, 7, 1, 3}, FilterShape{3, 17, 1, 1, 1, 0},
        FilterShape{1, 1, 1, 1, 1, 0}, FilterShape{64, 65, 4, 4, 2, 1}, FilterShape{0, 3, 3, 3, 1, 1},
        FilterShape{3, 0, 3, 3, 1, 1}}) {
    check_round_trip<float>(shape);
    check_round_trip<double>(shape);
  }
}

TEST_CASE("filters: from_plain overwrites whatever the storage held, padding included") {
  const FilterShape shape{3, 3, 4, 4, 2, 1};
  StoredFilters<float> f(shape, random_values(7, shape.size()));
  const std::vector<float> clean = f.storage;
  std::fill(f.storage.begin(), f.storage.end(), std::numeric_limits<float>::quiet_NaN());
  f.write(random_values(7, shape.size()));
  CHECK(f.storage == clean);
}

template <class T>
void check_changed(const ConvGeometry& g) {
  Case t = make_case(g, false, Write::assign);
  INFO(t.describe());
  StoredFilters<T> f(g.filters, t.w);
  const auto run = [&] {
    Buffer<T> x(g.x.pixels(), g.x.c, 0, t.x), y(g.y().pixels(), g.filters.k, 0);
    Buffer<T> dx(g.x.pixels(), g.x.c, 0), dy(g.y().pixels(), g.filters.k, 0, t.dy);
    cpu::conv_forward<T>(g, y.data(), x.data(), f.filters, nullptr);
    cpu::conv_backward_data<T>(g, dx.data(), dy.data(), f.filters);
    return Results{{"y", y.values()}, {"dx", dx.values()}};
  };
  run();  // makes the repacked copies
  t.w = random_values(77, g.filters.size());
  f.write(t.w);
  f.filters.changed();
  const Results after = run();
  CHECK(after[0].values == cpu_forward<T>(t)[0].values);
  CHECK(after[1].values == cpu_backward_data<T>(t)[0].values);
}

TEST_CASE("filters: after changed() no operation uses the old values") {
  for (const ConvGeometry& g :
       {ConvGeometry{{1, 8, 8, 16}, {64, 16, 4, 4, 2, 1}}, ConvGeometry{{1, 8, 8, 3}, {16, 3, 4, 4, 2, 1}},
        ConvGeometry{{1, 6, 6, 64}, {1, 64, 4, 4, 1, 1}}, ConvGeometry{{2, 6, 7, 17}, {6, 17, 3, 3, 1, 1}}}) {
    check_changed<float>(g);
    check_changed<double>(g);
  }
}

// ------------------------------------------------------------------------------- transposed convolution

struct TransposedCase {
  ConvTranspose t;
  std::vector<double> x, w, dy;

  explicit TransposedCase(const ConvTranspose& transpose)
      : t(transpose),
        x(random_values(1, t.x.size())),
        w(random_values(2, t.x.c * t.out * t.r * t.s)),
        dy(random_values(3, t.y().size())) {}
  FilterShape filters() const { return {t.x.c, t.out, t.r, t.s, t.stride, t.pad}; }
  std::string describe() const {
    std::ostringstream text;
    text << "image [" << t.x.n << "," << t.x.h << "," << t.x.w << "," << t.x.c << "] to " << t.out
         << " channels, kernel " << t.r << "x" << t.s << " stride " << t.stride << " pad " << t.pad
         << " output_pad " << t.output_pad;
    return text.str();
  }
};

Results reference_transposed(const TransposedCase& c) {
  return {{"y", c.t.forward(c.x, c.w)},
          {"dx", c.t.backward_data(c.dy, c.w)},
          {"dw", c.t.backward_filters(c.x, c.dy)},
          {"elements of dirty padding", {0}}};
}

// As the header says: forward is conv_backward_data, and the other two exchange roles likewise.
template <class T>
Results cpu_transposed(const TransposedCase& c) {
  const ConvGeometry g = ConvGeometry::transposed(c.t.x, c.filters(), c.t.output_pad);
  const Shape4 out = g.x;
  StoredFilters<T> f(c.filters(), c.w);
  Buffer<T> x(c.t.x.pixels(), c.t.x.c, 0, c.x), dx(c.t.x.pixels(), c.t.x.c, 0);
  Buffer<T> y(out.pixels(), out.c, 0), dy(out.pixels(), out.c, 0, c.dy);
  Buffer<T> dfilters(1, f.filters.storage_size(), 0);
  cpu::conv_backward_data<T>(g, y.data(), x.data(), f.filters);
  cpu::conv_forward<T>(g, dx.data(), dy.data(), f.filters, nullptr);
  cpu::conv_backward_filters<T>(g, dfilters.data(), Write::assign, dy.data(), x.data(), f.filters);
  Results results{{"y", y.values()}, {"dx", dx.values()}};
  for (Result& r : plain_gradient(f.filters, dfilters)) results.push_back(std::move(r));
  return results;
}

const ImplementationTable<TransposedCase> kTransposed("transposed convolution",
                                                      {{"reference", 0x1p-52, reference_transposed},
                                                       {"cpu float", 0x1p-23, cpu_transposed<float>},
                                                       {"cpu double", 0x1p-52, cpu_transposed<double>}});

TEST_CASE("transposed convolution: equals its own definition, output padding included") {
  for (const ConvTranspose& t : {ConvTranspose{{1, 1, 1, 1}, 1, 4, 4, 2, 1, 0},
                                 {{3, 1, 1, 64}, 16, 4, 4, 2, 1, 0},
                                 {{1, 2, 2, 64}, 17, 4, 4, 2, 1, 0},
                                 {{2, 8, 5, 16}, 3, 4, 4, 2, 1, 0},
                                 {{1, 13, 7, 6}, 1, 4, 4, 2, 1, 1},
                                 {{2, 5, 4, 17}, 6, 3, 3, 2, 1, 1},
                                 {{1, 5, 4, 3}, 2, 3, 3, 2, 1, 0},
                                 {{1, 4, 31, 2}, 3, 3, 5, 3, 2, 2},
                                 {{1, 4, 3, 2}, 3, 5, 5, 3, 1, 1},
                                 {{1, 6, 5, 3}, 2, 1, 1, 1, 0, 0},
                                 {{1, 3, 2, 3}, 2, 1, 1, 3, 0, 2},
                                 {{1, 7, 6, 3}, 16, 7, 7, 1, 3, 0},
                                 {{0, 3, 3, 2}, 3, 4, 4, 2, 1, 0},
                                 {{2, 3, 3, 2}, 0, 4, 4, 2, 1, 0},
                                 {{2, 3, 3, 0}, 2, 4, 4, 2, 1, 0}}) {
    const TransposedCase c(t);
    const ConvGeometry g = ConvGeometry::transposed(t.x, c.filters(), t.output_pad);
    CHECK(g.x == t.y());
    REQUIRE_MESSAGE(g.y() == t.x, c.describe());
    const std::int64_t longest = std::max({t.x.c * t.r * t.s, t.out * t.r * t.s, t.x.pixels()});
    kTransposed.check_all(c, tolerance_of_sum(longest));
  }
}

// ---------------------------------------------------------------------------------------------- geometry

std::string shape_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const ShapeError& e) {
    return e.what();
  }
  return "no ShapeError";
}

bool has(const std::string& text, std::initializer_list<const char*> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const char* p) { return text.find(p) != std::string::npos; });
}

TEST_CASE("convolution: contradicting shapes are refused in a text that names both") {
  const std::string channels = shape_error([] { ConvGeometry{{1, 8, 9, 3}, {5, 4, 2, 2, 1, 0}}.y(); });
  CHECK_MESSAGE(has(channels, {"[1,8,9,3]", "[5,4,2,2]"}), channels);
  const std::string size = shape_error([] { ConvGeometry{{1, 2, 9, 3}, {5, 3, 7, 7, 1, 2}}.y(); });
  CHECK_MESSAGE(has(size, {"[1,2,9,3]", "[5,3,7,7]", "pad 2"}), size);
  CHECK_NOTHROW(ConvGeometry{{1, 3, 9, 3}, {5, 3, 7, 7, 1, 2}}.check());  // one row more fits
  for (const ConvGeometry& g :
       {ConvGeometry{{1, 2, 2, 1}, {1, 1, 0, 1, 1, 0}}, ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 0, 1, 0}},
        ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 1, 0, 0}}, ConvGeometry{{1, 2, 2, 1}, {1, 1, 1, 1, 1, -1}},
        ConvGeometry{{1, 2, 2, 1}, {-1, 1, 1, 1, 1, 0}}, ConvGeometry{{-1, 2, 2, 1}, {1, 1, 1, 1, 1, 0}},
        ConvGeometry{{1, -2, 2, 1}, {1, 1, 1, 1, 1, 3}}})
    CHECK_THROWS_AS(g.check(), ShapeError);
}

TEST_CASE("transposed convolution: contradicting shapes are refused in a text that names both") {
  const FilterShape f{6, 3, 4, 4, 2, 1};
  const std::string channels = shape_error([&] { ConvGeometry::transposed({1, 8, 8, 5}, f, 0); });
  CHECK_MESSAGE(has(channels, {"[1,8,8,5]", "[6,3,4,4]"}), channels);
  const std::string nothing = shape_error([&] {
    ConvGeometry::transposed({1, 1, 1, 6}, {6, 3, 2, 2, 1, 1}, 0);
  });
  CHECK_MESSAGE(has(nothing, {"[1,1,1,6]", "[6,3,2,2]"}), nothing);
  const std::string pad = shape_error([&] { ConvGeometry::transposed({1, 8, 8, 6}, f, 2); });
  CHECK_MESSAGE(has(pad, {"output padding 2", "stride 2"}), pad);
  CHECK_THROWS_AS(ConvGeometry::transposed({1, 8, 8, 6}, f, -1), ShapeError);
  CHECK_NOTHROW(ConvGeometry::transposed({1, 8, 8, 6}, f, 1));
}

}  // namespace
}  // namespace uptake::tests
