"""Times Uptake's training step and PyTorch's in alternation, so that both see the same machine, and prints medians
and their ratio; the whole of it goes into a JSON file.

  python3 bench/peer/compare.py build/bench/bench_train_step --out bench/results/cpu.json

PyTorch is timed as installed, in the interpreter that runs this (Debian: /usr/bin/python3 with python3-torch).
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [  # size, filters, batch, channels
    (256, 64, 1, 3),
    (128, 32, 4, 1),
    (64, 16, 8, 1),
]


def uptake_ms(program, case, threads, seconds):
    size, ngf, batch, channels = case
    name = f"size:{size}/ngf:{ngf}/batch:{batch}/channels:{channels}/"
    command = [program, f"--benchmark_filter={name}", "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
    text = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                          capture_output=True, text=True).stdout
    return json.loads(text)["benchmarks"][0]["real_time"]


def torch_ms(case, threads, steps):
    size, ngf, batch, channels = case
    command = [sys.executable, os.path.join(HERE, "train_step_torch.py"), "--size", size, "--ngf", ngf, "--ndf", ngf,
               "--batch", batch, "--input-nc", channels, "--output-nc", channels, "--threads", threads,
               "--steps", steps]
    text = subprocess.run([str(c) for c in command], env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                          capture_output=True, text=True).stdout
    return json.loads(text)["median_ms"]


def cpu_name():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="bench_train_step")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    import torch
    rows = []
    for case in CASES:
        ours, theirs, load = [], [], []
        for _ in range(options.rounds):
            load.append(os.getloadavg()[0])
            ours.append(uptake_ms(options.program, case, options.threads, 4))
            theirs.append(torch_ms(case, options.threads, 6 if case[0] >= 256 else 20))
        a, b = statistics.median(ours), statistics.median(theirs)
        rows.append({"size": case[0], "ngf": case[1], "batch": case[2], "channels": case[3], "uptake_ms": ours,
                     "torch_ms": theirs, "uptake_median_ms": a, "torch_median_ms": b, "ratio": b / a,
                     "load_before_each_round": load})
        print(f"{case}: uptake {a:.1f} ms, torch {b:.1f} ms, ratio {b / a:.2f}", flush=True)
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    result = {"date": datetime.date.today().isoformat(), "commit": commit, "cpu": cpu_name(),
              "threads": options.threads, "torch": torch.__version__, "precision": "float32", "cases": rows}
    with open(options.out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
