"""Times Uptake's training step and PyTorch's in alternation, so that both see the same machine, and prints medians
and their ratio; the whole of it goes into a JSON file, with the CPU and the rate of matrix products in the same run.

  venv/bin/python bench/peer/compare.py build/bench/bench_train_step --out bench/results/cpu_train_step.json

PyTorch is the one of the interpreter that runs this, 2.4 or newer. It is timed as installed, and tuned: the faster of its
two memory layouts, with Adam in one pass and a malloc that keeps freed memory. Uptake has one setting.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [  # size, filters, batch, channels
    (256, 64, 1, 3),
    (128, 32, 4, 1),
    (64, 16, 8, 1),
]
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
PEERS = {  # name: arguments of train_step_torch.py, environment
    "torch_as_installed": ([], {}),
    "torch_fused_adam": (["--fused-adam"], KEEP_MEMORY),
    "torch_fused_adam_channels_last": (["--fused-adam", "--channels-last"], KEEP_MEMORY),
}
MATMUL = """
import statistics, sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
times = []
for _ in range(8):
    start = time.perf_counter()
    a @ b
    times.append(time.perf_counter() - start)
print(2 * 2048**3 / statistics.median(times[2:]) / 1e9)
"""


def uptake_ms(program, case, threads, seconds):
    size, ngf, batch, channels = case
    name = f"size:{size}/ngf:{ngf}/batch:{batch}/channels:{channels}/"
    command = [program, f"--benchmark_filter={name}", "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
    text = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                          capture_output=True, text=True).stdout
    return json.loads(text)["benchmarks"][0]["real_time"]


def python(arguments, threads, extra=None):
    """What a fresh interpreter prints, with PyTorch's threads where OpenMP wants them."""
    return subprocess.run([sys.executable, *(str(a) for a in arguments)], check=True, capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads), **(extra or {})}).stdout


def torch_ms(case, threads, steps, arguments, extra):
    size, ngf, batch, channels = case
    text = python([os.path.join(HERE, "train_step_torch.py"), "--size", size, "--ngf", ngf, "--ndf", ngf, "--batch", batch,
                   "--input-nc", channels, "--output-nc", channels, "--threads", threads, "--steps", steps, *arguments],
                  threads, extra)
    return json.loads(text)["median_ms"]


def matmul_gflops(threads):
    return float(python(["-c", MATMUL, threads], threads))


def cpu():
    """What tells one CPU from another: /proc/cpuinfo's words, and how many of them there are."""
    found = {}
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() in ("vendor_id", "cpu family", "model", "model name", "stepping"):
                found[key.strip().replace(" ", "_")] = value.strip()
    return {**found, "cores": os.cpu_count()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="bench_train_step")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    import torch
    if int(torch.__version__.split(".")[0]) < 2:
        raise SystemExit(f"compare: this interpreter has PyTorch {torch.__version__}, 2.4 or newer is expected")
    machine = cpu()
    rates = {"1": [], str(options.threads): []}
    rows = []
    print("| size, filters, batch | Uptake (ms) | PyTorch as installed (ms) | tuned (ms) | ratio | ratio to tuned |")
    for case in CASES:
        times = {name: [] for name in ("uptake", *PEERS)}
        load = []
        steps = 4 if case[0] >= 256 else 20
        for _ in range(options.rounds):
            load.append(os.getloadavg()[0])
            times["uptake"].append(uptake_ms(options.program, case, options.threads, 4))
            for name, (arguments, extra) in PEERS.items():
                times[name].append(torch_ms(case, options.threads, steps, arguments, extra))
            for threads, measured in rates.items():
                measured.append(matmul_gflops(int(threads)))
        medians = {name: statistics.median(values) for name, values in times.items()}
        ours, installed = medians["uptake"], medians["torch_as_installed"]
        tuned = min(medians[name] for name in PEERS)
        rows.append({"size": case[0], "ngf": case[1], "batch": case[2], "channels": case[3], "ms": times,
                     "median_ms": medians, "ratio_as_installed": installed / ours, "ratio_tuned": tuned / ours,
                     "load_before_each_round": load})
        print(f"| {case[0]}, {case[1]}, {case[2]} | {ours:.0f} | {installed:.0f} | {tuned:.0f} | {installed / ours:.2f} "
              f"| {tuned / ours:.2f} |", flush=True)
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    gflops = {threads: statistics.median(measured) for threads, measured in rates.items()}
    print(f"{machine.get('model_name')}, family {machine.get('cpu_family')}, model {machine.get('model')}; float32 matrix "
          "products of 2048: " + ", ".join(f"{rate:.0f} GFLOP/s on {n} thread(s)" for n, rate in gflops.items()))
    result = {"date": datetime.date.today().isoformat(), "commit": commit, "cpu": machine, "matmul_gflops": gflops,
              "matmul_gflops_all": rates, "threads": options.threads, "torch": torch.__version__,
              "precision": "float32", "cases": rows}
    with open(options.out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
