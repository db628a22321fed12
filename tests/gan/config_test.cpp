// The table of training options. Most cases visit it, so that a new option is covered by being there.
#include "gan/config.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "tests/support/train_options.h"

namespace {

using namespace uptake;
using gan::TrainConfig;

TrainConfig all_changed() {
  TrainConfig c;
  gan::for_each_option([&](const auto& option) { c.*option.member = another_value(option); });
  return c;
}

void check_refused(const TrainConfig& config, const std::string& option, const std::string& sentence) {
  CAPTURE(option);
  try {
    gan::check(config);
    FAIL("accepted");
  } catch (const gan::OptionError& e) {
    CHECK(e.option() == option);
    CHECK(std::string(e.what()).find(sentence) != std::string::npos);
    CHECK(std::string(e.what()).find("--") ==
          std::string::npos);  // the library does not know the command line
  }
}

}  // namespace

TEST_CASE("checkpoints keep their keys and words") {
  CHECK(
      nlohmann::json(TrainConfig{}).dump() ==
      R"({"allow_outside":false,"allow_synthetic":false,)"
      R"("autotune":false,"batch_size":1,"beta1":0.5,"conv":"auto","crop_size":256,"device":"auto",)"
      R"("direction":"AtoB","dropout":true,"epochs":100,"epochs_decay":100,"flip":true,"gan_mode":"vanilla",)"
      R"("graph":true,"init_gain":0.02,"init_type":"normal","input_channels":0,"keep":0,"lambda_l1":100.0,)"
      R"("load_size":286,"lr":0.0002,"lr_decay_epochs":50,"lr_policy":"linear","match_matrix":false,)"
      R"("n_layers_d":3,"ndf":64,)"
      R"("net_d":"basic","net_g":"unet_256","ngf":64,"norm":"batch","norm_at_test":"auto",)"
      R"("output_channels":0,"precision":"float32","save_every":0,"save_every_epochs":1,)"
      R"("save_every_minutes":10.0,"seed":0,"skip_bad":false,"steps":0,"threads":0,"upsample":"convtranspose"})");
}

TEST_CASE("every option goes into JSON and comes back, alone and with the others") {
  std::set<std::string> names;
  const TrainConfig all = all_changed();
  CHECK_NOTHROW(gan::check(TrainConfig{}));
  gan::for_each_option([&](const auto& option) {
    INFO(std::string(option.name));
    CHECK(names.insert(option.name).second);
    TrainConfig one;
    one.*option.member = another_value(option);
    CHECK_FALSE(one == TrainConfig{});
    const nlohmann::json json = one;
    CHECK(json.get<TrainConfig>() == one);
    CHECK(json.at(option.name) != nlohmann::json(TrainConfig{}).at(option.name));

    nlohmann::json without = all;  // as an older program wrote it
    CHECK(without.erase(option.name) == 1);
    TrainConfig expected = all;
    expected.*option.member = TrainConfig{}.*option.member;
    CHECK(without.get<TrainConfig>() == expected);
  });
  nlohmann::json json = all;
  CHECK(json.size() == names.size());
  json["of a newer program"] = 1;
  CHECK(json.get<TrainConfig>() == all);
  CHECK(nlohmann::json::object().get<TrainConfig>() == TrainConfig{});
}

TEST_CASE("JSON of the wrong form is refused: no object, another type, an unknown word") {
  CHECK_THROWS_AS(nlohmann::json(3).get<TrainConfig>(), nlohmann::json::exception);
  CHECK_THROWS_AS(nlohmann::json::array().get<TrainConfig>(), nlohmann::json::exception);
  gan::for_each_option([](const auto& option) {
    INFO(std::string(option.name));
    nlohmann::json json;
    json[option.name] = nlohmann::json::array();
    CHECK_THROWS_AS(json.get<TrainConfig>(), nlohmann::json::exception);
    if constexpr (std::is_enum_v<std::remove_cvref_t<decltype(another_value(option))>>) {
      json[option.name] = "no such word";
      try {
        json.get<TrainConfig>();
        FAIL("accepted");
      } catch (const gan::OptionError& e) {
        CHECK(e.option() == option.name);
        CHECK(e.found() == "'no such word'");
        CHECK(e.expected().find("one of ") == 0);
      }
    }
  });
}

TEST_CASE("every value out of an option's range is refused, naming the option") {
  gan::for_each_option([](const auto& option) {
    for (const auto& value : impossible_values(option)) {
      TrainConfig c;
      c.*option.member = value;
      check_refused(c, option.name, std::string(option.name) + " is ");
    }
  });
}

TEST_CASE("a refusal says what was found, what was expected, and the nearest name") {
  TrainConfig c;
  c.ngf = -3;
  check_refused(c, "ngf", "ngf is -3, expected a whole number from 1 to 4096");
  c = {};
  c.beta1 = 1;
  check_refused(c, "beta1", "beta1 is 1, expected a number from 0 to below 1");
  c = {};
  c.lr = -0.5;
  check_refused(c, "lr", "lr is -0.5, expected a number from 0 to 1000000");
  c = {};
  c.net_g = "unet_255";
  check_refused(c, "net_g", "(did you mean unet_256?)");
  try {
    gan::from_name<nn::GanMode>("gan_mode", "vanila");
    FAIL("accepted");
  } catch (const gan::OptionError& e) {
    CHECK(e.what() ==
          std::string("gan_mode is 'vanila', expected one of vanilla, lsgan, hinge (did you mean vanilla?)"));
  }
}

TEST_CASE("options at odds with each other are refused, naming both") {
  const auto refused = [](const std::string& sentence, const std::string& option,
                          const std::function<void(TrainConfig&)>& change) {
    TrainConfig c;
    change(c);
    check_refused(c, option, sentence);
  };
  refused("crop_size 300 is larger than load_size 286", "crop_size", [](auto& c) { c.crop_size = 300; });
  refused("n_layers_d is for net_d n_layers, but net_d is basic", "n_layers_d",
          [](auto& c) { c.n_layers_d = 4; });
  refused("epochs and epochs_decay are both 0", "epochs", [](auto& c) { c.epochs = c.epochs_decay = 0; });
  refused("lr_policy cosine has the period epochs", "lr_policy", [](auto& c) {
    c.lr_policy = nn::LrPolicy::cosine;
    c.epochs = 0;
  });
  refused("lr_decay_epochs is for lr_policy step, but lr_policy is linear", "lr_decay_epochs",
          [](auto& c) { c.lr_decay_epochs = 4; });
}

TEST_CASE("of a run being resumed only its length, its files and the machine may change") {
  std::set<std::string> may_change;
  gan::for_each_option([&](const auto& option) {
    INFO(std::string(option.name));
    TrainConfig now;
    now.*option.member = another_value(option);
    CHECK_NOTHROW(gan::check_resumable(now, now));
    try {
      gan::check_resumable(TrainConfig{}, now);
      may_change.insert(option.name);
    } catch (const gan::OptionError& e) {
      CHECK(e.option() == option.name);
      CHECK(e.what() == std::string(option.name) + " is " + gan::text_of(now.*option.member) +
                            ", but the run being resumed has " + gan::text_of(TrainConfig{}.*option.member));
    }
  });
  CHECK(may_change == std::set<std::string>{"epochs", "epochs_decay", "steps", "threads", "device",
                                            "precision", "conv", "autotune", "graph", "save_every",
                                            "save_every_epochs", "save_every_minutes", "keep", "skip_bad"});
}
