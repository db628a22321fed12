// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace uptake::io {

/// Of bytes that come in pieces: add() as often as needed, then hex() once.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  /// 64 digits in small letters, as sha256sum prints them.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace uptake::io
