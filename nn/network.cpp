#include "nn/network.h"

#include <algorithm>

#include "io/base/file.h"
#include "nn/state.h"

namespace uptake::nn {

void Network::save(const std::filesystem::path& path) const {
  io::Safetensors file;
  put_state(file, "", store_);
  io::write_safetensors(path, file);
}

void Network::load(const std::filesystem::path& path) {
  const io::Safetensors file = io::read_safetensors(path);
  require_state(file, "", store_);
  for (const auto& [name, tensor] : file.tensors)
    if (std::ranges::none_of(store_.entries(),
                             [&wanted = name](const auto& entry) { return entry.name == wanted; }))
      throw io::FileError(path, "holds tensor " + name + ", which the network does not have");
  get_state(file, "", store_);
}

}  // namespace uptake::nn
