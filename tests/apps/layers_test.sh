#!/usr/bin/env bash
# Proves that scripts/check-layers sees what it is there for. Usage: layers_test.sh CHECKER ROOT
set -euo pipefail
checker=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect STATUS NAME FILE CONTENT: the checker's verdict on a tree that holds only this file
expect() {
  rm -rf "${work:?}/tree"
  mkdir -p "$work/tree"/{kernels/detail,io,nn,gan,apps,bench,tests}
  printf '%s\n' "$4" >"$work/tree/$3"
  local status=0
  "$checker" "$work/tree" >"$work/output" || status=$?
  if [[ $status -ne $1 || ($1 -ne 0 && $(grep -c "^$3:" "$work/output") -ne 1) ]]; then
    echo "FAILED: $2: expected status $1, got $status and:"
    cat "$work/output"
    exit 1
  fi
}

expect 1 "kernels knows nn" kernels/x.cpp '#include "nn/tensor.h"'
expect 1 "a detail of kernels knows io" kernels/detail/x.h '  #  include <io/image.h>'
expect 1 "io knows kernels" io/x.cpp '#include "kernels/types.h"'
expect 1 "nn knows io" nn/x.h '#include "io/image.h"'
expect 1 "gan knows apps" gan/x.cu '#include "apps/train.h"'
expect 1 "nn knows tests" nn/x.cpp '#include "tests/reference/conv.h"'
expect 1 "a path that climbs" nn/x.cpp '#include "../io/image.h"'
expect 1 "a long file" gan/x.cpp "$(seq 501 | sed 's/^/int a/; s/$/;/')"
expect 0 "a file at the limit" gan/x.cpp "$(seq 500 | sed 's/^/int a/; s/$/;/')"
expect 0 "gan knows everything below" gan/x.cpp $'#include <vector>\n#include "nn/tensor.h"\n#include "io/image.h"'
expect 0 "apps knows gan" apps/x.cpp '#include "gan/trainer.h"'
expect 0 "a comment is no include" kernels/x.h '// like #include "nn/tensor.h"'

"$checker" "$root"
