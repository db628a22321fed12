// The file of plans chosen before: what is written comes back, and whatever else stands in it does no harm.
#include "kernels/conv/cudnn/plan_file.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "kernels/base/philox.h"
#include "kernels/conv/cudnn/conv_choice.h"
#include "tests/cudnn/described_gpu.h"
#include "tests/support/temporary_folder.h"

namespace uptake::tests {
namespace {

using namespace kernels::cuda::cudnn;
using Operation = kernels::ConvOperation;
using kernels::Activation;
using kernels::ConvOptions;

const Target& h100() {
  static const Target target = Target::described(h100_description());
  return target;
}

PlanRequest request_for(Operation operation, Storage storage = Storage::float32) {
  PlanRequest request;
  request.operation = operation;
  request.geometry = {{4, 32, 32, 128}, {64, 128, 4, 4, 2, 1}};
  request.storage = storage;
  return request;
}

void write_all(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string line(const std::string& key, const std::string& value) { return key + "\t" + value + "\n"; }
const std::string kHead = std::string(PlanFile::kFormat) + "\n";

}  // namespace

TEST_CASE("plan file: choices come back in another process's reading") {
  const TemporaryFolder folder;
  const auto path = folder.path / "plans";
  PlanFile first(path);
  CHECK(first.size() == 0);
  CHECK(first.store("a key", "48 2=2"));
  CHECK(first.store("another", "apart 7"));
  CHECK(first.store("a key", "49"));
  const PlanFile second(path);
  CHECK(second.size() == 2);
  CHECK(second.find("a key") == "49");
  CHECK(second.find("another") == "apart 7");
  CHECK_FALSE(second.find("a ke").has_value());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);  // nothing left beside it
}

TEST_CASE("plan file: two writers keep each other's choices") {
  const TemporaryFolder folder;
  PlanFile a(folder.path / "plans"), b(folder.path / "plans");
  CHECK(a.store("from a", "1"));
  CHECK(b.store("from b", "2"));
  CHECK(a.store("again a", "3"));
  CHECK(PlanFile(folder.path / "plans").size() == 3);
}

TEST_CASE(
    "plan file: without a path, or where nothing can be written, it remembers nothing and does not throw") {
  PlanFile none;
  CHECK_FALSE(none.store("key", "1"));
  CHECK_FALSE(none.find("key").has_value());
  const TemporaryFolder folder;
  PlanFile nowhere(folder.path / "missing" / "plans");
  CHECK_FALSE(nowhere.store("key", "1"));
  PlanFile directory(folder.path);
  CHECK(directory.size() == 0);
  CHECK_FALSE(directory.store("key", "1"));
  CHECK(std::filesystem::is_directory(folder.path));
}

TEST_CASE("plan file: damaged and foreign contents are ignored, good lines among them are kept") {
  const TemporaryFolder folder;
  const auto path = folder.path / "plans";
  const auto size_of = [&](const std::string& text) {
    write_all(path, text);
    return PlanFile(path).size();
  };
  const std::string good = line("good", "48 2=2");
  CHECK(size_of(kHead + good) == 1);
  CHECK(size_of("") == 0);
  CHECK(size_of(good) == 0);
  CHECK(size_of("{\"plans\": []}\n" + good) == 0);
  CHECK(size_of("uptake convolution plans 2\n" + good) == 0);
  CHECK(size_of(kHead + "no tab here\n" + good) == 1);
  CHECK(size_of(kHead + line("", "48") + line("empty value", "") + good) == 1);
  CHECK(size_of(kHead + line("two\ttabs", "48") + good) == 1);
  CHECK(size_of(kHead + line(std::string(600, 'k'), "48") + line("k", std::string(600, '1')) + good) == 1);
  CHECK(size_of(kHead + line(std::string("k\0y", 3), "48") + line("k\xff", "48") + good) == 1);
  CHECK(size_of(kHead + good.substr(0, good.size() - 1)) == 1);  // cut at the last line's end
  CHECK(size_of(kHead + std::string(PlanFile::kMostBytes, 'x') + "\n" + good) == 0);
}

TEST_CASE("plan file: texts that would break the format are not stored") {
  const TemporaryFolder folder;
  PlanFile file(folder.path / "plans");
  for (const std::string bad : {"", "a\tb", "a\nb", "\x7f"}) {
    CHECK_FALSE(file.store(bad, "1"));
    CHECK_FALSE(file.store("key", bad));
  }
  CHECK_FALSE(std::filesystem::exists(folder.path / "plans"));
}

TEST_CASE("stored choice: what cuDNN offered is built again, the same in every respect") {
  ConvOptions options;
  options.autotune = true;  // several candidates each
  int rebuilt = 0;
  for (const Math& math : kMath) {
    options.tf32 = math.tf32;
    for (const auto operation : {Operation::forward, Operation::backward_data, Operation::backward_filters}) {
      const PlanRequest request = request_for(operation, math.storage);
      for (const Candidate& candidate : find_candidates(request, options, h100())) {
        const std::string text = to_string(candidate);
        CAPTURE(text);
        const auto restored = restore_candidate(request, options, h100(), text);
        REQUIRE(restored.has_value());
        CHECK(to_string(*restored) == text);
        CHECK(restored->plan.workspace_bytes == candidate.plan.workspace_bytes);
        CHECK(restored->plan.deterministic == candidate.plan.deterministic);
        CHECK(restored->plan.tensor_core == candidate.plan.tensor_core);
        ++rebuilt;
      }
    }
  }
  CHECK(rebuilt > 30);
}

TEST_CASE("stored choice: of a bias apart from the convolution") {
  PlanRequest request = request_for(Operation::forward, Storage::bfloat16);
  request.bias = true;
  request.act = {Activation::leaky_relu, 0.2};
  const auto candidates = find_candidates(request, {}, h100());
  REQUIRE(candidates.size() == 1);
  CHECK(candidates.front().apart);  // cuDNN would compile a fused one
  const std::string text = to_string(candidates.front());
  CHECK(text.starts_with("apart "));
  const auto restored = restore_candidate(request, {}, h100(), text);
  REQUIRE(restored.has_value());
  CHECK(restored->apart);
  CHECK_FALSE(restore_candidate(request_for(Operation::forward), {}, h100(), text).has_value());
}

TEST_CASE("stored choice: one that today's options do not allow is refused") {
  const PlanRequest request = request_for(Operation::forward);
  ConvOptions tf32;
  tf32.tf32 = true;
  const Candidate fast = std::move(find_candidates(request, tf32, h100()).front());
  REQUIRE(fast.plan.tensor_core);
  CHECK(restore_candidate(request, tf32, h100(), to_string(fast)).has_value());
  CHECK_FALSE(restore_candidate(request, {}, h100(), to_string(fast)).has_value());

  const Candidate exact = std::move(find_candidates(request, {}, h100()).front());
  REQUIRE(exact.plan.workspace_bytes > 0);
  ConvOptions tight;
  tight.workspace_cap_bytes = exact.plan.workspace_bytes - 1;
  CHECK_FALSE(restore_candidate(request, tight, h100(), to_string(exact)).has_value());
}

TEST_CASE("stored choice: damaged texts give nothing, and no text gives a plan outside the options") {
  const PlanRequest request = request_for(Operation::backward_filters);
  for (const char* text : {"",
                           " ",
                           "apart",
                           "apart ",
                           "-1",
                           "x",
                           "48 ",
                           "48 2",
                           "48 2=",
                           "48 =2",
                           "48  2=2",
                           "48 2=2 ",
                           "48 2=2\n",
                           "48 2=99999999999999999999",
                           "99999999999999999999",
                           "123456",
                           "48 2=123456789",
                           "48 2=-5",
                           "48 1000000=1",
                           "48 -3=1",
                           "0x30",
                           "48;2=2"})
    CHECK_MESSAGE(!restore_candidate(request, {}, h100(), text).has_value(), text);

  // Numbers out of the blue: cuDNN refuses them, or they are a plan like any other.
  std::uint64_t word = 0;
  const kernels::RandomKey key{12345, 0};
  const auto random = [&](std::uint32_t below) { return philox_word(key, word++) % below; };
  int plans = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text = std::to_string(random(90));
    for (std::uint32_t i = random(4); i > 0; --i)
      text += " " + std::to_string(random(44)) + "=" + std::to_string(random(20));
    CAPTURE(text);
    const auto restored = restore_candidate(request, {}, h100(), text);
    if (!restored) continue;
    ++plans;
    CHECK(restored->plan.deterministic);
    CHECK(restored->plan.exact);
    CHECK(restored->plan.workspace_bytes <= ConvOptions{}.workspace_cap_bytes);
  }
  CHECK(plans > 0);
}

