#!/usr/bin/env bash
# Proves that scripts/check-layers sees what it is there for. Usage: layers_test.sh CHECKER ROOT
set -euo pipefail
checker=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect STATUS NAME FILE CONTENT: the checker's verdict on a tree that holds only this file
expect() {
  rm -rf "${work:?}/tree"
  mkdir -p "$work/tree"/{kernels/{base,detail,conv/own,norm},io/{base,image,dicom,pairs,scan},nn,gan/networks,apps,bench,tests}
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
expect 1 "a detail of kernels knows io" kernels/detail/x.h '  #  include <io/image/image.h>'
expect 1 "the base of kernels knows an operation" kernels/base/x.h '#include "kernels/pointwise.h"'
expect 1 "a detail of kernels knows an operation" kernels/detail/x.cuh '#include "kernels/pointwise.h"'
expect 1 "an operation knows convolution" kernels/x.cu '#include "kernels/conv/own/mma.cuh"'
expect 1 "an image knows pairs" io/image/x.cpp '#include "io/pairs/dataset.h"'
expect 1 "DICOM knows scans" io/dicom/x.cpp '#include "io/scan/phantom_cohort.h"'
expect 1 "a file on no shelf" io/x.cpp '#include <vector>'
expect 1 "io knows kernels" io/base/x.cpp '#include "kernels/base/types.h"'
expect 1 "nn knows images" nn/x.h '#include "io/image/image.h"'
expect 1 "gan knows apps" gan/x.cu '#include "apps/train.h"'
expect 1 "nn knows tests" nn/x.cpp '#include "tests/reference/conv.h"'
expect 1 "a path that climbs" nn/x.cpp '#include "../io/image.h"'
expect 1 "a header as users write it" nn/x.cpp '#include <uptake/nn/tensor.h>'
expect 1 "a long file" gan/x.cpp "$(seq 501 | sed 's/^/int a/; s/$/;/')"
expect 0 "a file at the limit" gan/x.cpp "$(seq 500 | sed 's/^/int a/; s/$/;/')"
expect 0 "gan knows everything below" gan/x.cpp $'#include <vector>\n#include "nn/tensor.h"\n#include "io/image/image.h"'
expect 0 "convolution knows an operation" kernels/conv/own/x.cu '#include "kernels/pointwise.h"'
expect 0 "scans know DICOM" io/scan/x.cpp '#include "io/dicom/dicom.h"'
expect 0 "nn knows files of tensors" nn/x.cpp $'#include "io/tensors/safetensors.h"\n#include "io/base/file.h"'
expect 0 "a network knows nn" gan/networks/x.cpp '#include "nn/layers.h"'
expect 0 "apps knows gan" apps/x.cpp '#include "gan/trainer.h"'
expect 0 "a comment is no include" kernels/x.h '// like #include "nn/tensor.h"'

# expect_names STATUS NAME FILE OTHER: the verdict on two files of these paths
expect_names() {
  rm -rf "${work:?}/tree"
  for file in "$3" "$4"; do
    mkdir -p "$work/tree/$(dirname "$file")"
    echo "// nothing" >"$work/tree/$file"
  done
  local status=0
  "$checker" "$work/tree" >"$work/output" || status=$?
  if [[ $status -ne $1 ]]; then
    echo "FAILED: $2: expected status $1, got $status"
    exit 1
  fi
}
expect_names 1 "two headers of one name" kernels/adam.h nn/adam.h
expect_names 1 "two sources of one name" io/image/x.cpp io/dicom/x.cpp
expect_names 0 "a header and its source" nn/x.h nn/x.cpp

"$checker" "$root"
