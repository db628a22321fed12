#include "io/tensors/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "io/base/file.h"
#include "tests/io/test_files.h"

using namespace uptake::io;
using namespace uptake::tests;

namespace {

/// A file from a header and data, correct or not.
std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string refusal(const std::string& bytes) {
  return message_of<FileError>([&] { parse_safetensors(bytes, "test.safetensors"); });
}

/// The refusal of a header whose data is `data_bytes` zeros.
std::string refusal_of_header(const std::string& header, std::size_t data_bytes) {
  return refusal(file_of(header, std::string(data_bytes, '\0')));
}

template <class Element>
TensorEntry entry_of(DType dtype, std::vector<std::int64_t> shape, const std::vector<Element>& elements) {
  const auto bytes = std::as_bytes(std::span(elements));
  return {dtype, std::move(shape), {bytes.begin(), bytes.end()}};
}

/// Several types, a scalar, empty tensors, metadata with characters JSON must escape.
Safetensors sample_file() {
  Safetensors file;
  file.metadata = {{"step", "1200"}, {"config", "{\"a\": \"b\\n\"}\n\xc3\xa9"}};
  const std::vector<float> weights{1.5f, -0.0f, std::numeric_limits<float>::infinity(), 1e-42f, 3.0f, 4.0f};
  file.put("net.weight", {2, 3}, weights);
  file.put("scalar", {}, std::vector<float>{42.0f});
  file.put("empty", {0, 7}, std::vector<float>{});
  file.put("steps", {2}, std::vector<std::int64_t>{-1, std::int64_t{1} << 60});
  file.tensors["odd.bytes"] = entry_of<std::uint8_t>(DType::u8, {3}, {1, 2, 255});
  file.tensors["double"] = entry_of<double>(DType::f64, {1}, {0.1});
  file.tensors["empty.too"] = entry_of<std::uint8_t>(DType::boolean, {0}, {});
  return file;
}

void check_same(const Safetensors& a, const Safetensors& b) {
  CHECK((a.metadata == b.metadata));
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, entry] : a.tensors) {
    const std::string& shown = name;  // a structured binding cannot be captured
    CAPTURE(shown);
    CHECK((b.at(name).dtype == entry.dtype));
    CHECK((b.at(name).shape == entry.shape));
    CHECK((b.at(name).data == entry.data));
  }
}

}  // namespace

TEST_CASE("safetensors: everything comes back exactly, scalars and empty tensors too") {
  const TestFolder folder;
  const Safetensors file = sample_file();
  write_safetensors(folder / "x.safetensors", file);
  check_same(file, read_safetensors(folder / "x.safetensors"));
  check_same(file, parse_safetensors(contents(folder / "x.safetensors"), "x"));
  CHECK(folder.names() == std::vector<std::string>{"x.safetensors"});
}

TEST_CASE("safetensors: a file without tensors is valid") {
  const TestFolder folder;
  write_safetensors(folder / "x", Safetensors());
  CHECK(contents(folder / "x") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  CHECK(read_safetensors(folder / "x").tensors.empty());
}

TEST_CASE("safetensors: data is aligned, largest elements first") {
  const TestFolder folder;
  write_safetensors(folder / "x", sample_file());
  const std::string bytes = contents(folder / "x");
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);
  const double expected = 0.1;
  const std::size_t header =
      static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]);
  CHECK(bytes.substr(8 + header, 8) == std::string(reinterpret_cast<const char*>(&expected), 8));
}

TEST_CASE("safetensors: only wanted tensors are read") {
  const TestFolder folder;
  write_safetensors(folder / "x", sample_file());
  const Safetensors part =
      read_safetensors(folder / "x", [](std::string_view name) { return name.starts_with("net."); });
  CHECK(part.tensors.size() == 1);
  CHECK(part.metadata.at("step") == "1200");
  CHECK(part.as_f32("net.weight")[4] == 3.0f);
}

