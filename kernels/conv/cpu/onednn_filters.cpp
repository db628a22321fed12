#ifdef UPTAKE_HAS_ONEDNN
#include "kernels/conv/cpu/onednn_filters.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/conv/cpu/onednn_tiles.h"

namespace uptake::kernels::onednn {
namespace {

// Created anew each time, which oneDNN's own cache makes cheap.
void reorder(const Desc& to_desc, float* to, const Desc& from_desc, const float* from, Write write) {
  dnnl::primitive_attr attributes;
  if (write == Write::add) {
    dnnl::post_ops added;
    added.append_sum(1.0f);
    attributes.set_post_ops(added);
  }
  auto source = wrap(from_desc, from), target = wrap(to_desc, to);
  dnnl::reorder(source, target, attributes).execute(stream(), source, target);
  stream().wait();
}

struct Copy {
  explicit Copy(const Desc& desc) : layout(desc) {}
  const Desc layout;
  std::mutex mutex;  // of what follows
  std::uint64_t version = 0;
  std::shared_ptr<std::byte> values;
};

struct Kept {
  std::mutex mutex;
  std::map<const void*, std::vector<std::shared_ptr<Copy>>, std::less<>> copies;  // by address of the filters
};
// Never destroyed: networks with static lifetime forget theirs after main.
Kept& kept() {
  static auto* const all = new Kept;
  return *all;
}

std::shared_ptr<Copy> copy_of(const float* krsc, const Desc& layout) {
  const std::lock_guard lock(kept().mutex);
  auto& copies = kept().copies[krsc];
  const auto found = std::ranges::find_if(copies, [&](const auto& c) { return c->layout == layout; });
  return found != copies.end() ? *found : copies.emplace_back(std::make_shared<Copy>(layout));
}

std::shared_ptr<const float> floats(const std::shared_ptr<std::byte>& bytes) {
  return {bytes, reinterpret_cast<const float*>(bytes.get())};
}

}  // namespace

std::shared_ptr<const float> packed(const ConvFilters<float>& filters, const FilterShape& shape,
                                    const Desc& layout) {
  const auto fill = [&](const std::shared_ptr<std::byte>& values) {
    auto* const to = reinterpret_cast<float*>(values.get());
    if (!pack_tiles(to, filters.krsc, shape, layout))
      reorder(layout, to, filters_desc(shape, Tag::ohwi), filters.krsc, Write::assign);
  };
  if (filters.version == 0) {
    const auto values = host_memory().allocate(layout.get_size());
    fill(values);
    return floats(values);
  }
  const std::shared_ptr<Copy> copy = copy_of(filters.krsc, layout);
  const std::lock_guard lock(copy->mutex);
  if (copy->version == filters.version) return floats(copy->values);
  // Whoever still reads the older copy keeps it.
  if (copy->values.use_count() != 1) copy->values = host_memory().allocate(layout.get_size());
  copy->version = 0;  // of neither, should it fail
  fill(copy->values);
  copy->version = filters.version;
  return floats(copy->values);
}

void unpack(float* krsc, Write write, const float* from, const FilterShape& shape, const Desc& layout) {
  if (!unpack_tiles(krsc, write, from, shape, layout))
    reorder(filters_desc(shape, Tag::ohwi), krsc, layout, from, write);
}

void forget(const void* begin, const void* end) {
  const std::lock_guard lock(kept().mutex);
  auto& copies = kept().copies;
  copies.erase(copies.lower_bound(begin), copies.lower_bound(end));
}

}  // namespace uptake::kernels::onednn
#endif
