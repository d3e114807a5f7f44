# One line a verb; what each does in detail stands in build/*.sh.
export CGO_ENABLED := 0
.PHONY: help build images up down test bench compare conformance generate lint clean

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 22
build: ## build bin/nagi and bin/nagi-plane
	@sh hack/build.sh
images: build ## assemble the images that examples and tests use
	@sh hack/images.sh
up: images ## start a cluster here and run the voting application on it
	@sh hack/up.sh
down: ## stop what up started; objects and volumes stay
	@bin/nagi down
test: ## install what the tests need, then run all of them
	@sh hack/test.sh
bench: images ## measure, and print each figure beside its target
	@go run ./test/bench
compare: images ## deploy APPS="folder…" with Nagi and with kompose, and count
	@sh hack/compare.sh
conformance: images ## run the upstream conformance tests
	@sh hack/conformance.sh
generate: ## make the generated files anew
	@sh hack/generate.sh
lint: ## gofumpt, go vet, golangci-lint
	@sh hack/lint.sh
clean: ## remove what the build made
	@rm -rf bin build/out engine/carried/files/*.zst
