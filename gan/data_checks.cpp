#include "gan/data_checks.h"

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "gan/data.h"

namespace uptake::gan {
namespace {

constexpr int kThreads = 2;

// Sentences of all splits, each once.
class Warnings {
 public:
  void add(const std::vector<std::string>& sentences) {
    for (const std::string& sentence : sentences)
      if (!sentence.empty() && known_.insert(sentence).second) lines_.push_back(sentence);
  }
  void tell(std::ostream& out) const { io::tell_first(out, "warning: ", lines_); }

 private:
  std::set<std::string> known_;
  std::vector<std::string> lines_;
};

// The test split is not trained on; what matters is that it shares nothing with the others.
std::optional<io::PairDataset> open_test(const std::filesystem::path& folder, io::DatasetOptions options,
                                         Warnings& warnings) {
  if (!io::has_split(folder, "test")) return std::nullopt;
  options.skip_bad = true;
  options.cache_bytes = 0;
  try {
    io::PairDataset test(folder, "test", options);
    test.verify(kThreads);
    if (!test.problems().empty())
      warnings.add({"the test split has " + std::to_string(test.problems().size()) +
                    " files that cannot be used, such as " + test.problems()[0].file + ", which " +
                    test.problems()[0].reason});
    return test;
  } catch (const io::FileError& error) {
    warnings.add({std::string("the test split cannot be compared with the others: ") + error.what()});
    return std::nullopt;
  }
}

struct Size {
  std::int64_t height = 0, width = 0;
  bool operator==(const Size&) const = default;
};

std::string text(const Size& size) { return text_of(size.height) + "x" + text_of(size.width) + " pixels"; }

// What the networks are given of an image.
Size prepared(const io::ImageHeader& header, const TrainConfig& c) {
  if (c.crop_size > 0) return {c.crop_size, c.crop_size};
  if (c.load_size > 0) return {c.load_size, c.load_size};
  return {header.height, header.width};
}

Size padded(const Size& size, std::int64_t multiple) {
  const auto up = [multiple](std::int64_t pixels) { return (pixels + multiple - 1) / multiple * multiple; };
  return {up(size.height), up(size.width)};
}

void require_crop_fits(const std::string& file, const Size& size, const TrainConfig& c) {
  if (c.crop_size == 0 || c.load_size > 0 || std::min(size.height, size.width) >= c.crop_size) return;
  throw OptionError({file + " is " + text(size) + ", smaller than ", nn::option_name("crop_size"),
                     " " + text_of(c.crop_size)});
}

// `need`: pixels of the padded image that the networks can compute with.
void require_large_enough(const std::string& file, const Size& size, std::int64_t need,
                          bool with_discriminator, const TrainConfig& c, std::int64_t multiple) {
  const Size given = padded(size, multiple);
  if (std::min(given.height, given.width) >= need) return;
  const std::string least = text_of((need - 1) / multiple * multiple + 1);
  std::vector<nn::SentencePart> sentence{file + " gives the networks " + text(size) + ", too small for ",
                                         nn::option_name("net_g"), " " + c.net_g};
  if (with_discriminator) {
    sentence.emplace_back(" and ");
    sentence.push_back(nn::option_name("net_d"));
    sentence.emplace_back(" " + text_of(c.net_d));
  }
  sentence.emplace_back(": the least size is " + least + "x" + least);
  throw OptionError(sentence);
}

}  // namespace

void check_sizes(const io::PairDataset& train, const io::PairDataset* validation, const TrainConfig& c,
                 std::int64_t multiple) {
  const auto file = [](const io::PairDataset& data, std::size_t i) { return data.entry(i).a.string(); };
  const std::int64_t generator = least_generator_size(c.net_g),
                     both = std::max(generator, least_discriminator_size(c.net_d, c.n_layers_d));
  const Size first = prepared(train.entry(0).a_header, c);
  for (std::size_t i = 0; i < train.size(); ++i) {
    const io::ImageHeader& header = train.entry(i).a_header;
    const Size size = prepared(header, c);
    require_crop_fits(file(train, i), {header.height, header.width}, c);
    require_large_enough(file(train, i), size, both, true, c, multiple);
    if (c.batch_size > 1 && padded(size, multiple) != padded(first, multiple))
      throw OptionError({file(train, 0) + " is " + text(first) + " and " + file(train, i) + " is " +
                             text(size) + ", so they cannot be in one batch: use ",
                         nn::option_name("batch_size"), " 1, or ", nn::option_name("load_size"), " or ",
                         nn::option_name("crop_size"), " to make them equal"});
  }
  for (std::size_t i = 0; validation != nullptr && i < validation->size(); ++i) {
    const io::ImageHeader& header = validation->entry(i).a_header;
    const io::Preparation test = test_preparation(c);
    const Size size = test.load_h > 0 ? Size{test.load_h, test.load_w} : Size{header.height, header.width};
    require_large_enough(file(*validation, i), size, generator, false, c, multiple);
  }
}

std::string padding_warning(const io::PairDataset& train, const TrainConfig& c, std::int64_t multiple) {
  for (std::size_t i = 0; i < train.size(); ++i) {
    const Size size = prepared(train.entry(i).a_header, c), given = padded(size, multiple);
    if (2 * size.height > given.height && 2 * size.width > given.width) continue;
    return train.entry(i).a.string() + " gives " + c.net_g + " " + text(size) + ", which it pads to " +
           text(given) + ": most of what it computes is padding, and a smaller network may do better";
  }
  return {};
}

void check_training_data(const TrainingData& data, const std::filesystem::path& folder,
                         const TrainConfig& config, io::DatasetOptions options, std::ostream& out) {
  const std::int64_t multiple = declare_generator(config)->size_multiple();
  const io::PairDataset* validation = data.validation ? &*data.validation : nullptr;
  check_sizes(data.train, validation, config, multiple);

  Warnings warnings;
  warnings.add(data.train.notes());
  if (validation != nullptr) warnings.add(validation->notes());
  const std::optional<io::PairDataset> test = open_test(folder, options, warnings);
  std::vector<const io::PairDataset*> splits{&data.train};
  if (validation != nullptr) splits.push_back(validation);
  if (test) splits.push_back(&*test);
  warnings.add(io::check_splits(folder, splits));
  warnings.add({padding_warning(data.train, config, multiple)});
  warnings.tell(out);
}

OptionError out_of_memory(const TrainConfig& c, const io::PairDataset* train) {
  Size largest;
  for (std::size_t i = 0; train != nullptr && i < train->size(); ++i) {
    const Size size = prepared(train->entry(i).a_header, c);
    if (size.height * size.width > largest.height * largest.width) largest = size;
  }
  std::vector<nn::SentencePart> parts{"there is not enough memory for ",
                                      nn::option_name("net_g"),
                                      " " + c.net_g + ", ",
                                      nn::option_name("ngf"),
                                      " " + text_of(c.ngf) + ", ",
                                      nn::option_name("ndf"),
                                      " " + text_of(c.ndf)};
  if (largest.height > 0) {
    parts.emplace_back(" with images of up to " + text(largest) + " and ");
    parts.push_back(nn::option_name("batch_size"));
    parts.emplace_back(" " + text_of(c.batch_size));
  }
  parts.emplace_back("; smaller ones need less");
  if (c.crop_size == 0) {
    parts.emplace_back(", and so does a ");
    parts.push_back(nn::option_name("crop_size"));
  }
  return OptionError(parts);
}

}  // namespace uptake::gan
