"""What scripts/gpu-check asks of a machine - its card, tools, PyTorch, sources - and the libraries it takes to another."""

import functools
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CARRY = ROOT / "third_party" / "carry"
PACKAGES = ("doctest-dev", "libbenchmark-dev", "libbenchmark1debian", "libstb-dev", "nlohmann-json3-dev", "libcli11-dev")
CONFIGS = {"doctest_DIR": "doctestConfig.cmake", "benchmark_DIR": "benchmarkConfig.cmake",
           "nlohmann_json_DIR": "nlohmann_jsonConfig.cmake", "CLI11_DIR": "CLI11Config.cmake", "STB_INCLUDE_DIR": "stb_image.h"}


class PartFailed(Exception):
    pass


def found(pattern, text, otherwise=None):
    match = re.search(pattern, text)
    return match[1] if match else otherwise


def output_of(*command):
    """What a command prints, or "" if it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def find_tool(name, *places):
    return next((tool for place in (os.environ.get("CUDACXX") if name == "nvcc" else None, name, *places,
                                    f"/usr/local/cuda/bin/{name}") if place and (tool := shutil.which(place))), None)


# ------------------------------------------------------------------------ pack


def pack(target):
    """Copies the files of PACKAGES into `target`, with their folders."""
    if shutil.which("dpkg") is None:
        raise PartFailed("this is no Debian system: there are no packages to copy from")
    shutil.rmtree(target, ignore_errors=True)
    for package in PACKAGES:
        files = [path for path in output_of("dpkg", "-L", package).splitlines() if os.path.isfile(path)]
        if not files:
            raise PartFailed(f"{package} is not installed; scripts/setup test installs what is missing")
        for path in files:
            if path.startswith("/usr/share/doc/") or path.endswith(("libstb.a", "libstb.so")):
                continue
            copy = target / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    for path in target.rglob("*.cmake"):  # some name /usr, others look where they are
        text = path.read_text()
        up = os.path.relpath(target / "usr", path.parent)
        path.write_text(text.replace('set(_IMPORT_PREFIX "/usr")',
                                     f'get_filename_component(_IMPORT_PREFIX "${{CMAKE_CURRENT_LIST_DIR}}/{up}" ABSOLUTE)'))
    (target / "commit.json").write_text(json.dumps({"commit": git_commit() or "unknown", "sources_sha256": sources_hash()}))


def carried(target):
    """CMake options that name what pack() brought; none for what it did not."""
    options = {"CMAKE_PREFIX_PATH": target / "usr"} if target.exists() else {}
    for option, file in CONFIGS.items():
        if path := next(target.rglob(file), None):
            options[option] = path.parent
    return [f"-D{name}={value}" for name, value in options.items()]


# --------------------------------------------------------------------- machine


def git_commit():
    git = ("git", "-c", "safe.directory=*", "-C", str(ROOT))
    commit = output_of(*git, "rev-parse", "HEAD")
    if commit and output_of(*git, "status", "--porcelain", "--", "kernels", "nn", "gan"):
        return f"{commit} with changes"
    return commit


def sources_hash():
    """Of every source file, so that results of other sources are never mixed with new ones."""
    digest = hashlib.sha256()
    folders = ("kernels", "nn", "gan", "io", "apps", "bench", "tests", "cmake")
    endings = {".h", ".cpp", ".cu", ".cuh", ".cmake", ".txt", ".py"}
    for path in sorted(p for f in folders for p in (ROOT / f).rglob("*") if p.is_file() and p.suffix in endings):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def commit_name(given):
    if commit := given or git_commit():
        return commit
    try:
        packed = json.loads((CARRY / "commit.json").read_text())
    except (OSError, ValueError):
        return "unknown"
    return packed["commit"] if packed["sources_sha256"] == sources_hash() else f"{packed['commit']} with changes"


CARD_FIELDS = ("name", "driver_version", "compute_cap", "memory.total", "clocks.sm", "clocks.mem", "clocks.max.sm",
               "clocks.max.mem", "power.draw", "power.limit", "temperature.gpu", "pstate")


def card_state():
    line = output_of("nvidia-smi", f"--query-gpu={','.join(CARD_FIELDS)}", "--format=csv,noheader,nounits").splitlines()[:1]
    values = [value.strip() for value in line[0].split(",")] if line else []
    return dict(zip(CARD_FIELDS, values)) if len(values) == len(CARD_FIELDS) else {}


@functools.cache
def python_with_torch():
    for python in dict.fromkeys((sys.executable, shutil.which("python3"), "/usr/bin/python3", "/opt/torch/.venv/bin/python3")):
        if python and (version := output_of(python, "-c", "import torch; print(torch.__version__)")):
            return python, version
    return None, None


def cudnn_in_python(python):
    """(include folder, library) of the cuDNN that PyTorch's packages bring."""
    folder = output_of(python or sys.executable, "-c", "import nvidia.cudnn as c; print(list(c.__path__)[0])")
    library = sorted(glob.glob(f"{folder}/lib/libcudnn.so*")) if folder else []
    return (f"{folder}/include", library[0]) if library and os.path.exists(f"{folder}/include/cudnn.h") else None
