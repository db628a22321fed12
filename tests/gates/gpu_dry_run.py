"""What scripts/gpu-check can try on a machine without a GPU: all of it but the numbers, which are invented here, marked as
synthetic, and kept in a temporary folder. Skipped parts say SKIPPED."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types

# A project that finds every library it needs in the folder that --pack fills, and runs with them.
PROBE_CMAKE = """cmake_minimum_required(VERSION 3.25)
project(Probe LANGUAGES CXX)
find_package(doctest CONFIG REQUIRED)
find_package(benchmark REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)
foreach(target doctest::doctest benchmark::benchmark nlohmann_json::nlohmann_json CLI11::CLI11)
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  list(GET folders 0 folder)
  string(FIND "${folder}" "${CARRY}" at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "${target} comes from ${folder}, not from ${CARRY}")
  endif()
endforeach()
add_executable(probe probe.cpp)
target_compile_features(probe PRIVATE cxx_std_20)
target_include_directories(probe SYSTEM PRIVATE ${STB_INCLUDE_DIR})
target_link_libraries(probe PRIVATE benchmark::benchmark)
"""
PROBE_CPP = """#include <benchmark/benchmark.h>
#include <stb_image.h>
int main(int argc, char** argv) { benchmark::Initialize(&argc, argv); return STBI_VERSION == 1 ? 0 : 1; }
"""


def need(condition, text):
    if not condition:
        raise AssertionError(text)


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    need(done.returncode == 0, f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def check_programs(gpu_check):
    """Every Python program can at least be read."""
    for path in (*(gpu_check.ROOT / "bench/peer").glob("*.py"), gpu_check.ROOT / "scripts/gpu-check"):
        compile(path.read_text(), str(path), "exec")


def check_pack(gpu_check, work):
    """The packed folder is all that a build needs."""
    if shutil.which("dpkg") is None:
        print("SKIPPED: gpu-check: packing needs a Debian system")
        return
    carry, probe = work / "carry", work / "probe"
    gpu_check.pack(carry)
    packed = json.loads((carry / "commit.json").read_text())
    need("sources_sha256" in packed, "the packed folder does not say of which sources it is")
    probe.mkdir()
    (probe / "CMakeLists.txt").write_text(PROBE_CMAKE)
    (probe / "probe.cpp").write_text(PROBE_CPP)
    generator = ["-GNinja"] if shutil.which("ninja") else []
    call("cmake", "-S", probe, "-B", probe / "build", f"-DCARRY={carry}", *generator, *gpu_check.carried(carry))
    call("cmake", "--build", probe / "build")
    call(probe / "build/probe")


def check_configure(gpu_check, work):
    """CMake takes the options of the build, with the packed libraries, and says whether it has cuDNN."""
    options = types.SimpleNamespace(minutes=1, out=work / "out-configure", folder=work / "configured", commit="0" * 40)
    check = gpu_check.Check(options)
    if check.nvcc is None:
        print("SKIPPED: gpu-check: there is no nvcc, so CMake's options were not tried")
        return
    command = check.configure_command(work / "carry")
    need("-DUPTAKE_DICOM=OFF" in command and "-DUPTAKE_ONEDNN=OFF" in command, f"{command}")
    for more in ([], ["-DCMAKE_DISABLE_FIND_PACKAGE_CUDNN=ON"]):
        status, text = check.run(command + more, 60)
        need(status == 0, f"CMake: exit status {status}\n{text[-3000:]}")
        need("not used by the project" not in text, f"CMake knows not all options:\n{text[-1000:]}")
        backend = gpu_check.found(r"(CUDA backend: [^\n]*)", text, "")
        need(gpu_check.configured_cudnn(text) or backend.endswith(", cuDNN none"), f"with cuDNN or without? {backend}")
    need(backend.endswith(", cuDNN none"), f"a build without cuDNN says: {backend}")
    need((options.folder / "CMakeCache.txt").exists(), "CMake left no cache")


def check_no_gpu(gpu_check, folder):
    """Without a GPU every program says so, and that is neither a measurement nor a passed test."""
    if gpu_check.card_state():
        print("SKIPPED: gpu-check: our programs without a GPU: there is one")
        return

    def start(program, *arguments):
        """(exit status, standard output, standard error), or None if it is not built."""
        if folder is None or not (folder / program).exists():
            print(f"SKIPPED: gpu-check: {pathlib.Path(program).name} is not built (it needs the CUDA backend)")
            return None
        done = subprocess.run([str(folder / program), *arguments], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "UPTAKE_REQUIRE_GPU": "1"})
        return done.returncode, done.stdout, done.stderr

    tests = "../tests/uptake_tests_"
    for program, least in (("bench_kernels", 100), ("bench_ladder", 20)):
        if said := start(program, "--benchmark_format=json"):
            rows = gpu_check.parse_benchmark(said[1])
            need(len(rows) > least, f"{program} has {len(rows)} rows, exit status {said[0]}: {said[2][-1000:]}")
            wrong = [row for row in rows if not row.get("error", "").startswith("no GPU: ")]
            need(not wrong, f"{program} has rows without 'no GPU': {wrong[:3]}")
            if program == "bench_ladder" and (folder / f"{tests}cudnn").exists():
                need(any(row["name"].endswith("/cudnn") for row in rows), "bench_ladder has no rows of cuDNN")
    if said := start("bench_train_step_gpu", "--size", "256", "--ngf", "64", "--batch", "1", "--seconds", "0.1"):
        need(said[:2] == (1, ""), f"bench_train_step_gpu: {said}")
        need(re.fullmatch(r"bench_train_step_gpu: [^\n]*(no GPU|driver)[^\n]*\n", said[2]), f"bench_train_step_gpu: {said}")
    for name, arguments in (("cuda_gpu", ()), ("cudnn", ("--test-case=cudnn on the GPU*",))):
        if said := start(f"{tests}{name}", *arguments):
            need(said[0] == 1 and re.search("UPTAKE_REQUIRE_GPU is 1, but .*(no GPU|driver)", said[1] + said[2]),
                 f"uptake_tests_{name} does not fail where a GPU is required: {said}")


def invented(gpu_check, batch):
    """What the programs would print, with numbers that cannot be mistaken for measurements: all are 1, 2 or 4."""
    benchmarks = [{"name": f"{name}/iterations:25/manual_time", "real_time": 1.0, "time_unit": "us", "GB_per_s": 1.0,
                   "share_of_copy": 1.0, "TFLOP_per_s": 1.0, "iterations": 25}
                  for name in ("copy/1GB", "norm_forward/batch/16x4x4x4/float32", "norm_forward/batch/16x4x4x4/bfloat16")]
    rungs = [{"name": f"e3_batch16/float32/{rung}/iterations:25/manual_time", "real_time": 1.0, "time_unit": "us",
              "median_us": 1.0, "min_us": 1.0, "max_us": 1.0, "TFLOP_per_s": 1.0, "iterations": 25}
             for rung in ("0_naive", "own_implicit_gemm", "cudnn")]
    steps = [{"size": 256, "ngf": 64, "batch": batch, "precision": "bfloat16", "variant": variant, "median_ms": 2.0,
              "min_ms": 1.0, "max_ms": 4.0, "images_per_s": 500.0 * batch} for variant in ("cudnn_graph", "own_graph")]
    return {
        "bench_kernels": json.dumps({"context": {}, "benchmarks": benchmarks}, indent=1),
        "bench_ladder": json.dumps({"context": {}, "benchmarks": rungs}, indent=1),
        "bench_train_step_gpu": "\n".join(map(json.dumps, steps)),
        "compute-sanitizer": "========= ERROR SUMMARY: 0 errors\n",
        "ctest": "1: [doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n"
                 "1/2 Test #1: cuda_gpu .....   Passed    1.2 sec\n2/2 Test #2: cudnn ........   Passed    1.2 sec\n",
        "cmake": "-- CUDA backend: 13.0, cuDNN 9.19.0\n",
    }


def check_parts(gpu_check, work):
    """Every part on invented output, PyTorch's program for real where there is a PyTorch; then the tables."""

    class Rehearsal(gpu_check.Check):
        peer_options = ("--device", "cpu", "--size", "32", "--ngf", "4", "--only", "eager", "--seconds", "0.02")

        def program(self, name):
            return pathlib.Path(name)

        def run(self, command, limit=600.0):
            name = pathlib.Path(command[0]).name
            batch = command[command.index("--batch") + 1] if "--batch" in command else 1
            return 0, invented(gpu_check, batch)[name]

        def part_sanitizer(self):
            if gpu_check.find_tool("compute-sanitizer"):
                return super().part_sanitizer()
            return "no tool here"

    options = types.SimpleNamespace(minutes=2, out=work / "out", folder=work / "build", commit="0" * 40, batches=[1, 2],
                                    rounds=2, without_cudnn=False)
    check = Rehearsal(options)
    check.result["synthetic"] = True
    status = check.run_parts(gpu_check.Check.PARTS)
    result = gpu_check.gpu_report.load(str(work / "out/gpu.json"))
    need(result is not None and result["synthetic"], "the rehearsal's result is not marked as synthetic")
    parts = {name: part["status"] for name, part in result["parts"].items()}
    if check.python is None:
        print("SKIPPED: gpu-check: PyTorch is not installed; its program was not run")
        need(parts.pop("step") == "failed" and status == 1, "a missing PyTorch must be a failure on the GPU machine")
    else:
        need(status == 0, f"parts: {result['parts']}")
        torch_rows = [row for row in result["step"] if row["program"] == "torch"]
        need({row["batch"] for row in torch_rows} == {1, 2} and all("median_ms" in row for row in torch_rows), f"{torch_rows}")
    need(set(parts.values()) == {"passed"}, f"parts: {parts}")
    for name in gpu_check.gpu_report.TABLES:
        text = gpu_check.gpu_report.table(name, result)
        need(text.startswith("SYNTHETIC, NOT MEASURED: "), f"the table {name} does not say that it is synthetic:\n{text}")


