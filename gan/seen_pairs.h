// The images of a split as they are compared with a training domain, gathered while the split is verified.
#pragma once
#include <string>
#include <vector>

#include "gan/options.h"
#include "gan/training_domain.h"
#include "io/pairs/dataset.h"

namespace uptake::gan {

struct SeenPair {
  std::string
      name;  // of a cohort "case 1", "case 2", in the order of reports: pairs bear the names of patients
  SeenImage input, target;
};

/// Constructed before the call of PairDataset::verify, the visitor in it (by std::ref), asked after it.
class PairExaminer {
 public:
  explicit PairExaminer(const io::PairDataset& data) : data_(data), summaries_(data.size()) {}

  void operator()(std::size_t i, const io::Pair& pair);

  /// The pairs that verify left in the data set, in its order.
  std::vector<SeenPair> pairs(Direction direction) const;

  /// What a model trained on these pairs has seen.
  TrainingDomain domain(Direction direction) const;

 private:
  struct Summaries {
    std::string name;
    PixelSummary a, b;
  };
  const io::PairDataset& data_;
  std::vector<Summaries> summaries_;  // by the number of the pair before verify
};

}  // namespace uptake::gan
