"""Tests of scripts/gpu-check and bench/peer/gpu_report.py: what is refused, what survives a failure, how numbers are joined."""

import copy
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("gpu_check", str(ROOT / "scripts/gpu-check"))
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)
gpu_report = gpu_check.gpu_report


def step_row(program, batch, precision, variant, median):
    return {"program": program, "size": 256, "ngf": 64, "batch": batch, "precision": precision, "variant": variant,
            "median_ms": median, "min_ms": median / 2, "max_ms": 2 * median, "images_per_s": 1e3 * batch / median}


RESULT = {
    "schema": 1, "synthetic": False, "date": "2000-01-01", "commit": "0" * 40, "sources_sha256": "0" * 64,
    "machine": {"card": "Invented Card", "driver": "1.0", "cuda": "13.0", "cudnn": "9.19", "torch": "2.11"},
    "parts": {"build": {"status": "passed", "detail": "", "seconds": 1}, "test": {"status": "failed", "detail": "1 failed"}},
    "kernels": [{"name": "copy/1GB", "median_us": 8.0, "GB_per_s": 2000.0, "share_of_copy": 1.0},
                {"name": "fill/16x2x2x8/float32", "median_us": 8.0, "share_of_copy": 0.5},
                {"name": "fill/16x4x4x8/float32", "median_us": 8.0, "share_of_copy": 0.75},
                {"name": "fill/1x4x4x8/float32", "median_us": 8.0, "share_of_copy": 0.1},
                {"name": "fill/16x2x2x8/bfloat16", "error": "broken"}],
    "step": [step_row("uptake", 1, "bfloat16", "graph", 2.0), step_row("uptake", 1, "bfloat16", "eager", 4.0),
             step_row("torch", 1, "bfloat16", "eager", 8.0), step_row("torch", 1, "bfloat16", "compile_graph", 3.0),
             {"program": "torch", "batch": 1, "precision": "bfloat16", "variant": "compile_default", "error": "Boom"}],
}