TEST_CASE("safetensors: a file made by Python is read") {
  const Safetensors file = read_safetensors(golden("decoded_jpeg.safetensors"));
  CHECK(file.metadata.at("made_by").starts_with("Pillow"));
  CHECK((file.at("rgb.pixels").shape == std::vector<std::int64_t>{17, 24, 3}));
  const auto pixels = file.as_i64("rgb.pixels");
  // The picture is a gradient: red grows with x, green with y; JPEG changes them by little.
  CHECK(std::abs(pixels[(5 * 24 + 20) * 3 + 0] - 200) < 12);
  CHECK(std::abs(pixels[(5 * 24 + 20) * 3 + 1] - 75) < 12);
}

TEST_CASE("safetensors: real weights of a VGG network are read") {
  const auto path = test_data() / "vgg" / "vgg19_golden_torch_64x64.safetensors";
  if (!std::filesystem::exists(path)) {
    MESSAGE("SKIPPED: no weights in " << test_data().string());
    return;
  }
  const Safetensors file = read_safetensors(path);
  CHECK(file.as_f32("loss_L1mean_relu1_2_2_2_3_3_3_4").at(0) == doctest::Approx(698.4293));
}

TEST_CASE("safetensors: half and bfloat elements become the floats they stand for") {
  Safetensors file;
  file.tensors["half"] = entry_of<std::uint16_t>(
      DType::f16, {8}, {0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x8000, 0x7c00, 0xfc00});
  file.tensors["half.nan"] = entry_of<std::uint16_t>(DType::f16, {1}, {0x7e00});
  file.tensors["bfloat"] = entry_of<std::uint16_t>(DType::bf16, {3}, {0x3f80, 0xc049, 0x7f80});
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> expected{1,     -2,       65504,    5.9604644775390625e-8f, 6.103515625e-5f,
                                    -0.0f, infinity, -infinity};
  CHECK((file.as_f32("half") == expected));
  CHECK(std::signbit(file.as_f32("half")[5]));
  CHECK(std::isnan(file.as_f32("half.nan")[0]));
  CHECK((file.as_f32("bfloat") == std::vector<float>{1.0f, -3.140625f, infinity}));
}

TEST_CASE("safetensors: integers of every size become 64 bit, what does not fit is refused") {
  Safetensors file;
  file.tensors["i8"] = entry_of<std::int8_t>(DType::i8, {2}, {-128, 127});
  file.tensors["i16"] = entry_of<std::int16_t>(DType::i16, {1}, {-32768});
  file.tensors["u16"] = entry_of<std::uint16_t>(DType::u16, {1}, {65535});
  file.tensors["i32"] = entry_of<std::int32_t>(DType::i32, {1}, {-2147483647});
  file.tensors["u32"] = entry_of<std::uint32_t>(DType::u32, {1}, {4294967295u});
  file.tensors["u64"] = entry_of<std::uint64_t>(DType::u64, {1}, {std::uint64_t{1} << 63});
  file.tensors["f64"] = entry_of<double>(DType::f64, {1}, {0.1});
  CHECK((file.as_i64("i8") == std::vector<std::int64_t>{-128, 127}));
  CHECK(file.as_i64("i16")[0] == -32768);
  CHECK(file.as_i64("u16")[0] == 65535);
  CHECK(file.as_i64("i32")[0] == -2147483647);
  CHECK(file.as_i64("u32")[0] == 4294967295);
  CHECK_THROWS_AS(file.as_i64("u64"), FileError);
  CHECK_THROWS_AS(file.as_i64("f64"), FileError);
  CHECK_THROWS_AS(file.as_f32("i8"), FileError);
  CHECK(file.as_f64("f64")[0] == 0.1);
  CHECK(file.as_f32("f64")[0] == 0.1f);
}

TEST_CASE("safetensors: a missing tensor is named together with its file") {
  const TestFolder folder;
  write_safetensors(folder / "x", sample_file());
  const Safetensors file = read_safetensors(folder / "x");
  CHECK(message_of<FileError>([&] { file.as_f32("nothing"); }) ==
        (folder / "x").string() + ": has no tensor 'nothing'");
}

