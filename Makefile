# Needs Rust, Python 3 and make; everything else is installed below the target folder.
.PHONY: demo local test faults histories plans mutations scan-mutations sizes kills report scan bench generate lint check deploy undeploy

# Everything with all features, always: each other choice is another AWS SDK to build.
ALL = --workspace --all-features --locked

# Python with the test tools, installed below the target folder on first use. Files and output are UTF-8 in any locale.
PYTHON = $(shell python3 infra/tools.py tests)/python
export PYTHONPATH = $(CURDIR)/tests/support:$(CURDIR)/infra
export PYTHONUTF8 = 1

# The main job on a local AWS, step by step.
demo:
	@$(PYTHON) tests/demo.py

# A local AWS and the functions, left running for `cargo lambda invoke`.
local:
	@$(PYTHON) tests/playground.py

# Everything: units, command line, event files, and end to end with the built Lambdas. See tests/README.md.
# make test ARGS="functions -k console -x" runs some of the tests that need a local AWS.
test:
	@$(PYTHON) tests/support/rig.py
	cd tests && $(PYTHON) -m pytest $(ARGS)
	$(if $(ARGS),,cargo test $(ALL) --quiet)

# What the functions do on AWS's bad days, as a table in infra/README.md.
faults:
	cd tests && WRITE=1 $(PYTHON) -m pytest functions/test_faults.py

# 10,000 generated histories, each delivered in 20 orders: nobody is harmed. `make test` tries a sample.
histories:
	HISTORIES=10000 ORDERS=20 cargo test --release -p aws-tags --test histories -- --nocapture

# Plans of a hundred generated histories, and of each the same after kills. `make test` tries a sample.
plans:
	SEEDS=100 cargo test --release --locked -p aws-tags-cli --no-default-features --test backfill --test stacks -- --nocapture

# Ten million mutated files through `explain`: no panic, no hang, nothing raw. `make test` tries a sample.
mutations:
	MUTATIONS=10000000 cargo test --release --locked -p aws-tags-cli --no-default-features --bin aws-tags mutations -- --nocapture

# 1,000 resources tagged by a plan, undone and redone, others changing them meanwhile; 50 kills. Then the same from a trail, with audit,
# why and report, and 50 kills over all stages. `make test` tries a sample.
kills:
	cd tests && RESOURCES=1000 KILLS=50 $(PYTHON) -m pytest -s backfill/test_apply.py -k "killed or undone_and_redone or random"
	cd tests && RESOURCES=1000 KILLS=50 $(PYTHON) -m pytest -s backfill/test_chain.py

# Ten million mutated trail files: the fast scan finds what parsing everything finds, nine minutes of one core. `make test` tries a sample.
scan-mutations:
	MUTATIONS=10000000 cargo test --release --locked -p aws-tags-scan --test oracle -- --nocapture

# Files that unpack to gigabytes or that nobody can parse, read by the shipped build in at most 128 MiB. `make test` tries a sample.
sizes:
	cargo build --release --locked --quiet -p aws-tags-cli --no-default-features
	cd tests/operations && SIZES=all COMMAND=$(CURDIR)/target/release/aws-tags $(PYTHON) -m unittest -v test_backfill_sizes

# A report of 100,000 resources in a browser: its size, first paint, and how long searches take. `make test` tries a sample.
report:
	cd tests && RESOURCES=100000 $(PYTHON) -m pytest -s report/test_large_report.py

# Start, memory, CPU and AWS calls of the release binaries, and many creations at AWS's rates; with AGAINST=COMMIT also another
# commit's. Builds them: a quarter of an hour; the load takes half an hour.
bench:
	$(PYTHON) tests/bench.py $(if $(AGAINST),--against $(AGAINST))
	$(PYTHON) tests/load.py $(if $(AGAINST),--against $(AGAINST))

# How fast a trail is read, as ratios to unpacking alone, Python and DuckDB, and in how much memory. ARGS="--gb 20 --memory-only" takes
# half an hour, most of it for writing the trail.
scan:
	cargo build --release --locked --quiet -p aws-tags-cli --no-default-features
	cargo build --release --locked --quiet -p aws-tags-scan --example scan
	$(PYTHON) tests/scan.py $(ARGS)

# Writes everything that is derived: from pinned packages the table of creating calls, the tag and read operations, the coverage page
# and the event files of generated rows; from these the snapshots beside event files, rules and permissions in the templates, and
# settings, parameters and doors in infra/README.md.
generate:
	$(CATALOG) generate
	UPDATE=1 cargo test $(ALL) --test doors --test events --test sessions --test snapshots --quiet
	python3 infra/generate.py

# Formatting, clippy, dependencies: licences, bans and sources, and none that nobody uses. Builds the two tools the first time: minutes.
lint:
	cargo fmt --all --check
	cargo clippy $(ALL) --all-targets --quiet -- -D warnings
	cargo install --quiet --locked --root $(TOOLS) cargo-deny@0.20.2
	cargo install --quiet --locked --root $(TOOLS) cargo-machete@0.9.1
	$(TOOLS)/bin/cargo-deny --all-features check --hide-inclusion-graph licenses bans sources
	$(TOOLS)/bin/cargo-machete --with-metadata

TOOLS = $(or $(CARGO_TARGET_DIR),target)/tools/cargo

# Fails if something derived differs from what `make generate` would write, and names it.
check:
	@failed=; \
	$(CATALOG) check || failed=1; \
	cargo test $(ALL) --test doors --test events --test sessions --test snapshots --quiet || failed=1; \
	python3 infra/generate.py --check || failed=1; \
	if [ "$$failed" ]; then echo 'make check: some derived files differ, see above: run `make generate`, and read the difference' >&2; exit 1; fi

CATALOG = cargo run --quiet --locked --all-features --bin catalog --

# make deploy HOME_REGION=eu-west-1 [REGIONS=us-east-1,… or all] [PROFILE=name] [SET="Owner=session-name Services=all"]
deploy:
	python3 infra/deploy.py $(DEPLOYMENT) $(if $(SET),--set $(SET))

# Removes everything but the session table and the tags.
undeploy:
	python3 infra/deploy.py $(DEPLOYMENT) --remove

DEPLOYMENT = --home $(or $(HOME_REGION),$(error give HOME_REGION, e.g. HOME_REGION=eu-west-1)) \
	$(if $(REGIONS),--regions $(REGIONS)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(YES),--yes)
