# Everything a fresh machine with Go, make and a C compiler needs.

GO            ?= go
GOLANGCI_LINT := v2.15.0
GOVULNCHECK   := v1.1.4
AXE           := 4.14.1
AXE_SUM       := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
TOOLS         := $(CURDIR)/.cache/tools
TEST_FLAGS    ?=

# Vendors' OpenAPI documents, to which tests hold requests. They are not part of the repository.
export SPILLWAY_SPECS ?= $(abspath $(wildcard ../shared/specs))

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Run the whole of it on embedded data, and show the result
	@./bin/spillway demo --exit

.PHONY: test
test: postgres setpriv mariadb browser axe recipes ## Pass the tests, with the race detector
	$(GO) test -race -shuffle=on -timeout 20m $(TEST_FLAGS) ./...

.PHONY: build
build: ## Build bin/spillway
	$(GO) build -o bin/spillway ./cmd/spillway

.PHONY: check
check: lint generate-clean tidy-clean slim vulnerabilities ## Lint, generated files, module file, the slim build, known vulnerabilities

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## Lint, formatting and the walls between packages
	$< run ./...

.PHONY: format
format: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## Format all files
	$< fmt ./...

.PHONY: generate
generate: ## Write the files that are made from declarations
	$(GO) generate ./...
	$(GO) test ./cmd/spillway -run 'GeneratedSections|QuickstartExample' -update
	$(GO) test ./syncer/project -run TheSchemaIsTheSame -update

.PHONY: generate-clean
generate-clean: generate
	@changed=$$(git status --porcelain -- docs examples syncer/project/testdata); \
	if [ -n "$$changed" ]; then echo "Generated files are out of date: run make generate and commit"; echo "$$changed"; exit 1; fi

.PHONY: tidy-clean
tidy-clean:
	$(GO) mod tidy -diff

.PHONY: slim
slim: ## The pure-Go binary, without DuckDB
	CGO_ENABLED=0 $(GO) build -tags noduckdb -o bin/spillway-slim ./cmd/spillway

# The database of known vulnerabilities is on the network. Where it cannot be reached that is said, and nothing fails.
.PHONY: vulnerabilities
vulnerabilities: $(TOOLS)/govulncheck-$(GOVULNCHECK)
	@if curl -fsS --max-time 10 -o /dev/null https://vuln.go.dev/index/db.json; then $< ./...; \
	else echo "NOT CHECKED: vuln.go.dev cannot be reached from here, so known vulnerabilities were not looked up"; fi

# Tests want a PostgreSQL server: the one that SPILLWAY_TEST_PG_DSN names, or local binaries to start a throwaway one.
.PHONY: postgres
postgres:
	@if [ -n "$$SPILLWAY_TEST_PG_DSN" ] || [ -n "$$PG_BIN" ] || command -v initdb >/dev/null \
		|| ls /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql@*/bin/initdb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql; exit $$?; fi; \
	echo "The tests need PostgreSQL. Type:  sudo apt-get install -y postgresql   (macOS: brew install postgresql@17)"; \
	echo "or name a server they may make databases on:  SPILLWAY_TEST_PG_DSN=postgres://... make test"; exit 1

# The pages are looked at in a Chromium without a window: the one that SPILLWAY_CHROMIUM names, or one that is installed.
.PHONY: browser
browser:
	@if [ -n "$$SPILLWAY_CHROMIUM" ] || command -v chromium-headless-shell >/dev/null || command -v headless_shell >/dev/null \
		|| command -v chromium >/dev/null || command -v google-chrome >/dev/null || command -v chrome >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium-headless-shell; exit $$?; fi; \
	echo "The tests need Chromium. Type:  sudo apt-get install -y chromium-headless-shell   (macOS: brew install --cask chromium)"; \
	echo "or name one:  SPILLWAY_CHROMIUM=/path/to/chrome make test"; exit 1

# The checker of pages for people with disabilities runs in that browser. It is fetched once; nothing of it is part of the program.
.PHONY: axe
axe: $(TOOLS)/axe-$(AXE).min.js
$(TOOLS)/axe-$(AXE).min.js:
	mkdir -p $(TOOLS)
	curl -fsS --max-time 60 -o $@.tgz https://registry.npmjs.org/axe-core/-/axe-core-$(AXE).tgz
	echo "$(AXE_SUM)  $@.tgz" | sha256sum -c --quiet
	tar -xzOf $@.tgz package/axe.min.js > $@.part && mv $@.part $@ && rm $@.tgz

# What the documentation has for orchestrators is run as it stands there, with Python and jq.
.PHONY: recipes
recipes:
	@if command -v python3 >/dev/null && command -v jq >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 jq; exit $$?; fi; \
	echo "The tests need Python and jq. Type:  sudo apt-get install -y python3 jq   (macOS: brew install python jq)"; exit 1

# They want a MariaDB too: the one that SPILLWAY_TEST_MYSQL_DSN names, or local binaries to start a throwaway one.
.PHONY: mariadb
mariadb:
	@if [ -n "$$SPILLWAY_TEST_MYSQL_DSN" ] || [ -n "$$MARIADB_BIN" ] || command -v mariadbd >/dev/null \
		|| ls /usr/sbin/mariadbd /usr/libexec/mariadbd /opt/homebrew/opt/mariadb/bin/mariadbd >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends mariadb-server; exit $$?; fi; \
	echo "The tests need MariaDB. Type:  sudo apt-get install -y mariadb-server   (macOS: brew install mariadb)"; \
	echo "or name a server they may make databases on:  SPILLWAY_TEST_MYSQL_DSN=mysql://... make test"; exit 1

# Root may write everywhere. To see what others see, tests that run as root give its powers away, with setpriv of util-linux.
.PHONY: setpriv
setpriv:
	@if [ "$$(id -u)" != 0 ] || command -v setpriv >/dev/null; then exit 0; fi; \
	if command -v apt-get >/dev/null; then apt-get update -q && apt-get install -y -q --no-install-recommends util-linux; exit $$?; fi; \
	echo "Run as root, the tests need setpriv (package util-linux). Install it, or run them as another user"; exit 1

.PHONY: converge
converge: ## 20,000 random histories against the snapshots and the sync engine (an hour)
	SPILLWAY_SEEDS=20000 $(GO) test -timeout 3h ./diffstore/... ./syncer

.PHONY: campaign-kill
campaign-kill: postgres ## 1,000 times kill -9 in the middle of a run of the real binary (about ten minutes)
	SPILLWAY_KILLS=1000 $(GO) test -timeout 60m -v -run 'EndToEnd/killed|Kill' ./cmd/spillway ./diffstore/...

.PHONY: bench
bench: postgres ## Measure everything that docs/performance.md says, and write it there (a quarter of an hour)
	BENCH_OUT=$(CURDIR)/docs/performance.md $(GO) test -run '^$$' -bench Report -benchtime 1x -timeout 6h ./cmd/bench

.PHONY: bench-serve
bench-serve: ## Measure a daemon of ten thousand syncs while it waits (five minutes)
	$(GO) test -run '^$$' -bench BenchmarkServe -benchtime 1x -timeout 30m ./cmd/spillway

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv $(TOOLS)/golangci-lint $@

$(TOOLS)/govulncheck-$(GOVULNCHECK):
	GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	mv $(TOOLS)/govulncheck $@
