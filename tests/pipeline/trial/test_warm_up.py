"""Whoever waits for a decision never waits for a compiler: what decides is compiled before the first event."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

_RUN = """
import importlib, pkgutil
from numba.core.dispatcher import Dispatcher
from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.releases import read_folder
from foundation.kernel_cache import _KernelCache
from pipeline.trial.one_process import OneProcess
from pipeline.trial.trial_budget import warm_up

warm_up()
PACKAGES = ("detectors", "features", "patterns", "pipeline", "alerts")
modules = [importlib.import_module(found.name) for package in PACKAGES
           for found in pkgutil.walk_packages([package], package + ".") if ".java" not in found.name]
compiled = {each for module in modules for each in vars(module).values() if isinstance(each, Dispatcher)}
kernels = {each for each in compiled if isinstance(each._cache, _KernelCache)}

def forms():
    return {f"{kernel.__module__}.{kernel.__name__}": len(kernel.signatures) for kernel in kernels}

warm = forms()
print("not compiled:", sorted(name for name, count in warm.items() if not count))
stages = OneProcess()
stages.release(1, read_folder(SAMPLES / "payments"))
town = Town(1, customers=20, terminals=5)
payments = [town.payment(1_600_000_000_000 + 20_000 * number).encode() for number in range(3_000)]
for start in range(0, len(payments), 250):
    stages.events(payments[start:start + 250])
    stages.checkpoint()
print("decided:", len(stages.decisions()))
print("compiled late:", sorted(name for name, count in forms().items() if count > warm[name]))
"""


def test_after_the_warm_up_every_kernel_is_there_and_thousands_of_payments_compile_no_more() -> None:
    ran = subprocess.run([sys.executable, "-c", _RUN], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["not compiled: []", "decided: 3000", "compiled late: []"]
