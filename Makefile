# make help lists what can be done. Everything is installed into .venv by the first command that needs it.
PYTHON ?=
TORCH ?= cpu
ONLY ?=
DATA ?= mnist fashion_mnist cifar10 x_rays signs spoken_digits sentences
PORT ?= 8000
python = .venv/bin/python
notebooks = $(wildcard book/*/*.ipynb)
export PYTHON TORCH

.PHONY: help install book test test-site test-downloads test-editions test-links print serve lab data assignments mark classroom format lock upgrade clean
.DEFAULT_GOAL := help

help:  ## list these targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1|/' | \
	  while IFS='|' read -r target meaning; do printf '%-18s%s\n' "$$target" "$$meaning"; done
	@echo "Settings: PYTHON=/path/to/python3 (for .venv), TORCH=default (not the small CPU build)"

install:  ## make .venv from requirements.txt
	@sh tools/install

book: install  ## execute what is stale and build the site; ONLY=concepts/depth does one chapter
	@$(python) -m tools.build book $(ONLY)

test: install  ## run every check and execute every notebook
	@$(python) -m tools.build test

test-site: install  ## test the built site in a browser (needs Chromium)
	@test -e _build/html/index.html || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@$(python) -m uv pip install --quiet -r requirements-site.txt
	@$(python) -m pytest -q -n 2 --dist loadgroup -m "(site or browser) and not weekly" tests

test-downloads: install  ## execute every notebook that the built site offers for download
	@test -e _build/html/index.html || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@$(python) -m pytest -q -m weekly tests/test_downloads.py

test-editions: install  ## make the PDF and the folder for a class from the built site, and check both
	@test -e _build/html/index.html || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@$(python) -m pytest -q -m weekly tests/test_print.py tests/test_classroom.py

test-links: install  ## ask each page on the web to which the book links whether it is still there
	@$(python) -m tools.build links

print: install  ## make one PDF of the built site, to print or to keep (needs Pango and a CJK font)
	@$(python) -m tools.print

serve:  ## serve the built site on this machine; PORT=8000
	@test -e _build/html/index.html || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@echo "Open http://127.0.0.1:$(PORT) (end with Ctrl-C)"
	@$(python) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT) >/dev/null 2>&1 || true

lab: install  ## open the notebooks in JupyterLab
	@$(python) -m jupyter lab --notebook-dir=book

data: install  ## fetch the optional data sets; DATA="mnist" fetches one
	@$(python) -m resnet_lib data $(DATA)

assignments: install  ## make notebooks to hand in from the exercises; ONLY=concepts/depth does one chapter
	@$(python) -m tools.assignments $(ONLY)

mark: install  ## mark what lies in _build/assignments/submitted; ONLY=depth marks one assignment
	@$(python) -m tools.assignments mark $(ONLY)

classroom: install  ## write one folder for a class without a network: site, notebooks, data, packages
	@test -e _build/html/index.html || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@$(python) -m tools.classroom

format: install  ## bring the notebooks into the form in which they are stored
	@$(python) tools/canonical.py $(notebooks)

lock: install  ## make requirements.txt again from pyproject.toml
	@sh tools/lock

upgrade: install  ## the same with the newest version of every package
	@sh tools/lock --upgrade

clean:  ## remove what was built (.venv stays)
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache
