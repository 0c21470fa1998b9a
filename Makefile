help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' Makefile

demo: ## prepare, build, train LoRA on movie reviews for 3 epochs, classify three new sentences
	@scripts/demo

test: ## prepare, build and run all tests
	@scripts/test

bench: ## compare speed and memory with torch + peft and llama.cpp, side by side (ARGUMENTS=)
	@scripts/bench $(ARGUMENTS)

guide: ## train the reviews with every method, write docs/Guide.md (QUICK=1, METHODS=, SEEDS=, REFERENCE=1)
	@scripts/guide

build: ## prepare and build
	@scripts/prepare libsqlite3-dev && swift build -c release

format: ## format the Swift sources in place
	swift format --in-place --recursive --parallel .

check-abi: ## hold the header and the host to every released plugin ABI (minutes)
	@scripts/check-abi

lint: ## check format and scripts
	@scripts/lint

.PHONY: help demo test bench guide build format check-abi lint