TEST_CASE("stored choice: its key tells apart whatever the choice may depend on") {
  std::set<std::string> keys;
  ConvOptions options;
  PlanRequest request = request_for(Operation::forward);
  const auto insert = [&](const std::string& device = "a GPU") {
    keys.insert(cache_key(request, options, device));
  };
  insert();
  insert();
  CHECK(keys.size() == 1);
  insert("another GPU");
  options.tf32 = true;
  insert();
  options.deterministic = false;
  insert();
  options.autotune = true;
  insert();
  options.workspace_cap_bytes = 1;
  insert();
  CHECK(keys.size() == 6);
  options = {};
  request.storage = Storage::bfloat16;
  insert();
  request.bias = true;
  insert();
  for (const double slope : {0.2, 0.1}) {
    request.act = {Activation::leaky_relu, slope};
    insert();
  }
  request = request_for(Operation::backward_filters);
  insert();
  request.add = true;
  insert();
  request.aligned = false;
  insert();
  const PlanRequest base = request;
  for (const auto member : {&kernels::Shape4::n, &kernels::Shape4::h, &kernels::Shape4::w}) {
    request = base;
    request.geometry.x.*member += 2;
    insert();
  }
  for (const auto member : {&kernels::FilterShape::k, &kernels::FilterShape::r, &kernels::FilterShape::s,
                            &kernels::FilterShape::stride, &kernels::FilterShape::pad}) {
    request = base;
    request.geometry.filters.*member += 1;
    insert();
  }
  CHECK(keys.size() == 21);
  for (const std::string& key : keys) CHECK(key.size() <= PlanFile::kLongestText);
}

}  // namespace uptake::tests
