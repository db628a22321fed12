#include "gan/networks/networks.h"

#include <charconv>
#include <stdexcept>

#include "gan/networks/discriminator.h"
#include "gan/networks/resnet.h"
#include "gan/networks/unet.h"

namespace uptake::gan {
namespace {

// The number between a prefix and a suffix of a name, or 0.
int number_between(const std::string& name, const std::string& prefix, const std::string& suffix) {
  if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix))
    return 0;
  int number = 0;
  const char *begin = name.data() + prefix.size(), *end = name.data() + name.size() - suffix.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  return error == std::errc() && stop == end ? number : 0;
}

// Levels of unet_N for N a power of two from 4 to 4096, else 0.
int unet_levels(const std::string& net) {
  const int size = number_between(net, "unet_", "");
  for (int levels = 2; levels <= 12; ++levels)
    if (size == 1 << levels) return levels;
  return 0;
}

int resnet_blocks(const std::string& net) {
  const int blocks = number_between(net, "resnet_", "blocks");
  return blocks <= 64 ? blocks : 0;
}

void require_positive(const char* what, std::int64_t value) {
  if (value < 1)
    throw std::invalid_argument(std::string(what) + " is " + std::to_string(value) + ", must be at least 1");
}

}  // namespace

bool is_generator_name(const std::string& net) { return unet_levels(net) > 0 || resnet_blocks(net) > 0; }

std::int64_t least_generator_size(const std::string& net) {
  if (const int levels = unet_levels(net)) return std::int64_t{1} << levels;
  return 8;  // a quarter of it is reflected by one pixel, which takes two
}

std::int64_t least_discriminator_size(DiscriminatorKind net, std::int64_t layers) {
  if (net == DiscriminatorKind::pixel) return 1;
  // The last two convolutions take a pixel each, the others halve.
  return std::int64_t{3} << (net == DiscriminatorKind::basic ? 3 : layers);
}

std::unique_ptr<Network> declare_generator(const GeneratorOptions& o) {
  require_positive("input channels", o.in);
  require_positive("output channels", o.out);
  require_positive("ngf", o.ngf);
  if (const int levels = unet_levels(o.net)) return std::make_unique<Unet>(o, levels);
  if (const int blocks = resnet_blocks(o.net)) return std::make_unique<Resnet>(o, blocks);
  throw std::invalid_argument(
      "unknown generator '" + o.net +
      "', expected unet_N with N a power of two (unet_128, unet_256) or resnet_Kblocks "
      "(resnet_6blocks, resnet_9blocks)");
}

std::unique_ptr<Network> declare_discriminator(const DiscriminatorOptions& o) {
  require_positive("input channels", o.in);
  require_positive("ndf", o.ndf);
  require_positive("discriminator layers", o.layers);
  if (o.net == DiscriminatorKind::pixel) return std::make_unique<PixelDiscriminator>(o);
  return std::make_unique<PatchDiscriminator>(o);
}

std::unique_ptr<Network> make_generator(const GeneratorOptions& o) {
  auto network = declare_generator(o);
  network->store().allocate();
  return network;
}

std::unique_ptr<Network> make_discriminator(const DiscriminatorOptions& o) {
  auto network = declare_discriminator(o);
  network->store().allocate();
  return network;
}

}  // namespace uptake::gan
