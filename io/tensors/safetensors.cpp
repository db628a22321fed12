#include "io/tensors/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <tuple>

#include "io/base/file.h"
#include "io/base/folder.h"

namespace uptake::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the data of the format is little-endian");

using nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own reader
constexpr const char* kMetadataKey = "__metadata__";

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::int64_t size_bytes;
};
constexpr std::array<DTypeInfo, 13> kDTypes{{{DType::f64, "F64", 8},
                                             {DType::f32, "F32", 4},
                                             {DType::f16, "F16", 2},
                                             {DType::bf16, "BF16", 2},
                                             {DType::i64, "I64", 8},
                                             {DType::i32, "I32", 4},
                                             {DType::i16, "I16", 2},
                                             {DType::i8, "I8", 1},
                                             {DType::u64, "U64", 8},
                                             {DType::u32, "U32", 4},
                                             {DType::u16, "U16", 2},
                                             {DType::u8, "U8", 1},
                                             {DType::boolean, "BOOL", 1}}};

const DTypeInfo& info_of(DType dtype) {
  return *std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeInfo& i) { return i.dtype == dtype; });
}

/// A name from the file for an error message: short, and unable to send control codes to the terminal.
std::string in_quotes(std::string_view name) {
  std::string text = "'" + std::string(name.substr(0, 80)) + (name.size() > 80 ? "...'" : "'");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

/// shape's product times the element size, or -1 when that is no number of bytes a file can have.
std::int64_t bytes_of(DType dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = size_bytes(dtype);
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) return -1;
  }
  return bytes;
}

struct Placed {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

struct Header {
  std::map<std::string, std::string> metadata;
  std::vector<Placed> tensors;  // in the order of the data
};

/// JSON of at most three levels in which no object has the same key twice.
json parse_json(std::string_view text, const std::filesystem::path& path) {
  if (!text.starts_with('{'))
    throw FileError(path, "is not a safetensors file: its header is not a JSON object");
  std::vector<std::set<std::string>> keys;  // of the objects open at the moment
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    using Event = json::parse_event_t;
    if (depth > 3) throw FileError(path, "is not a safetensors file: its header is nested too deeply");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second) {
      throw FileError(path, "is a damaged safetensors file: its header has " +
                                in_quotes(value.get<std::string>()) + " twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& error) {
    throw FileError(path, "is a damaged safetensors file: its header is not valid JSON at byte " +
                              std::to_string(error.byte));
  } catch (const json::exception&) {  // numbers no type can hold
    throw FileError(path, "is a damaged safetensors file: its header has an impossible number");
  }
}

std::uint64_t unsigned_number(const json& value, const std::string& what, const std::filesystem::path& path) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost) {
    throw FileError(path, what + " is not a whole number from 0 to 2^63-1");
  }
  return value.get<std::uint64_t>();
}

const json& field(const json& object, const char* key, bool is_array, const std::string& what,
                  const std::filesystem::path& path) {
  const auto found = object.find(key);
  if (found == object.end() || (is_array ? !found->is_array() : !found->is_string())) {
    throw FileError(path, what + " has no valid \"" + key + "\"");
  }
  return *found;
}

Placed parse_tensor(const std::string& name, const json& value, const std::filesystem::path& path) {
  const std::string what = "tensor " + in_quotes(name);
  if (!value.is_object() || value.size() != 3) {
    throw FileError(path, what + " is not described by exactly dtype, shape and data_offsets");
  }
  Placed tensor{.name = name, .dtype = DType::f32, .shape = {}, .begin = 0, .end = 0};
  const auto& dtype = field(value, "dtype", false, what, path).get_ref<const std::string&>();
  const auto known =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeInfo& i) { return i.name == dtype; });
  if (known == kDTypes.end()) throw FileError(path, what + " has the unknown dtype " + in_quotes(dtype));
  tensor.dtype = known->dtype;
  for (const json& dimension : field(value, "shape", true, what, path)) {
    tensor.shape.push_back(
        static_cast<std::int64_t>(unsigned_number(dimension, what + ": a dimension", path)));
  }
  const json& offsets = field(value, "data_offsets", true, what, path);
  if (offsets.size() != 2) throw FileError(path, what + " has no pair of data_offsets");
  tensor.begin = unsigned_number(offsets[0], what + ": an offset", path);
  tensor.end = unsigned_number(offsets[1], what + ": an offset", path);
  const std::int64_t bytes = bytes_of(tensor.dtype, tensor.shape);
  if (tensor.begin > tensor.end || bytes < 0 ||
      static_cast<std::uint64_t>(bytes) != tensor.end - tensor.begin) {
    throw FileError(path, what + ": its shape and dtype do not match the size of its data");
  }
  return tensor;
}

Header parse_header(std::string_view text, std::uint64_t data_bytes, const std::filesystem::path& path) {
  const json root = parse_json(text, path);
  Header header;
  for (const auto& [name, value] : root.items()) {
    if (name != kMetadataKey) {
      header.tensors.push_back(parse_tensor(name, value, path));
      continue;
    }
    if (!value.is_object()) throw FileError(path, "has metadata that is not a map of strings");
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) throw FileError(path, "has metadata that is not a map of strings");
      header.metadata.emplace(key, entry.get<std::string>());
    }
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t expected = 0;
  for (const Placed& tensor : header.tensors) {
    if (tensor.begin != expected) {
      throw FileError(path, "tensor " + in_quotes(tensor.name) + " begins at data byte " +
                                std::to_string(tensor.begin) + ", " + std::to_string(expected) +
                                " was expected: data overlaps or has a gap");
    }
    expected = tensor.end;
  }
  if (expected != data_bytes) {
    throw FileError(path, "has " + std::to_string(data_bytes) + " bytes of data, " +
                              std::to_string(expected) +
                              " were expected: it is truncated or has bytes left over");
  }
  return header;
}

