// safetensors files, and what a checkpoint of ours says in one.
#include "gan/checkpoint.h"
#include "io/tensors/safetensors.h"
#include "target.h"

#ifdef UPTAKE_FUZZ
#include "safetensors_mutator.h"
#endif

using namespace uptake;

namespace {

void require_same(const io::Safetensors& a, const io::Safetensors& b) {
  tests::require(a.metadata == b.metadata && a.tensors.size() == b.tensors.size(),
                 "what is written is read back");
  for (const auto& [name, tensor] : a.tensors) {
    const auto found = b.tensors.find(name);
    tests::require(found != b.tensors.end() && found->second.dtype == tensor.dtype &&
                       found->second.shape == tensor.shape && found->second.data == tensor.data,
                   "a tensor that is written is read back");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = tests::view_of(data, size);
  io::Safetensors file;
  if (!tests::accepts<io::FileError>([&] { file = io::parse_safetensors(bytes, "memory"); })) {
    // Reading from a file is other code and must come to the same verdict.
    const auto path = tests::put_file("damaged.safetensors", bytes);
    tests::require(!tests::accepts<io::FileError>([&] { io::read_safetensors(path); }),
                   "file and memory are refused alike");
    return 0;
  }
  const auto path = tests::put_file("model.safetensors", bytes);
  require_same(file, io::read_safetensors(path));
  const auto copy = path.parent_path() / "copy.safetensors";
  io::write_safetensors(copy, file);
  require_same(file, io::read_safetensors(copy));

  gan::CheckpointInfo info;
  if (!tests::accepts<io::FileError>([&] { info = gan::read_checkpoint_info(path); })) return 0;
  const nlohmann::json json = info.config;
  tests::require(json.get<gan::TrainConfig>() == info.config, "a configuration is written and read back");
  tests::accepts<io::FileError>([&] { gan::require_checkpoint(path); });
  tests::accepts<io::FileError>([&] { gan::load_generator(path); });
  return 0;
}
