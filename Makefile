# The commands people type. Everything real is in CMake; see CMakePresets.json for the other ways to build.
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
DEPS ?= yes
BUILD := build-release

.PHONY: help deps deps-build deps-test build demo test bench format check

help:
	@echo 'make demo    install what is missing, build, and download pictures one by one and all at once'
	@echo 'make test    install what is missing, build, and run every test, on both reactors'
	@echo 'make bench   run the benchmarks beside other systems and write benchmarks/RESULTS.md'
	@echo '              (ONLY=echo,churn for some parts: threads echo memory churn transfers udp tls downloads)'
	@echo 'make deps    install the Debian packages of cmake/packages.txt that are missing'
	@echo 'make format  format every C++ file as .clang-format says'
	@echo 'make check   format and clang-tidy checks, without changing a file'
	@echo
	@echo 'JOBS=N sets how many compilers run at once ($(JOBS)); DEPS=no leaves the packages alone.'
	@echo 'Plain CMake works as well: cmake -B build && cmake --build build && cmake --install build'

deps-test:
	@if [ '$(DEPS)' = yes ]; then cmake/deps build demo test; fi

deps:
	@if [ '$(DEPS)' = yes ]; then cmake/deps; fi

deps-build:
	@if [ '$(DEPS)' = yes ]; then cmake/deps build demo; fi

# The same folder serves demo, test and bench, so that no file is compiled twice.
demo: deps-build
	cmake --preset release $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DTHRUM_TESTS=OFF)
	cmake --build --preset release -j $(JOBS) --target thrum
	demo/run.sh $(BUILD)

build: deps-test
	cmake --preset release -DTHRUM_TESTS=ON
	cmake --build --preset release -j $(JOBS)

test: build
	ctest --preset release -j $(JOBS) $(CTEST_FLAGS)

bench: deps
	cmake --preset release -DTHRUM_BENCHMARKS=ON
	cmake --build --preset release -j $(JOBS) --target benchmarks/all thrum
	/usr/bin/python3 benchmarks/run.py $(BUILD) $(if $(ONLY),--only $(ONLY))

format:
	@cmake/format

check:
	@cmake/format --check
	cmake --preset release -DTHRUM_TESTS=ON
	@cmake/tidy $(BUILD)
