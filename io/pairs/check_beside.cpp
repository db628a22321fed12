#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "io/pairs/pair_checks.h"

namespace uptake::io {
namespace {

// What anonymisers write for everybody: it tells no two patients apart.
bool is_nobody(const std::string& patient_id) {
  static constexpr std::array<std::string_view, 9> kNobody{
      "anon", "anonym", "anonymous", "anonymized", "anonymised", "unknown", "none", "na", "noid"};
  std::string letters;
  bool only_zeros = true;
  for (const char c : patient_id) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) letters += static_cast<char>(std::tolower(byte));
    if (std::isalnum(byte) != 0 && c != '0') only_zeros = false;
  }
  return only_zeros || std::find(kNobody.begin(), kNobody.end(), letters) != kNobody.end();
}

// Where something was first seen.
struct Place {
  const PlacedPair* pair;
  const std::string* file;
};

std::string said(const Place& place) { return *place.file + " (" + place.pair->split + ")"; }

class Beside {
 public:
  void add(const PlacedPair& pair) {
    if (pair.facts.a.form != DatasetForm::cohort) {
      if (pair.facts.a.content_hash.empty()) return;
      same_pixels({&pair, &pair.a_name}, pair.facts.a.content_hash + pair.facts.b.content_hash, false);
      return;
    }
    patient(pair, pair.facts.a, pair.a_name);
    image({&pair, &pair.a_name}, pair.facts.a);
    image({&pair, &pair.b_name}, pair.facts.b);
  }

  std::vector<PairFinding> take() { return std::move(found_); }

 private:
  void find(bool refusal, const std::string& sentence) {
    if (told_.insert(sentence).second) found_.push_back({refusal, sentence, Remedy::none});
  }

  void patient(const PlacedPair& pair, const ImageFacts& facts, const std::string& file) {
    if (facts.patient_id.empty() || is_nobody(facts.patient_id)) return;
    const Place here{&pair, &file};
    const auto [first, fresh] = patients_.try_emplace(facts.patient_id, here);
    const Place& there = first->second;
    if (!fresh && there.pair->split != pair.split)
      find(true, said(here) + " is of the same patient as " + said(there) +
                     ": the files have one PatientID, and a patient must be in one split only");
    else if (!fresh && there.pair->patient != pair.patient)
      find(false, said(here) + " is of the same patient as " + said(there) +
                      " by PatientID, but the table gives them two names");
    const auto [named, new_name] = names_.try_emplace(pair.patient, here, facts.patient_id);
    if (!new_name && named->second.second != facts.patient_id)
      find(false, said(here) + " and " + said(named->second.first) +
                      " are of one patient by the table, but their PatientIDs differ");
  }

  void image(const Place& here, const ImageFacts& facts) {
    if (!facts.sop_instance_uid.empty()) {
      const auto [first, fresh] = uids_.try_emplace(facts.sop_instance_uid, here);
      const Place& there = first->second;
      if (!fresh && *there.file != *here.file) {
        const bool two_splits = there.pair->split != here.pair->split;
        find(two_splits, said(here) + " is the same image as " + said(there) +
                             ": they have one SOP Instance UID" +
                             (two_splits ? ", and an image must be in one split only" : ""));
        return;
      }
    }
    if (!facts.content_hash.empty() && facts.largest > 0) same_pixels(here, facts.content_hash, true);
  }

  void same_pixels(const Place& here, const std::string& hash, bool dicom) {
    const auto [first, fresh] = contents_.try_emplace(hash, here);
    const Place& there = first->second;
    if (fresh || (*there.file == *here.file && dicom)) return;
    find(dicom && there.pair->split != here.pair->split,
         said(here) + " is the same image as " + said(there) + ", pixel for pixel");
  }

  std::map<std::string, Place> patients_, uids_, contents_;
  std::map<std::string, std::pair<Place, std::string>> names_;
  std::set<std::string> told_;
  std::vector<PairFinding> found_;
};

}  // namespace

std::vector<PairFinding> check_beside(std::span<const PlacedPair> pairs) {
  Beside beside;
  for (const PlacedPair& pair : pairs) beside.add(pair);
  return beside.take();
}

}  // namespace uptake::io
