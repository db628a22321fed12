#include "gan/seen_pairs.h"

#include <map>

namespace uptake::gan {
void PairExaminer::operator()(std::size_t i, const io::Pair& pair) {
  summaries_.at(i) = {pair.name, summarize(pair.a), summarize(pair.b)};
}

std::vector<SeenPair> PairExaminer::pairs(Direction direction) const {
  std::map<std::string, const Summaries*> by_name;
  for (const Summaries& summaries : summaries_) by_name.emplace(summaries.name, &summaries);
  std::vector<SeenPair> pairs;
  for (std::size_t i = 0; i < data_.size(); ++i) {
    const Summaries& pixels = *by_name.at(data_.name(i));
    // Names of cohorts are those of patients.
    const std::string name =
        data_.form() == io::DatasetForm::cohort ? "case " + std::to_string(i + 1) : data_.name(i);
    const SeenImage a = seen_image(data_.facts(i).a, pixels.a), b = seen_image(data_.facts(i).b, pixels.b);
    pairs.push_back(direction == Direction::a_to_b ? SeenPair{name, a, b} : SeenPair{name, b, a});
  }
  return pairs;
}

TrainingDomain PairExaminer::domain(Direction direction) const {
  TrainingDomain domain;
  domain.form = data_.form();
  for (const SeenPair& pair : pairs(direction)) {
    domain.input.add(pair.input);
    domain.target.add(pair.target);
  }
  return domain;
}

}  // namespace uptake::gan
