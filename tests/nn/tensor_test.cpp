#include "nn/tensor.h"

#include "kernels/base/memory.h"
#include "tests/support/tensors.h"

namespace uptake::tests {
namespace {

using kernels::ShapeError;

constexpr DType kBoth[] = {DType::f32, DType::f64};

// [2,3,2,5] with element i equal to i.
Tensor counting(DType dtype) {
  std::vector<double> elements(60);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<double>(i);
  return tensor_of({2, 3, 2, 5}, dtype, elements);
}

TEST_CASE("tensor: zeros, full and vector hold what they say") {
  for (const DType dtype : kBoth) {
    CHECK(values_of(Tensor::zeros({1, 2, 2, 3}, dtype)) == std::vector<double>(12, 0.0));
    CHECK(values_of(Tensor::full({2, 1, 1, 2}, dtype, -1.5)) == std::vector<double>(4, -1.5));
    const Tensor v = Tensor::vector(3, dtype);
    CHECK(v.shape() == Shape{1, 1, 1, 3});
    CHECK(values_of(v) == std::vector<double>(3, 0.0));
    CHECK(v.dtype() == dtype);
    CHECK(v.packed());
  }
  CHECK(nn::to_string(DType::f32) == "float32");
  CHECK(nn::to_string(DType::f64) == "float64");
  CHECK(nn::to_string(Shape{1, 256, 255, 3}) == "[1,256,255,3]");
}

TEST_CASE("tensor: a default one is undefined, an empty one is defined") {
  CHECK_FALSE(Tensor().defined());
  const Tensor t = Tensor::zeros({0, 3, 3, 2}, DType::f32);
  CHECK(t.defined());
  CHECK(t.size() == 0);
  CHECK(t.clone().size() == 0);
  CHECK(t.all_finite());
  CHECK(t.to(DType::f64).shape() == t.shape());
}

TEST_CASE("tensor: a copy of the handle shares the elements, a clone does not") {
  for (const DType dtype : kBoth) {
    Tensor a = counting(dtype);
    Tensor shared = a;
    const Tensor cloned = a.clone();
    shared.fill(7);
    CHECK(values_of(a) == std::vector<double>(60, 7.0));
    CHECK(values_of(cloned) == values_of(counting(dtype)));
  }
}

TEST_CASE("tensor: channels are a view of every pixel") {
  for (const DType dtype : kBoth) {
    Tensor whole = counting(dtype);
    Tensor part = whole.channels(1, 3);
    CHECK(part.shape() == Shape{2, 3, 2, 2});
    CHECK(part.pitch() == 5);
    CHECK_FALSE(part.packed());
    std::vector<double> expected;
    for (int pixel = 0; pixel < 12; ++pixel) {
      expected.push_back(5 * pixel + 1);
      expected.push_back(5 * pixel + 2);
    }
    CHECK(values_of(part) == expected);
    // A view of the view counts from its own first channel.
    CHECK(values_of(part.channels(1, 2)) == values_of(whole.channels(2, 3)));
    // Writing through the view changes those channels and no others.
    part.fill(-1);
    const std::vector<double> all = values_of(whole);
    for (std::size_t i = 0; i < all.size(); ++i)
      CHECK(all[i] == (i % 5 == 1 || i % 5 == 2 ? -1 : static_cast<double>(i)));
    CHECK(whole.channels(2, 2).size() == 0);
    CHECK(whole.channels(0, 5).packed());
  }
}

TEST_CASE("tensor: a clone of a view is packed and holds the view's elements") {
  for (const DType dtype : kBoth) {
    const Tensor part = counting(dtype).channels(2, 5);
    const Tensor copy = part.clone();
    CHECK(copy.packed());
    CHECK(copy.pitch() == 3);
    CHECK(values_of(copy) == values_of(part));
    CHECK(values_of(part.contiguous()) == values_of(part));
    CHECK(part.contiguous().packed());
  }
}

TEST_CASE("tensor: contiguous() of a packed tensor is itself") {
  const Tensor t = counting(DType::f32);
  CHECK(t.contiguous().data<float>() == t.data<float>());
  // One pixel is packed whatever its pitch.
  const Tensor pixel = tensor_of({1, 1, 1, 4}, DType::f32, {1, 2, 3, 4}).channels(1, 3);
  CHECK(pixel.packed());
  CHECK(values_of(pixel.reshaped({1, 2, 1, 1})) == std::vector<double>{2, 3});
}

TEST_CASE("tensor: slices and reshapes are views of packed elements") {
  for (const DType dtype : kBoth) {
    Tensor t = counting(dtype);
    Tensor middle = t.slice(7, 4);
    CHECK(middle.shape() == Shape{1, 1, 1, 4});
    CHECK(values_of(middle) == std::vector<double>{7, 8, 9, 10});
    middle.fill(0);
    CHECK(values_of(t)[10] == 0);
    CHECK(values_of(t)[11] == 11);
    CHECK(t.slice(60, 0).size() == 0);
    const Tensor other = t.reshaped({1, 4, 5, 3});
    CHECK(other.shape() == Shape{1, 4, 5, 3});
    CHECK(other.pitch() == 3);
    CHECK(values_of(other) == values_of(t));
  }
}

TEST_CASE("tensor: an impossible view is refused") {
  const Tensor t = counting(DType::f32);
  CHECK_THROWS_AS(t.channels(-1, 2), ShapeError);
  CHECK_THROWS_AS(t.channels(3, 2), ShapeError);
  CHECK_THROWS_AS(t.channels(0, 6), ShapeError);
  CHECK_THROWS_AS(t.slice(-1, 2), ShapeError);
  CHECK_THROWS_AS(t.slice(58, 3), ShapeError);
  CHECK_THROWS_AS(t.slice(0, -1), ShapeError);
  CHECK_THROWS_AS(t.channels(0, 2).slice(0, 2), ShapeError);  // not packed
  CHECK_THROWS_AS(t.channels(0, 2).reshaped({1, 1, 1, 24}), ShapeError);
  const std::string text = message_of<ShapeError>([&] { t.reshaped({1, 1, 1, 59}); });
  CHECK_MESSAGE(contains(text, {"[2,3,2,5]", "[1,1,1,59]"}), text);
  CHECK_THROWS_AS(Tensor::empty({1, -1, 1, 1}, DType::f32), ShapeError);
}

TEST_CASE("tensor: elements read as another type are an error") {
  CHECK_THROWS_AS(counting(DType::f32).data<double>(), std::logic_error);
  CHECK_THROWS_AS(counting(DType::f64).view<float>(), std::logic_error);
}

TEST_CASE("tensor: to() changes the storage type and keeps the numbers that fit") {
  const Tensor t = tensor_of({1, 1, 2, 2}, DType::f64, {0.1, -3, 1e-3, 65537});
  const Tensor single = t.to(DType::f32);
  CHECK(single.dtype() == DType::f32);
  CHECK(values_of(single) == std::vector<double>{0.1f, -3, 1e-3f, 65537});
  CHECK(values_of(single.to(DType::f64)) == values_of(single));
  const Tensor part = counting(DType::f32).channels(1, 3);
  CHECK(values_of(part.to(DType::f64)) == values_of(part));
  CHECK(t.to(DType::f64).data<double>() != t.data<double>());
}

TEST_CASE("tensor: copy_from goes between pitches and refuses other shapes and types") {
  for (const DType dtype : kBoth) {
    Tensor whole = Tensor::zeros({2, 3, 2, 7}, dtype);
    Tensor part = whole.channels(1, 6);
    part.copy_from(counting(dtype));
    CHECK(values_of(whole.channels(1, 6)) == values_of(counting(dtype)));
    CHECK(values_of(whole.channels(0, 1)) == std::vector<double>(12, 0.0));
    CHECK(values_of(whole.channels(6, 7)) == std::vector<double>(12, 0.0));
  }
  Tensor t = counting(DType::f32);
  const std::string text = message_of<ShapeError>([&] {
    t.copy_from(Tensor::zeros({2, 3, 2, 4}, DType::f32));
  });
  CHECK_MESSAGE(contains(text, {"[2,3,2,4]", "[2,3,2,5]"}), text);
  CHECK_THROWS_AS(t.copy_from(counting(DType::f64)), ShapeError);
}

TEST_CASE("tensor: item() is the one element, and only of one") {
  CHECK(tensor_of({1, 1, 1, 1}, DType::f32, {2.5}).item() == 2.5);
  CHECK(counting(DType::f64).slice(13, 1).item() == 13);
  CHECK_THROWS_AS(counting(DType::f32).item(), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({0, 1, 1, 1}, DType::f32).item(), ShapeError);
}

TEST_CASE("tensor: all_finite looks at the view's own elements") {
  for (const DType dtype : kBoth)
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
          -std::numeric_limits<double>::infinity()}) {
      Tensor t = counting(dtype);
      CHECK(t.all_finite());
      Tensor last = t.channels(4, 5);
      last.fill(bad);
      CHECK_FALSE(t.all_finite());
      CHECK_FALSE(t.channels(3, 5).all_finite());
      CHECK(t.channels(0, 4).all_finite());
    }
}

TEST_CASE("tensor: views keep the memory alive, and the last one gives it back") {
  const std::int64_t before = kernels::host_memory().statistics().in_use_bytes;
  Tensor view;
  {
    const Tensor t = counting(DType::f64);
    view = t.channels(1, 2);
  }
  CHECK(values_of(view)[0] == 1);
  CHECK(kernels::host_memory().statistics().in_use_bytes == before + 512);  // 60 * 8 rounded up to 64
  view = Tensor();
  CHECK(kernels::host_memory().statistics().in_use_bytes == before);
}

}  // namespace
}  // namespace uptake::tests
