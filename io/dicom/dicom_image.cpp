// What DicomImage computes of what was read. Dates and times: PS3.5 6.2 (DA, TM, DT).
#include <charconv>
#include <chrono>
#include <cmath>
#include <string_view>

#include "io/dicom/dicom.h"

namespace uptake::io {
namespace {

constexpr double kDay = 24 * 60;  // minutes
constexpr double kLongest = 7 * kDay;
constexpr double kLongestOverMidnight = kDay / 2;

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  const char* end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

/// YYYYMMDD, or YYYY.MM.DD of old files, as days of the calendar.
std::optional<std::int64_t> day_of(std::string_view text) {
  const bool old = text.size() >= 10 && text[4] == '.' && text[7] == '.';
  const auto year = digits(text, 0, 4), month = digits(text, old ? 5 : 4, 2),
             day = digits(text, old ? 8 : 6, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1900) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

/// HH[MM[SS[.F]]], or HH:MM:SS of old files, as minutes of the day.
std::optional<double> minute_of(std::string_view text) {
  const std::size_t step = text.size() > 2 && text[2] == ':' ? 3 : 2;
  const auto hour = digits(text, 0, 2);
  if (!hour || *hour > 23) return std::nullopt;
  double minutes = *hour * 60;
  if (text.size() <= 2) return minutes;
  const auto minute = digits(text, step, 2);
  if (!minute || *minute > 59) return std::nullopt;
  minutes += *minute;
  if (text.size() <= step + 2) return minutes;
  const auto second = digits(text, 2 * step, 2);
  if (!second || *second > 60) return std::nullopt;
  return minutes + *second / 60.0;
}

struct Moment {
  double minutes;             // since the epoch, in local time
  std::optional<int> offset;  // of the local time from UTC, in minutes
};

/// YYYYMMDDHHMM[SS[.F]][&ZZXX]; less precise ones tell no minutes.
std::optional<Moment> moment_of(std::string_view text) {
  std::optional<int> offset;
  if (const std::size_t sign = text.find_first_of("+-"); sign != std::string_view::npos) {
    const auto hours = digits(text, sign + 1, 2), minutes = digits(text, sign + 3, 2);
    if (hours && minutes) offset = (*hours * 60 + *minutes) * (text[sign] == '-' ? -1 : 1);
    text = text.substr(0, sign);
  }
  if (text.size() < 12) return std::nullopt;
  const auto day = day_of(text.substr(0, 8));
  const auto minute = minute_of(text.substr(8));
  if (!day || !minute) return std::nullopt;
  return Moment{static_cast<double>(*day) * kDay + *minute, offset};
}

std::optional<double> plausible(double minutes, double longest) {
  if (minutes < 0 || minutes > longest) return std::nullopt;
  return minutes;
}

}  // namespace

std::vector<std::size_t> DicomImage::photopeak_frames() const {
  std::vector<std::size_t> kept;
  for (std::size_t f = 0; f < frames.size(); ++f)
    if (f >= windows.size() || !windows[f].scatter) kept.push_back(f);
  return kept;
}

std::optional<double> DicomImage::minutes_after_injection() const {
  auto acquired = moment_of(acquisition_datetime);
  if (!acquired) {
    const auto day = day_of(acquisition_date);
    const auto minute = minute_of(acquisition_time);
    if (!minute) return std::nullopt;
    if (day) {
      acquired = Moment{static_cast<double>(*day) * kDay + *minute, std::nullopt};
    } else if (const auto injected = minute_of(injection_time)) {  // two times of day are all there is
      const double passed = *minute - *injected;
      return passed >= 0 ? passed : plausible(passed + kDay, kLongestOverMidnight);
    } else {
      return std::nullopt;
    }
  }
  if (const auto injected = moment_of(injection_datetime)) {
    double passed = acquired->minutes - injected->minutes;
    if (acquired->offset && injected->offset) passed -= *acquired->offset - *injected->offset;
    return plausible(passed, kLongest);
  }
  const auto injected = minute_of(injection_time);
  if (!injected) return std::nullopt;
  const double acquired_day = std::floor(acquired->minutes / kDay);
  const double passed = acquired->minutes - (acquired_day * kDay + *injected);
  if (const auto studied = day_of(study_date); studied && acquired_day - static_cast<double>(*studied) == 1)
    return plausible(passed + kDay, kLongest);
  return passed >= 0 ? passed : plausible(passed + kDay, kLongestOverMidnight);
}

}  // namespace uptake::io