/// The length of the header from the first 8 bytes, checked against the length of the file.
std::uint64_t header_bytes(std::string_view first_bytes, std::uint64_t file_bytes,
                           const std::filesystem::path& path) {
  if (first_bytes.size() < 8) {
    throw FileError(path, "has only " + std::to_string(file_bytes) + " bytes, it is not a safetensors file");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, first_bytes.data(), 8);
  if (length > file_bytes - 8 || length > kMaxHeaderBytes) {
    throw FileError(path, "is not a safetensors file or is truncated: its first 8 bytes claim a header of " +
                              std::to_string(length) + " bytes, the file has " + std::to_string(file_bytes));
  }
  return length;
}

/// Builds the result; `read(offset, count, target)` fetches data bytes.
template <class Read>
Safetensors collect(Header header, const std::filesystem::path& path,
                    const std::function<bool(std::string_view)>& wanted, const Read& read) {
  Safetensors file{.source = path, .metadata = std::move(header.metadata), .tensors = {}};
  for (Placed& placed : header.tensors) {
    if (wanted && !wanted(placed.name)) continue;
    TensorEntry entry{placed.dtype, std::move(placed.shape),
                      std::vector<std::byte>(placed.end - placed.begin)};
    if (!entry.data.empty()) read(placed.begin, entry.data.size(), entry.data.data());
    file.tensors.emplace(std::move(placed.name), std::move(entry));
  }
  return file;
}

}  // namespace

std::int64_t size_bytes(DType dtype) { return info_of(dtype).size_bytes; }

std::string_view name_of(DType dtype) { return info_of(dtype).name; }

Safetensors parse_safetensors(std::string_view bytes, const std::filesystem::path& path) {
  const std::uint64_t length = header_bytes(bytes.substr(0, 8), bytes.size(), path);
  const std::string_view data = bytes.substr(8 + length);
  return collect(parse_header(bytes.substr(8, length), data.size(), path), path, {},
                 [&](std::uint64_t begin, std::size_t count, std::byte* target) {
                   std::memcpy(target, data.data() + begin, count);
                 });
}

Safetensors read_safetensors(const std::filesystem::path& path,
                             const std::function<bool(std::string_view name)>& wanted) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw FileError(path, std::filesystem::exists(path, error) ? "is not a regular file" : "does not exist");
  }
  std::ifstream in(path, std::ios::binary);
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (!in) require_readable(path);
  if (error) throw FileError(path, "cannot be examined: " + error.message());
  const auto read = [&](std::uint64_t at, std::size_t count, void* target) {
    in.seekg(static_cast<std::streamoff>(at));
    if (!in.read(static_cast<char*>(target), static_cast<std::streamsize>(count))) {
      throw FileError(path, "cannot be read at byte " + std::to_string(at));
    }
  };
  std::string first(std::min<std::uint64_t>(file_bytes, 8), '\0');
  read(0, first.size(), first.data());
  const std::uint64_t length = header_bytes(first, file_bytes, path);
  std::string text(length, '\0');
  read(8, text.size(), text.data());
  const std::uint64_t data_start = 8 + length;
  return collect(parse_header(text, file_bytes - data_start, path), path, wanted,
                 [&](std::uint64_t begin, std::size_t count, std::byte* target) {
                   read(data_start + begin, count, target);
                 });
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata,
                       std::vector<TensorView> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
    const std::int64_t size_a = size_bytes(a.dtype), size_b = size_bytes(b.dtype);
    return std::tie(size_b, a.name) < std::tie(size_a, b.name);
  });
  json root = json::object();
  if (!metadata.empty()) root[kMetadataKey] = metadata;
  std::uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    if (bytes_of(tensor.dtype, tensor.shape) != static_cast<std::int64_t>(tensor.data.size())) {
      throw std::invalid_argument("write_safetensors: the shape of tensor " + in_quotes(tensor.name) +
                                  " does not fit its data");
    }
    if (tensor.name == kMetadataKey || root.contains(tensor.name)) {
      throw std::invalid_argument("write_safetensors: the name " + in_quotes(tensor.name) +
                                  " is used twice or reserved");
    }
    const std::uint64_t end = offset + tensor.data.size();
    root[tensor.name] = {
        {"dtype", name_of(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string header;
  try {
    header = root.dump();
  } catch (const json::type_error&) {
    throw std::invalid_argument("write_safetensors: a name or metadata string is not valid UTF-8");
  }
  header.append((8 - header.size() % 8) % 8, ' ');  // the data then starts aligned
  const auto length = static_cast<std::uint64_t>(header.size());
  AtomicFile out(path);
  out.write(std::as_bytes(std::span(&length, 1)));
  out.write(header);
  for (const TensorView& tensor : tensors) out.write(tensor.data);
  out.commit();
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& file) {
  std::vector<TensorView> views;
  for (const auto& [name, entry] : file.tensors)
    views.push_back({name, entry.dtype, entry.shape, entry.data});
  write_safetensors(path, file.metadata, std::move(views));
}

}  // namespace uptake::io
