#include "kernels/conv/conv.h"

#include <algorithm>

#include "kernels/base/gradient_check.h"
#include "tests/kernels/parity.h"
#include "tests/reference/conv.h"
#include "tests/reference/pointwise.h"

namespace uptake::tests {
namespace {

using namespace kernels;
using reference::ConvTranspose;

/// Filters [k,r,s,c] that can be written anew, as a network's are.
template <class T>
class StoredFilters {
 public:
  StoredFilters(const FilterShape& shape, const std::vector<double>& kcrs)
      : shape_(shape), krsc_(static_cast<std::size_t>(shape.size())) {
    write(kcrs);
  }
  ~StoredFilters() { cpu::forget_filters(krsc_.data(), krsc_.data() + krsc_.size()); }
  StoredFilters(const StoredFilters&) = delete;
  StoredFilters& operator=(const StoredFilters&) = delete;

  void write(const std::vector<double>& kcrs) {
    static std::uint64_t versions = 0;
    const auto values = to<T>(kcrs);
    kcrs_to_krsc(krsc_.data(), values.data(), shape_);
    version_ = ++versions;
  }
  operator ConvFilters<T>() const { return {krsc_.data(), version_}; }

 private:
  FilterShape shape_;
  std::vector<T> krsc_;
  std::uint64_t version_ = 0;
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
Results cpu_forward(const Case& t, const char* algorithm) {
  const StoredFilters<T> f(t.g.filters, t.w);
  Buffer<T> x(t.g.x.pixels(), t.g.x.c, 0, t.x), y(t.g.y().pixels(), t.g.filters.k, 0);
  Buffer<T> bias(1, t.with_bias ? t.g.filters.k : 0, 0, t.bias);
  const ConvEpilogue<T> epilogue{t.with_bias ? bias.data() : nullptr, {}};
  cpu::conv(ConvCall<T>::forward(t.g, y.data(), x.data(), f, epilogue), {.algorithm = algorithm});
  return {{"y", y.values()}};
}

template <class T>
Results cpu_backward_data(const Case& t, const char* algorithm) {
  const StoredFilters<T> f(t.g.filters, t.w);
  Buffer<T> dx(t.g.x.pixels(), t.g.x.c, 0), dy(t.g.y().pixels(), t.g.filters.k, 0, t.dy);
  cpu::conv(ConvCall<T>::backward_data(t.g, dx.data(), dy.data(), f), {.algorithm = algorithm});
  return {{"dx", dx.values()}};
}

template <class T>
Results cpu_backward_filters(const Case& t, const char* algorithm) {
  Buffer<T> x(t.g.x.pixels(), t.g.x.c, 0, t.x), dy(t.g.y().pixels(), t.g.filters.k, 0, t.dy);
  Buffer<T> dfilters =
      output_buffer<T>(1, t.g.filters.size(), 0, t.write, reference::to_krsc(t.g.filters, t.before));
  cpu::conv(ConvCall<T>::backward_filters(t.g, dfilters.data(), t.write, x.data(), dy.data()),
            {.algorithm = algorithm});
  return {{"dw", dfilters.values()}};
}

Results reference_forward(const Case& t) { return {{"y", reference::conv_forward(t.g, t.x, t.w, t.bias)}}; }

Results reference_backward_data(const Case& t) {
  return {{"dx", reference::conv_backward_data(t.g, t.dy, t.w)}};
}

Results reference_backward_filters(const Case& t) {
  return {{"dw", written(reference::to_krsc(t.g.filters, reference::conv_backward_filters(t.g, t.x, t.dy)),
                         t.write, reference::to_krsc(t.g.filters, t.before))}};
}

using OnCpu = Results (*)(const Case&, const char*);
ImplementationTable<Case> table_of(const char* name, Results (*truth)(const Case&), OnCpu single,
                                   OnCpu twice) {
  std::vector<Implementation<Case>> all{{"reference", 0x1p-52, truth}};
  for (const std::string& algorithm : cpu::conv_algorithms()) {
    all.push_back(
        {"cpu float " + algorithm, 0x1p-23, [=](const Case& t) { return single(t, algorithm.c_str()); }});
    all.push_back(
        {"cpu double " + algorithm, 0x1p-52, [=](const Case& t) { return twice(t, algorithm.c_str()); }});
  }
  return {name, all};
}

const ImplementationTable<Case> kForward =
    table_of("forward", reference_forward, cpu_forward<float>, cpu_forward<double>);
const ImplementationTable<Case> kBackwardData =
    table_of("backward data", reference_backward_data, cpu_backward_data<float>, cpu_backward_data<double>);
const ImplementationTable<Case> kBackwardFilters =
    table_of("backward filters", reference_backward_filters, cpu_backward_filters<float>,
             cpu_backward_filters<double>);

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

TEST_CASE("convolution: filters of whole blocks of channels, small and beyond the caches") {
  for (const FilterShape& f :
       {FilterShape{16, 16, 4, 4, 2, 1}, FilterShape{32, 48, 3, 3, 1, 1}, FilterShape{80, 16, 4, 4, 2, 1},
        FilterShape{64, 128, 1, 1, 1, 0}, FilterShape{128, 144, 4, 4, 2, 1}})
    for (const Write write : {Write::assign, Write::add})
      check_parity({{1, 5, 6, f.c}, f}, write == Write::add, write);
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

TEST_CASE("convolution: shapes for which oneDNN takes rare layouts equal the reference") {
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
  const std::vector<double> y = cpu_forward<float>(t, "auto")[0].values;
  REQUIRE(y.size() == 8);
  CHECK(y[5] == t.bias[1]);
}

TEST_CASE("convolution: the same bits twice, and in double on any number of threads") {
  for (const ConvGeometry& g : {ConvGeometry{{3, 9, 13, 3}, {17, 3, 4, 4, 2, 1}},
                                ConvGeometry{{2, 7, 5, 64}, {16, 64, 3, 3, 1, 1}}}) {
    const Case t = make_case(g, true, Write::add);
    const auto run = [&]<class T>() {
      Results all;
      for (const Results& part :
           {cpu_forward<T>(t, "auto"), cpu_backward_data<T>(t, "auto"), cpu_backward_filters<T>(t, "auto")})
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

TEST_CASE("convolution: bias and activation follow forward and backward data") {
  for (const Activation kind : {Activation::leaky_relu, Activation::tanh})
    for (const std::string& algorithm : cpu::conv_algorithms()) {
      Case t = make_case({{2, 7, 6, 5}, {3, 5, 3, 3, 2, 1}}, false, Write::assign);
      const Act act{kind, 0.25};
      const auto k = random_values(6, 3), c = random_values(7, 5);
      const StoredFilters<double> f(t.g.filters, t.w);
      Buffer<double> x(t.g.x.pixels(), 5, 0, t.x), dy(t.g.y().pixels(), 3, 0, t.dy),
          y(t.g.y().pixels(), 3, 0), dx(t.g.x.pixels(), 5, 0);
      const ConvOptions options{.algorithm = algorithm};
      cpu::conv(ConvCall<double>::forward(t.g, y.data(), x.data(), f, {k.data(), act}), options);
      cpu::conv(ConvCall<double>::backward_data(t.g, dx.data(), dy.data(), f, {c.data(), act}), options);
      std::vector<double> forward = reference::conv_forward(t.g, t.x, t.w, k),
                          backward = reference::conv_backward_data(t.g, t.dy, t.w);
      for (double& v : forward) v = reference::activate(act, v);
      for (std::size_t i = 0; i < backward.size(); ++i)
        backward[i] = reference::activate(act, backward[i] + c[i % 5]);
      const auto close = [](const std::vector<double>& actual, const std::vector<double>& truth) {
        REQUIRE(actual.size() == truth.size());
        for (std::size_t i = 0; i < truth.size(); ++i)
          CHECK(actual[i] == doctest::Approx(truth[i]).epsilon(1e-12));
      };
      close(y.values(), forward);
      close(dx.values(), backward);
    }
}

TEST_CASE("convolution: an algorithm that is not there is refused with the list of those that are") {
  const Case t = make_case({{1, 2, 2, 1}, {1, 1, 1, 1, 1, 0}}, false, Write::assign);
  try {
    cpu_forward<float>(t, "mine");
    FAIL("no error");
  } catch (const std::invalid_argument& e) {
    const std::string text = e.what();
    for (const std::string& name : cpu::conv_algorithms()) CHECK(text.find(name) != std::string::npos);
    CHECK(text.find("'mine'") != std::string::npos);
  }
  CHECK(cpu::conv_algorithms().back() == "plain");
}

// ------------------------------------------------------------------------------- layout of the filters

TEST_CASE("filters: [k,r,s,c] to [k,c,r,s] and back") {
  for (const FilterShape& shape :
       {FilterShape{3, 5, 2, 4, 1, 1}, FilterShape{1, 1, 1, 1, 1, 0}, FilterShape{64, 65, 4, 4, 2, 1},
        FilterShape{0, 3, 3, 3, 1, 1}, FilterShape{3, 0, 3, 3, 1, 1}}) {
    const std::vector<double> kcrs = random_values(6, shape.size());
    std::vector<double> krsc(kcrs.size()), back(kcrs.size());
    kcrs_to_krsc(krsc.data(), kcrs.data(), shape);
    CHECK(krsc == reference::to_krsc(shape, kcrs));
    krsc_to_kcrs(back.data(), krsc.data(), shape);
    CHECK(back == kcrs);
  }
}

template <class T>
Results forward_and_backward(const Case& t, const ConvFilters<T>& f) {
  const ConvGeometry& g = t.g;
  Buffer<T> x(g.x.pixels(), g.x.c, 0, t.x), y(g.y().pixels(), g.filters.k, 0);
  Buffer<T> dx(g.x.pixels(), g.x.c, 0), dy(g.y().pixels(), g.filters.k, 0, t.dy);
  cpu::conv(ConvCall<T>::forward(g, y.data(), x.data(), f));
  cpu::conv(ConvCall<T>::backward_data(g, dx.data(), dy.data(), f));
  return Results{{"y", y.values()}, {"dx", dx.values()}};
}

const std::vector<ConvGeometry> kLayouts = {{{1, 8, 8, 16}, {64, 16, 4, 4, 2, 1}},
                                            {{1, 8, 8, 3}, {16, 3, 4, 4, 2, 1}},
                                            {{1, 6, 6, 64}, {1, 64, 4, 4, 1, 1}},
                                            {{2, 6, 7, 17}, {6, 17, 3, 3, 1, 1}}};

TEST_CASE("filters: under a new version no operation uses the old values") {
  const auto check = [&]<class T>(const ConvGeometry& g) {
    Case t = make_case(g, false, Write::assign);
    INFO(t.describe());
    StoredFilters<T> f(g.filters, t.w);
    forward_and_backward<T>(t, f);  // makes the copies
    t.w = random_values(77, g.filters.size());
    f.write(t.w);
    const Results after = forward_and_backward<T>(t, f);
    CHECK(after[0].values == cpu_forward<T>(t, "auto")[0].values);
    CHECK(after[1].values == cpu_backward_data<T>(t, "auto")[0].values);
  };
  for (const ConvGeometry& g : kLayouts) {
    check.operator()<float>(g);
    check.operator()<double>(g);
  }
}

TEST_CASE(
    "filters: a copy serves as long as the version lasts; without a version, or forgotten, there is none") {
  if (cpu::conv_algorithms().front() != "onednn") return;  // plain loops keep no copies
  for (const ConvGeometry& g : kLayouts) {
    Case t = make_case(g, false, Write::assign);
    INFO(t.describe());
    std::vector<float> krsc(static_cast<std::size_t>(g.filters.size()));
    const auto write = [&](std::uint64_t seed) {
      const auto values = to<float>(random_values(seed, g.filters.size()));
      std::ranges::copy(values, krsc.begin());
    };
    const auto run = [&](std::uint64_t version) {
      const Results results = forward_and_backward<float>(t, {krsc.data(), version});
      return std::pair{results[0].values, results[1].values};
    };
    write(1);
    const auto first = run(1'000'001);
    CHECK(run(0) == first);
    write(2);
    CHECK(run(1'000'001) == first);  // which the caller should not have done
    const auto second = run(0);
    CHECK(second.first != first.first);
    CHECK(second.second != first.second);
    cpu::forget_filters(krsc.data(), krsc.data() + krsc.size());
    CHECK(run(1'000'001) == second);
    cpu::forget_filters(krsc.data(), krsc.data() + krsc.size());
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
          {"dw", reference::to_krsc(c.filters(), c.t.backward_filters(c.x, c.dy))}};
}

// As the header says: forward is backward data, and the other two exchange roles likewise.
template <class T>
Results cpu_transposed(const TransposedCase& c) {
  const ConvGeometry g = ConvGeometry::transposed(c.t.x, c.filters(), c.t.output_pad);
  const Shape4 out = g.x;
  const StoredFilters<T> f(c.filters(), c.w);
  Buffer<T> x(c.t.x.pixels(), c.t.x.c, 0, c.x), dx(c.t.x.pixels(), c.t.x.c, 0);
  Buffer<T> y(out.pixels(), out.c, 0), dy(out.pixels(), out.c, 0, c.dy);
  Buffer<T> dfilters(1, c.filters().size(), 0);
  cpu::conv(ConvCall<T>::backward_data(g, y.data(), x.data(), f));
  cpu::conv(ConvCall<T>::forward(g, dx.data(), dy.data(), f));
  cpu::conv(ConvCall<T>::backward_filters(g, dfilters.data(), Write::assign, dy.data(), x.data()));
  return {{"y", y.values()}, {"dx", dx.values()}, {"dw", dfilters.values()}};
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

}  // namespace
}  // namespace uptake::tests