TEST_CASE("safetensors: a file cut at any length is refused") {
  const TestFolder folder;
  write_safetensors(folder / "x", sample_file());
  const std::string whole = contents(folder / "x");
  REQUIRE(refusal(whole).empty());
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (refusal(whole.substr(0, length)).empty()) ++accepted;
    if (length % 37 == 0) {  // the reader of files checks sizes before it reads
      CHECK_THROWS_AS(read_safetensors(folder.put("cut", whole.substr(0, length))), FileError);
    }
  }
  CHECK(accepted == 0);
  CHECK_FALSE(refusal(whole + "x").empty());
}

TEST_CASE("safetensors: changed bytes never crash, and the sizes of what is accepted are right") {
  const TestFolder folder;
  write_safetensors(folder / "x", sample_file());
  const std::string whole = contents(folder / "x");
  std::mt19937 random(21);
  int refused = 0, accepted = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int round = 0; round < 4; ++round) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(random());
      try {
        for (const auto& [name, entry] : parse_safetensors(damaged, "x").tensors) {
          std::int64_t bytes = size_bytes(entry.dtype);
          for (const std::int64_t dimension : entry.shape) bytes *= dimension;
          REQUIRE(bytes == static_cast<std::int64_t>(entry.data.size()));
        }
        ++accepted;
      } catch (const FileError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 500);   // the header
  CHECK(accepted > 100);  // the data, names and metadata
}

TEST_CASE("safetensors: headers that lie are refused with a reason") {
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  REQUIRE(refusal_of_header(tensor(R"("F32")", "[2]", "[0,8]"), 8).empty());

  CHECK(refusal_of_header(tensor(R"("F31")", "[2]", "[0,8]"), 8).find("unknown dtype 'F31'") !=
        std::string::npos);
  CHECK(refusal_of_header(tensor("7", "[2]", "[0,8]"), 8).find("no valid \"dtype\"") != std::string::npos);
  CHECK(refusal_of_header(tensor(R"("F32")", "2", "[0,8]"), 8).find("no valid \"shape\"") !=
        std::string::npos);
  CHECK(refusal_of_header(tensor(R"("F32")", "[-2]", "[0,8]"), 8).find("whole number") != std::string::npos);
  CHECK(refusal_of_header(tensor(R"("F32")", "[2.0]", "[0,8]"), 8).find("whole number") != std::string::npos);
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[1e400]", "[0,8]"), 8).empty());
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[9223372036854775808]", "[0,8]"), 8).empty());
  // 2^62 * 2^62 and 4 * 2^62 are 0 modulo 2^64.
  const std::string huge = "4611686018427387904";
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[" + huge + "," + huge + "]", "[0,0]"), 0).empty());
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[" + huge + "]", "[0,0]"), 0).empty());
  CHECK(refusal_of_header(tensor(R"("F32")", "[3]", "[0,8]"), 8).find("do not match") != std::string::npos);
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[2]", "[8,0]"), 8).empty());
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[2]", "[0,8,8]"), 8).empty());
  CHECK_FALSE(refusal_of_header(tensor(R"("F32")", "[2]", "[0]"), 8).empty());
  CHECK(refusal_of_header(tensor(R"("F32")", "[2]", "[4,12]"), 12).find("overlaps or has a gap") !=
        std::string::npos);
  CHECK(refusal_of_header(tensor(R"("F32")", "[2]", "[0,8]"), 4).find("truncated") != std::string::npos);
  CHECK(refusal_of_header(tensor(R"("F32")", "[2]", "[0,8]"), 9).find("left over") != std::string::npos);
  CHECK_FALSE(refusal_of_header(R"({"a":[1,2]})", 0).empty());
  CHECK_FALSE(
      refusal_of_header(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":1}})", 0).empty());
}

