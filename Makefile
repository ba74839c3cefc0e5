# make demo    the whole system on this machine, fed with payments; FOR=60s ends it
# make test    all tests, servers included; make check the fast part with linters and types
# make quality measures on the data of WEIR_DATA; make bench the benchmarks
.DEFAULT_GOAL := help
.PHONY: help ready jars demo test check quality bench clean

FOR ?=
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin/
export UV_PROJECT_ENVIRONMENT := .venv

help:
	@sed -n 's/^# //p' Makefile

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

jars: ready
	$(RUN)weir doctor --jars

demo: jars
	@$(RUN)weir demo $(if $(FOR),--for $(FOR))

test: jars
	$(RUN)pytest -m "not quality" $(ARGS)
	$(RUN)weir doctor --test-java

check: ready
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)pytest -q -m "not integration and not quality" $(ARGS)

quality: ready
	$(RUN)pytest -m quality $(ARGS)

bench: jars
	$(RUN)weir bench

clean:
	rm -rf build .weir .mypy_cache .pytest_cache .ruff_cache .hypothesis
