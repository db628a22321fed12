#include "gan/translator.h"

#include <new>
#include <stdexcept>

#include "gan/data.h"
#include "io/image/image_header.h"
#include "nn/machine.h"

namespace uptake::gan {

nn::StatisticsFrom statistics_at_test(NormAtTest norm, const TrainConfig& config) {
  if (norm == NormAtTest::automatic) norm = config.batch_size == 1 ? NormAtTest::batch : NormAtTest::running;
  return norm == NormAtTest::batch ? nn::StatisticsFrom::batch : nn::StatisticsFrom::running;
}

io::Image translate(Network& generator, const io::Image& image, const Intensity& input,
                    const Intensity& output, nn::StatisticsFrom statistics) {
  const nn::NoGrad no_grad;
  Mode mode = Mode::inference();
  mode.statistics = statistics;
  const nn::ParameterStore& store = generator.store();
  nn::Tensor y;
  try {
    const nn::Tensor x = pad_to_multiple(to_network(image, input), generator.size_multiple());
    const nn::Tensor result = generator.forward(Var(x.to(store.device()).to(store.dtype())), mode).value();
    y = result.to(store.master_dtype()).to(nn::Device::cpu);
  } catch (const std::bad_alloc&) {
    throw std::runtime_error("there is not enough memory to translate an image of " +
                             io::describe(io::header_of(image)));
  }
  if (!y.all_finite())
    throw std::runtime_error("the model's output is not finite; its weights are damaged or diverged");
  return from_network(crop_to(y, image.height, image.width), 0, output);
}

Translator::Translator(const std::filesystem::path& checkpoint, std::optional<NormAtTest> norm,
                       const nn::Machine& machine)
    : loaded_(load_generator(checkpoint, machine)),
      statistics_(statistics_at_test(norm.value_or(info().config.norm_at_test), info().config)) {}

io::Image Translator::operator()(const io::Image& image) const {
  if (image.channels != info().config.input_channels)
    throw std::invalid_argument("the image has " + std::to_string(image.channels) +
                                " channels, the model expects " +
                                std::to_string(info().config.input_channels));
  if (image.samples.empty()) throw std::invalid_argument("the image has no pixels");
  const auto shape = static_cast<std::uint64_t>(image.height) << 32 | static_cast<std::uint32_t>(image.width);
  if (last_size_->exchange(shape) != shape) nn::trim_memory();  // blocks of another size
  const io::Preparation size = test_preparation(info().config);
  if (size.load_h == 0) return translate(*loaded_.network, image, info().input, info().output, statistics_);
  const io::Image resized = io::resize_bicubic(image, size.load_h, size.load_w);
  const io::Image output = translate(*loaded_.network, resized, info().input, info().output, statistics_);
  return io::resize_bicubic(output, image.height, image.width);
}

}  // namespace uptake::gan