class ReportTest(unittest.TestCase):
    def test_a_good_result_is_accepted(self):
        self.assertIs(gpu_report.validate(RESULT), RESULT)

    def test_nonsense_is_refused(self):
        def broken(change):
            result = copy.deepcopy(RESULT)
            change(result)
            return result

        for text, change in (("schema", lambda r: r.update(schema=2)), ("synthetic", lambda r: r.pop("synthetic")),
                             ("commit", lambda r: r.update(commit="")), ("card", lambda r: r["machine"].pop("card")),
                             ("parts", lambda r: r.update(parts={})), ("status", lambda r: r["parts"]["test"].update(status="fine")),
                             ("median_us", lambda r: r["kernels"][0].update(median_us=0)),
                             ("median_us", lambda r: r["kernels"][0].update(median_us=float("nan"))),
                             ("median_ms", lambda r: r["step"][0].update(median_ms="fast")),
                             ("images_per_s", lambda r: r["step"][0].pop("images_per_s")),
                             ("precision", lambda r: r["step"][0].update(precision="fp8")),
                             ("between", lambda r: r["step"][0].update(min_ms=100.0))):
            with self.subTest(text), self.assertRaisesRegex(gpu_report.BadResult, text):
                gpu_report.validate(broken(change))

    def test_the_fastest_of_each_are_compared_at_the_same_precision(self):
        text = gpu_report.table("step", RESULT)
        self.assertIn("Invented Card, driver 1.0, CUDA 13.0, cuDNN 9.19, PyTorch 2.11; 2000-01-01, commit 0000000000.", text)
        self.assertIn("| 1 | bfloat16 | 2 ms | 500 | 8 ms | 3 ms (compile_graph) | 4.00 | 1.50 |", text)
        self.assertIn("Without a time: torch compile_default bfloat16 at batch 1 (Boom).", text)

    def test_a_precision_that_only_one_side_has_gets_no_ratio(self):
        result = {**RESULT, "step": [step_row("torch", 4, "tf32", "eager", 8.0)]}
        self.assertIn("| 4 | tf32 | - | - | 8 ms | 8 ms (eager) | - | - |", gpu_report.table("step", result))

    def test_kernels_are_summed_up_over_sizes_at_batch_16(self):
        text = gpu_report.table("kernels", RESULT)
        self.assertIn("A large copy moves 2000 GB/s", text)
        self.assertIn("| fill | 50-75 % | - |", text)

    def test_failed_checks_are_shown(self):
        self.assertIn("| test | failed | 1 failed |", gpu_report.table("checks", RESULT))

    def test_what_was_not_measured_says_so(self):
        for name in gpu_report.TABLES:
            self.assertEqual(gpu_report.table(name, None), "Not measured yet.")
        self.assertEqual(gpu_report.table("ladder", RESULT), "Not measured yet.")
        self.assertEqual(gpu_report.table("kernels", {**RESULT, "kernels": [{"name": "copy/1GB", "error": "no GPU"}]}),
                         "Not measured yet.")

    def test_rounds_are_joined_by_their_median(self):
        rounds = [step_row("torch", 4, "tf32", "eager", ms) for ms in (8.0, 2.0, 4.0)]
        row = gpu_report.rounds_to_row(rounds)
        self.assertEqual((row["median_ms"], row["min_ms"], row["max_ms"], row["rounds_ms"]), (4.0, 1.0, 16.0, [8.0, 2.0, 4.0]))
        self.assertEqual(row["images_per_s"], 1000.0)
        failed = gpu_report.rounds_to_row([rounds[0], {**rounds[1], "error": "out of memory"}, rounds[2]])
        self.assertEqual(failed["error"], "out of memory")
        self.assertNotIn("median_ms", failed)

    def run_report(self, *arguments):
        done = subprocess.run([sys.executable, "-B", str(ROOT / "bench/peer/gpu_report.py"), *map(str, arguments)],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_tables_are_put_between_their_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            result, page = pathlib.Path(folder) / "gpu.json", pathlib.Path(folder) / "page.md"
            page.write_text("before\n<!-- gpu: step -->\nold\n<!-- /gpu -->\nafter\n")
            self.assertEqual(self.run_report(result, "--write", page), (0, ""))
            self.assertEqual(page.read_text(), "before\n<!-- gpu: step -->\nNot measured yet.\n<!-- /gpu -->\nafter\n")
            result.write_text(json.dumps(RESULT))
            status, text = self.run_report(result, "--check", page)
            self.assertEqual(status, 1)
            self.assertIn("the tables of", text)
            self.assertEqual(self.run_report(result, "--write", page)[0], 0)
            self.assertIn("3 ms (compile_graph)", page.read_text())
            self.assertEqual(self.run_report(result, "--check", page)[0], 0)

            result.write_text(json.dumps({**RESULT, "synthetic": True}))
            before = page.read_text()
            status, text = self.run_report(result, "--write", page)
            self.assertEqual(status, 1)
            self.assertIn("synthetic", text)
            self.assertEqual(page.read_text(), before)

            page.write_text("no marks\n")
            self.assertIn("was found", self.run_report(result.with_name("none.json"), "--write", page)[1])
            page.write_text("<!-- gpu: speed -->\n<!-- /gpu -->\n")
            self.assertIn("speed --> is none of", self.run_report(result.with_name("none.json"), "--write", page)[1])
            result.write_text("{")
            self.assertEqual(self.run_report(result)[0], 1)


class CheckTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name)

    def check(self, **parts):
        """A Check whose parts are these functions."""
        made = type("Some", (gpu_check.Check,), {f"part_{name}": part for name, part in parts.items()})
        return made(types.SimpleNamespace(minutes=1, out=self.out, folder=self.out / "build", commit="0" * 40, batches=[1], rounds=1,
                                          without_cudnn=False))

    def result(self):
        return json.loads((self.out / "gpu.json").read_text())

    def test_parts_go_on_after_a_failure_and_after_a_bug(self):
        def failing(check):
            raise gpu_check.PartFailed("the fan fell off")

        def broken(check):
            raise KeyError("oops")

        def nonsense(check):
            check.result["kernels"] = [{"name": "copy/1GB", "median_us": -1}]

        check = self.check(build=failing, test=broken, kernels=nonsense, step=lambda check: "all good")
        self.assertEqual(check.run_parts(["build", "test", "kernels", "step"]), 1)
        parts = self.result()["parts"]
        self.assertEqual({name: part["status"] for name, part in parts.items()},
                         {"build": "failed", "test": "failed", "kernels": "failed", "step": "passed"})
        self.assertEqual(parts["build"]["detail"], "the fan fell off")
        self.assertEqual(parts["test"]["detail"], "KeyError: 'oops'")
        self.assertNotIn("kernels", self.result())

    def test_parts_without_time_are_not_run_and_no_success(self):
        check = self.check(build=lambda check: "")
        check.deadline = 0
        self.assertEqual(check.run_parts(["build"]), 1)
        self.assertEqual(self.result()["parts"]["build"]["status"], "not run")

    def test_results_of_the_same_sources_are_kept(self):
        self.assertEqual(self.check(build=lambda check: "first").run_parts(["build"]), 0)
        self.assertEqual(self.check(test=lambda check: "second").run_parts(["test"]), 0)
        self.assertEqual({name: part["detail"] for name, part in self.result()["parts"].items()}, {"build": "first", "test": "second"})
        other = self.result()
        other["sources_sha256"] = "1" * 64
        (self.out / "gpu.json").write_text(json.dumps(other))
        self.assertEqual(self.check(test=lambda check: "third").run_parts(["test"]), 0)
        self.assertEqual(list(self.result()["parts"]), ["test"])

    def test_a_command_that_hangs_is_ended(self):
        check = self.check()
        status, _ = check.run(["sleep", "30"], 1.2)
        self.assertIsNone(status)
        self.assertEqual(check.run(["/nowhere/program"])[0], 127)

    def test_tests_that_were_skipped_are_no_success(self):
        outputs = {
            "0 tests": (0, ""),
            "did not all run: {'cuda_gpu': 'Skipped'}": (0, "1: [doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n"
                                      "1/2 Test #1: nn .....   Passed    1.2 sec\n2/2 Test #2: cuda_gpu ....***Skipped   0.1 sec\n"),
            "1 failed": (8, "1: [doctest] test cases: 3 | 2 passed | 1 failed | 0 skipped\n1/1 Test #1: cuda_gpu ....***Failed  1.2 sec\n"),
        }
        for expected, output in outputs.items():
            check = self.check()
            check.program = lambda name: pathlib.Path(name)
            check.run = lambda command, limit=0, output=output: output
            with self.subTest(expected), self.assertRaises(gpu_check.PartFailed) as raised:
                check.part_test()
            if expected != "0 tests":
                self.assertIn(expected, str(raised.exception))

    def without_cudnn(self, part, outputs):
        """What becomes of a part whose commands print this: refused for lack of cuDNN, then accepted on request."""
        details = []
        for accepted in (False, True):
            check = self.check()
            check.options.without_cudnn, check.python = accepted, sys.executable
            check.program = lambda name: pathlib.Path(name)
            check.run = lambda command, limit=0: (0, outputs[pathlib.Path(command[0]).name])
            check.run_parts([part])
            made = self.result()["parts"][part]
            details.append((made["status"], made["detail"]))
        return details

    def test_a_build_without_cudnn_is_no_success_unless_asked_for(self):
        refused, accepted = self.without_cudnn("build", {"cmake": "-- CUDA backend: 13.0.88, cuDNN none\n"})
        self.assertEqual(refused, ("failed", "built, but CMake found no cuDNN; install cuDNN 9.8 or newer, or give "
                                             "--without-cudnn"))
        self.assertEqual(accepted[0], "passed")
        self.assertIn("cuDNN none", accepted[1])
        self.assertEqual(gpu_check.configured_cudnn("-- Found CUDNN: cuDNN 9\n-- CUDA backend: 13.0.88, cuDNN none\n"), "")
        self.assertEqual(gpu_check.configured_cudnn("-- CUDA backend: 13.0.88, cuDNN 9.19.0\n"), "9.19.0")

    def test_tests_without_the_program_of_cudnn_are_no_success(self):
        printed = ("1: [doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n1/2 Test #1: cuda_gpu ....   Passed    1.2 sec\n"
                   "2/2 Test #2: cudnn_other ....   Passed    1.2 sec\n")
        refused, accepted = self.without_cudnn("test", {"ctest": printed})
        self.assertEqual(refused[0], "failed")
        self.assertIn("no test program of cuDNN; install", refused[1])
        self.assertEqual(accepted, ("passed", "4 passed, 0 failed, 0 skipped, without cuDNN"))
        both = self.without_cudnn("test", {"ctest": printed.replace("cudnn_other", "cudnn")})
        self.assertEqual(both, [("passed", "4 passed, 0 failed, 0 skipped")] * 2)

    def test_a_ladder_without_cudnn_is_no_success(self):
        def printed(last):
            return json.dumps({"benchmarks": [{"name": f"e3_batch16/float32/{rung}/iterations:25/manual_time", "real_time": 1,
                                               "time_unit": "us", "TFLOP_per_s": 1.0} for rung in ("0_naive", last)]}, indent=1)

        refused, accepted = self.without_cudnn("ladder", {"bench_ladder": printed("own_implicit_gemm")})
        self.assertEqual(refused[0], "failed")
        self.assertIn("bench_ladder has no rows of cuDNN; install", refused[1])
        self.assertEqual(accepted, ("passed", "2 rows, without cuDNN"))
        self.assertEqual(len(self.result()["ladder"]), 2)
        self.assertEqual(self.without_cudnn("ladder", {"bench_ladder": printed("cudnn")}), [("passed", "2 rows")] * 2)

    def test_steps_without_cudnn_are_no_success(self):
        class Other:
            trouble, seconds = None, 0.0

            def __init__(self, *_):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def round(self):
                return [step_row("torch", 1, "bfloat16", "eager", 8.0)]

        def printed(*variants):
            return "\n".join(json.dumps(step_row("uptake", 1, "bfloat16", variant, 2.0)) for variant in variants)

        with unittest.mock.patch.object(gpu_check, "Peer", Other):
            refused, accepted = self.without_cudnn("step", {"bench_train_step_gpu": printed("own_graph")})
            good = self.without_cudnn("step", {"bench_train_step_gpu": printed("own_graph", "cudnn_graph")})
            broken = json.dumps({**step_row("uptake", 1, "bfloat16", "cudnn_graph", 2.0), "error": "no plan"})
            no_time = self.without_cudnn("step", {"bench_train_step_gpu": f"{printed('own_graph')}\n{broken}"})[0]
        self.assertEqual(refused[0], "failed")
        self.assertIn("bench_train_step_gpu has no time of a variant with cuDNN; install", refused[1])
        self.assertEqual(accepted, ("passed", "2 of 2 variants have a time, none with cuDNN"))
        self.assertEqual(good, [("passed", "3 of 3 variants have a time")] * 2)
        self.assertEqual(no_time[0], "failed")

    def test_rows_of_google_benchmark(self):
        text = "a warning\n" + json.dumps({"context": {}, "benchmarks": [
            {"name": "fill/1x2/float32/iterations:25/manual_time", "real_time": 2.0, "time_unit": "ms", "iterations": 25, "bytes": 5.0},
            {"name": "sum/iterations:25/manual_time", "error_occurred": True, "error_message": "no GPU: none", "real_time": 0,
             "time_unit": "us"}]}, indent=1)
        self.assertEqual(gpu_check.parse_benchmark(text), [{"name": "fill/1x2/float32", "median_us": 2000.0, "bytes": 5.0},
                                                           {"name": "sum", "error": "no GPU: none"}])
        self.assertEqual(gpu_check.parse_benchmark("Segmentation fault"), [])
        self.assertEqual(gpu_check.parse_benchmark("{\n"), [])

    def test_a_benchmark_with_an_error_is_no_success(self):
        row = {"name": "copy/1GB", "median_us": 1.0, "GB_per_s": 1.0}
        for rows in ([], [row, {"name": "fill", "error": "no GPU"}]):
            check = self.check()
            check.program = lambda name: pathlib.Path(name)
            text = json.dumps({"benchmarks": [{"name": r["name"], "real_time": 1, "time_unit": "us", "error_occurred": "error" in r,
                                               "error_message": r.get("error")} for r in rows]}, indent=1)
            check.run = lambda command, limit=0, text=text: (0, text)
            with self.assertRaises(gpu_check.PartFailed):
                check.part_kernels()


if __name__ == "__main__":
    unittest.main()
