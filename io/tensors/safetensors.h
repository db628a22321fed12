// The safetensors format: named tensors and a map of strings in one file. Source: huggingface/safetensors,
// README.
//
// - 8 bytes: length of the header, unsigned, little-endian
// - header: JSON, {"__metadata__": {string: string}, "NAME": {"dtype", "shape", "data_offsets": [begin,
//   end]}, ...}
// - data: the tensors without gaps, little-endian, row-major; offsets count from the first data byte
//
// Nothing in such a file is executed. Reading is strict: a file with an unknown dtype, an impossible shape,
// offsets that overlap, leave gaps or point outside, a name given twice, or bytes missing or left over is
// refused.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uptake::io {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Bytes of one element.
std::int64_t size_bytes(DType dtype);

/// The name in the file: "F32", "BF16", ...
std::string_view name_of(DType dtype);

/// One tensor: shape [] is a scalar, a dimension of 0 makes it empty. data holds the elements row-major.
struct TensorEntry {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;
};

/// The same without owning the data, so that a checkpoint is written straight from the buffers of training.
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

/// A file in memory. The accessors throw FileError naming `source` and the tensor.
struct Safetensors {
  std::filesystem::path source;
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorEntry> tensors;

  bool has(const std::string& name) const { return tensors.contains(name); }
  const TensorEntry& at(const std::string& name) const;

  /// Elements as float: exact from F32, F16 and BF16, rounded from F64; other types are refused.
  std::vector<float> as_f32(const std::string& name) const;
  /// Elements as double: exact from all four floating-point types.
  std::vector<double> as_f64(const std::string& name) const;
  /// Elements as 64-bit integers, from every integer type whose values fit, and BOOL.
  std::vector<std::int64_t> as_i64(const std::string& name) const;

  /// Adds or replaces a tensor. Throws std::invalid_argument when shape and number of elements disagree.
  void put(const std::string& name, std::vector<std::int64_t> shape, std::span<const float> elements);
  void put(const std::string& name, std::vector<std::int64_t> shape, std::span<const std::int64_t> elements);
};

/// Reads the tensors whose name `wanted` accepts (all when not given); the whole header is checked in any
/// case. Throws FileError.
Safetensors read_safetensors(const std::filesystem::path& path,
                             const std::function<bool(std::string_view name)>& wanted = {});

/// The same from bytes in memory; `path` is only named in errors.
Safetensors parse_safetensors(std::string_view bytes, const std::filesystem::path& path);

/// Writes atomically, without a second copy of the data. Data is stored by element size, largest first, then
/// by name, so that every tensor is aligned. Throws FileError when it cannot be written,
/// std::invalid_argument when a shape does not fit its data, a name is used twice or reserved, or a string is
/// not UTF-8.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata,
                       std::vector<TensorView> tensors);
void write_safetensors(const std::filesystem::path& path, const Safetensors& file);

}  // namespace uptake::io