TEST_CASE("safetensors: overlapping, gapped and repeated tensors are refused") {
  const auto two = [](const std::string& name, const std::string& offsets) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},")" + name +
           R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}";
  };
  REQUIRE(refusal_of_header(two("b", "[4,8]"), 8).empty());
  CHECK_FALSE(refusal_of_header(two("b", "[0,4]"), 4).empty());
  CHECK_FALSE(refusal_of_header(two("b", "[2,6]"), 6).empty());
  CHECK_FALSE(refusal_of_header(two("b", "[5,9]"), 9).empty());
  CHECK(refusal_of_header(two("a", "[4,8]"), 8).find("has 'a' twice") != std::string::npos);
  CHECK(refusal_of_header(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0)
            .find("'dtype' twice") != std::string::npos);
}

TEST_CASE("safetensors: what is not a JSON object of the right form is refused") {
  CHECK(refusal_of_header("", 0).find("not a JSON object") != std::string::npos);
  CHECK_FALSE(refusal_of_header("[]", 0).empty());
  CHECK(refusal_of_header("{\"a\":", 0).find("not valid JSON") != std::string::npos);
  CHECK_FALSE(refusal_of_header("{} {}", 0).empty());
  CHECK_FALSE(refusal_of_header("{\"\xff\":1}", 0).empty());
  CHECK(refusal_of_header(R"({"__metadata__":{"a":1}})", 0).find("map of strings") != std::string::npos);
  CHECK_FALSE(refusal_of_header(R"({"__metadata__":7})", 0).empty());
  CHECK(refusal_of_header("{\"a\":" + std::string(100'000, '['), 0).find("nested too deeply") !=
        std::string::npos);
  CHECK(refusal(std::string(8, '\xff') + "{}").find("claim a header of") != std::string::npos);
}

TEST_CASE("safetensors: a hostile name cannot send control codes to the terminal") {
  const std::string text = refusal_of_header(R"({"\u001b[2J\n":1})", 0);
  CHECK_FALSE(text.empty());
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(refusal_of_header("{\"" + std::string(5000, 'n') + "\":1}", 0).size() < 300);
}

TEST_CASE("safetensors: reading what is no regular file is refused") {
  const TestFolder folder;
  CHECK(message_of<FileError>([&] { read_safetensors(folder / "absent"); }).find("does not exist") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { read_safetensors(folder / ""); }).find("not a regular file") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { read_safetensors(folder.put("e", "")); }).find("has only 0 bytes") !=
        std::string::npos);
}

TEST_CASE("safetensors: the writer refuses what the reader would, and leaves no file") {
  const TestFolder folder;
  const std::vector<float> four(4);
  const auto bytes = std::as_bytes(std::span(four));
  const auto attempt = [&](std::vector<TensorView> tensors,
                           const std::map<std::string, std::string>& metadata = {}) {
    write_safetensors(folder / "x", metadata, std::move(tensors));
  };
  CHECK_THROWS_AS(attempt({{"a", DType::f32, {5}, bytes}}), std::invalid_argument);
  CHECK_THROWS_AS(attempt({{"a", DType::f32, {-2, -2}, bytes}}), std::invalid_argument);
  CHECK_THROWS_AS(attempt({{"a", DType::f32, {4}, bytes}, {"a", DType::f32, {4}, bytes}}),
                  std::invalid_argument);
  CHECK_THROWS_AS(attempt({{"__metadata__", DType::f32, {4}, bytes}}), std::invalid_argument);
  CHECK_THROWS_AS(attempt({{"\xff", DType::f32, {4}, bytes}}), std::invalid_argument);
  CHECK_THROWS_AS(attempt({}, {{"k", "\xff"}}), std::invalid_argument);
  Safetensors file;
  CHECK_THROWS_AS(file.put("a", {3}, four), std::invalid_argument);
  CHECK_THROWS_AS(file.put("a", {-4}, four), std::invalid_argument);
  CHECK(folder.names().empty());
  CHECK_THROWS_AS(write_safetensors("/proc/uptake_x", file), FileError);
}
