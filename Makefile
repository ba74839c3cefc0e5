# make demo    the whole system on this machine, fed with payments; FOR=60s ends it
# make test    all tests, servers included; make check linters, types and the fast tests
# make test-long  further cells, longer stories and more examples than make test has time for: half an hour
# make test-deep  many more examples, kills again and again, outages of ten minutes: hours
# make quality measures on the data of WEIR_DATA; make bench the benchmarks
.DEFAULT_GOAL := help
.PHONY: help ready jars kernels demo test test-system test-flink test-stores test-kafka test-full-profile test-units test-browser test-servers test-java test-long test-deep check lint test-fast quality bench clean

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
FOR ?=
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin/

# What Python compiles of modules is kept in the cache of `weir`, also where the environment says no: compiling two thousand modules takes
# seconds of CPU of each process that a test starts.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/weir/bytecode

help:
	@sed -n '/^# /!q; s/^# //p' Makefile

# uv in a folder of its own where the machine has none.
.tools/bin/uv:
	@command -v python3 >/dev/null || { echo "make: no python3; as root: apt-get install --yes python3 python3-venv" >&2; exit 1; }
	@python3 -m venv .tools || { echo "make: no venv module; as root: apt-get install --yes python3-venv" >&2; exit 1; }
	.tools/bin/python -m pip install --quiet uv

# Python 3.11 is taken from the machine or fetched by uv.
.venv/.ready: uv.lock pyproject.toml | $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen
	@touch $@

ready: .venv/.ready

# Compiled once before anything asks for them: side by side, each process would compile them for itself.
kernels: ready
	$(RUN)weir doctor --kernels

jars: ready
	$(RUN)weir doctor --jars

demo: jars
	@$(RUN)weir demo $(if $(FOR),--for $(FOR))

# Seven runs of pytest, two at a time: those with servers wait for much of their time, and the one without servers fills it. More at
# once save minutes, but then servers get no core in time, and tests fail that hold. The longest begin first, so that none is
# left alone at the end. All take 10 GB of memory. Each line says which run printed it.
LANES := $(shell awk '/^MemAvailable/ { print ($$2 > 10000000 ? 2 : 1) }' /proc/meminfo 2>/dev/null || echo 1)
ORDINARY := not quality and not deep and not long
WHOLE := (system or full_profile)
STORES := (cassandra or druid or hdfs or s3 or postgresql)
UNITS := --ignore=tests/integration --ignore=tests/browser --ignore=tests/quality
# Three on two cores: a third of what fast tests take is waiting.
SIDE_BY_SIDE := -n 3 --dist loadfile
WITHOUT_SERVERS := $(ORDINARY) and not integration
# Where tests with servers stand; no lane imports the others. A test elsewhere that needs a server is refused by pytest.
SERVERS := tests/integration tests/contracts tests/stores tests/deploy tests/alerts/alertmanager tests/api/operations tests/pipeline/training

# The Java tests run while the kernels are compiled.
test: ready
	@$(MAKE) --no-print-directory -j2 -k kernels test-java; prepared=$$?; \
	$(MAKE) --no-print-directory -j$(LANES) -k test-units test-kafka test-flink test-system test-stores test-full-profile test-browser && exit $$prepared

test-servers: test-kafka test-flink test-system test-stores test-full-profile test-browser

# Servers of tests live for minutes: Java's second compiler would take a third of their time and pay back nothing of it.
test-system test-full-profile test-flink test-kafka test-stores: export JDK_JAVA_OPTIONS := -XX:TieredStopAtLevel=1

test-system:
	@$(RUN)pytest $(SERVERS) -m "$(ORDINARY) and system and not full_profile" $(ARGS) | sed -u 's/^/system: /'

test-full-profile:
	@$(RUN)pytest $(SERVERS) -m "$(ORDINARY) and full_profile" $(ARGS) | sed -u 's/^/full-profile: /'

test-flink:
	@$(RUN)pytest $(SERVERS) -m "$(ORDINARY) and flink and not $(WHOLE)" $(ARGS) | sed -u 's/^/flink: /'

# With a broker, or with servers that a test starts, kills and starts again by itself.
test-kafka:
	@$(RUN)pytest $(SERVERS) -m "$(ORDINARY) and integration and not $(STORES) and not flink and not $(WHOLE)" $(ARGS) | sed -u 's/^/kafka: /'

test-stores:
	@$(RUN)pytest $(SERVERS) -m "$(ORDINARY) and $(STORES) and not flink and not $(WHOLE)" $(ARGS) | sed -u 's/^/stores: /'

# The console in chromium; its packages from npm are for the test that builds its scripts again, and for axe.
test-browser:
	@if command -v npm >/dev/null; then npm ci --prefix console --silent; fi
	@$(RUN)pytest tests/browser -m "$(ORDINARY)" $(ARGS) | sed -u 's/^/browser: /'

test-units:
	@$(RUN)pytest $(UNITS) -m "$(WITHOUT_SERVERS)" $(ARGS) | sed -u 's/^/units: /'

test-java: jars
	$(RUN)weir doctor --test-java

test-long: jars kernels
	JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 WEIR_HYPOTHESIS=long $(RUN)pytest -m "long and not deep" $(ARGS)

test-deep: jars kernels
	WEIR_HYPOTHESIS=deep $(RUN)pytest -m deep $(ARGS)

# mypy has one process, and would leave a core idle.
check: kernels
	@$(MAKE) --no-print-directory -j2 -k lint test-fast

lint: ready
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports

test-fast: ready
	$(RUN)pytest -q $(UNITS) $(SIDE_BY_SIDE) -m "$(WITHOUT_SERVERS) and not slow" $(ARGS)

quality: ready
	$(RUN)pytest -m quality $(ARGS)

bench: jars
	$(RUN)weir bench

clean:
	rm -rf build .weir .mypy_cache .pytest_cache .ruff_cache .hypothesis