def check_readme(gpu_check):
    """The tables of the README are those of the committed result, or say that there is none."""
    readme = gpu_check.ROOT / "README.md"
    if "<!-- gpu: " in readme.read_text():
        call(sys.executable, "-B", gpu_check.ROOT / "bench/peer/gpu_report.py", "--check", readme)


def check_build(gpu_check, work):
    """The build itself, as on the GPU machine."""
    options = types.SimpleNamespace(minutes=60, out=work / "out-build", folder=work / "build", commit=None, without_cudnn=False)
    need(gpu_check.Check(options).run_parts(["build"]) == 0, "the build failed: see above")


def run(gpu_check, options):
    """Every rehearsal; 0 if none failed."""
    failures = 0
    with tempfile.TemporaryDirectory(prefix="gpu_dry_run_") as folder:
        work = pathlib.Path(folder)
        os.makedirs(work / "out")
        steps = [("programs", lambda: check_programs(gpu_check)), ("pack", lambda: check_pack(gpu_check, work)),
                 ("configure", lambda: check_configure(gpu_check, work)),
                 ("no gpu", lambda: check_no_gpu(gpu_check, options.benchmark_folder)),
                 ("readme", lambda: check_readme(gpu_check)), ("parts", lambda: check_parts(gpu_check, work))]
        if options.build:
            steps.append(("build", lambda: check_build(gpu_check, work)))
        for name, step in steps:
            try:
                step()
                print(f"dry run: {name}: passed", flush=True)
            except (AssertionError, gpu_check.PartFailed, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED: dry run: {name}: {error}", flush=True)
    return 1 if failures else 0
