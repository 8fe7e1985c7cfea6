# Makefile of cosmowatch. `make help` lists what there is.
#
#   make                build/cosmowatch
#   make test           unit and system tests (make check is the same)
#   make SAN=address,undefined test      the same under sanitizers; SAN=thread too
#   make demo           the whole thing against a simulated Azure
#   make bench          speed and size of the hot path
#
# SPDX-License-Identifier: Apache-2.0

VERSION := 0.1.0
CC ?= gcc
CXX ?= g++
PKGS := libcurl json-c yaml-0.1 sqlite3 libcrypto libssl zlib rdkafka libmaxminddb libmicrohttpd libseccomp
# Everything a fresh Debian 12 needs to build and test.
APT_BUILD := gcc g++ make pkg-config libcurl4-openssl-dev libjson-c-dev libyaml-dev libsqlite3-dev \
             libssl-dev zlib1g-dev librdkafka-dev libmaxminddb-dev libmicrohttpd-dev \
             libsimdjson-dev libsystemd-dev libseccomp-dev
APT_TEST := check python3 python3-pytest python3-pytest-xdist openssl curl rsyslog rsyslog-openssl kcat python3-kafka iproute2 tinyproxy \
            nginx-light prometheus mandoc shellcheck zsh fish

V ?=
Q := $(if $(V),,@)
comma := ,
SAN ?=
FAULTS ?=
DEV ?=
COV ?=
B := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))$(if $(COV),/coverage)$(if $(FAULTS),/faults)

WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wformat=2 -Wundef -Wvla -Wcast-qual \
        -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
CWARN := -Wstrict-prototypes -Wmissing-prototypes
# Rows pass here: measured 8 % faster with -O3, from half of the bare parse to a little over. Its inlining makes
# -Wnull-dereference see ghosts.
hot = $(if $(SAN)$(COV),,$(if $(filter agent/record/% agent/fold/% agent/baseline/% detectors/%,$(1)),-O3 -Wno-null-dereference))
# A flag is used only where the compiler knows it.
probe = $(shell echo 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - 2>/dev/null && echo $(1))
GCCWARN := $(call probe,-Wlogical-op) $(call probe,-Wduplicated-cond)
ifneq ($(SAN),)
  MODE := -O1 -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
  LDMODE := -fsanitize=$(SAN)
  WARN := $(filter-out -Wnull-dereference,$(WARN))
else ifneq ($(COV),)
  MODE := -O0 -Wno-maybe-uninitialized --coverage -fprofile-update=atomic -fprofile-abs-path
  LDMODE := --coverage
else
  MODE := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
          $(call probe,-fstack-clash-protection) $(call probe,-fcf-protection) \
          $(call probe,-ftrivial-auto-var-init=zero)
  LDMODE := -Wl,-z,relro,-z,now
endif
WERROR := $(if $(DEV)$(CI),-Werror)
DEFS := -D_GNU_SOURCE $(if $(findstring fuzzer,$(SAN)),-DCOSMOWATCH_LIBFUZZER) -DCOSMOWATCH_VERSION='"$(VERSION)"' $(if $(FAULTS),-DCOSMOWATCH_FAULTS) \
        $(if $(SAN)$(COV),-DCOSMOWATCH_SANITIZED) $(if $(COV),-DCOSMOWATCH_COVERAGE)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CFLAGS := -std=gnu17 -g $(MODE) $(WARN) $(CWARN) $(GCCWARN) $(WERROR) -fPIE -fno-common \
              -fvisibility=hidden -pthread $(DEFS) -Iagent -I. $(PKG_CFLAGS) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 -g $(MODE) $(filter-out -Wconversion -Wsign-conversion -Wnull-dereference,$(WARN)) \
                $(WERROR) -fPIE -fvisibility=hidden -pthread $(DEFS) -Iagent -I. $(CXXFLAGS)
ALL_LDFLAGS := -pie $(LDMODE) -pthread $(LDFLAGS)
LIBS := $(PKG_LIBS) -lsimdjson -lm

SRC := $(sort $(filter-out agent/main.c,$(wildcard agent/*.c agent/*/*.c detectors/*.c detectors/kit/*.c \
         outputs/*.c outputs/kit/*.c outputs/encode/*.c)))
CXXSRC := $(sort $(wildcard agent/*/*.cpp))
OBJ := $(SRC:%.c=$(B)/%.o) $(CXXSRC:%.cpp=$(B)/%.o)
LIB := $(B)/libcosmowatch.a
BIN := $(B)/cosmowatch
UNIT := $(sort $(wildcard tests/unit/test_*.c))
UNITBIN := $(UNIT:tests/unit/%.c=$(B)/unit/%)
KIT := $(sort $(wildcard tests/kit/*.c))
KITOBJ := $(KIT:%.c=$(B)/%.o)
BENCHOBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/*.c)) $(patsubst %.cpp,$(B)/%.o,$(wildcard tests/bench/*.cpp))

.PHONY: all help test check unit flow demo bench deps deps-test conformance fuzz-corpus fuzz fuzz-binaries map clean quality screens
all: $(BIN)

help:
	@sed -n 's/^#   //p' Makefile

$(BIN): $(B)/agent/main.o $(LIB)
	$(Q)echo "  LD  $@"; $(CXX) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

$(LIB): $(OBJ)
	@rm -f $@
	@ar rcs $@ $(OBJ)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)echo "  CC  $<"; $(CC) $(ALL_CFLAGS) $(call hot,$<) $(if $(filter agent/% outputs/% detectors/%,$<),-include base/poison.h) -MMD -MP -c -o $@ $<

# The templates are inside (.incbin), which -MMD does not see.
$(B)/agent/cli/azure.o: $(wildcard packaging/azure/*.json)

$(B)/agent/console/assets.o: $(wildcard agent/console/*.css agent/console/*.js agent/console/*.svg agent/report/*.css)

$(B)/%.o: %.cpp
	@mkdir -p $(@D)
	$(Q)echo "  CXX $<"; $(CXX) $(ALL_CXXFLAGS) $(call hot,$<) -MMD -MP -c -o $@ $<

$(B)/unit/%: tests/unit/%.c $(KITOBJ) $(LIB)
	@mkdir -p $(@D)
	$(Q)echo "  CC  $<"; $(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-format-truncation $(shell pkg-config --cflags check 2>/dev/null) -MMD -MP -MT $@ \
	  -c -o $@.o $<
	$(Q)$(CXX) $(ALL_LDFLAGS) -o $@ $@.o $(KITOBJ) $(LIB) $(LIBS) $(shell pkg-config --libs check 2>/dev/null)

# Entry points for libFuzzer, one file each (tests/fuzz/fuzz.h), and what they share.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZKIT := $(B)/tests/fuzz/fuzz.o $(B)/tests/fuzz/formats.o $(B)/tests/fuzz/output.o $(B)/tests/fuzz/query.o
FUZZOBJ := $(FUZZ:%=$(B)/tests/fuzz/fuzz_%.o)
FUZZLIBS = $(FUZZKIT) $(KITOBJ) $(LIB) $(LIBS)
FUZZ_APART = -Wl,--wrap=apart_do # fuzz_apart stands where the reader's process would

-include $(BENCHOBJ:.o=.d) $(OBJ:.o=.d) $(KITOBJ:.o=.d) $(FUZZOBJ:.o=.d) $(FUZZKIT:.o=.d) $(B)/agent/main.d $(UNITBIN:=.d)

# ---- tests --------------------------------------------------------------------------------------
# Skipped tests say so; a failure prints how to run it alone.
unit: $(UNITBIN)
	@tests/run-unit $(UNITBIN)

# Most of their time they wait: so many at once on two cores, as many more on more. A file's tests stay together.
at_once = $(shell /usr/bin/python3 -c "import xdist" 2>/dev/null && echo "-n $$((($(1) * $$(nproc) + 1) / 2)) $(2)")
flow: $(BIN)
	@COSMOWATCH=$(abspath $(BIN)) PYTHONPATH=tests /usr/bin/python3 -m pytest -q -p no:cacheprovider $(call at_once,5,--dist loadfile) tests/sim tests/detectors tests/flow

#   make soak           weeks of faults in virtual time, by seed; what fails is kept in build/soak
# SEEDS="1-20" DAYS=7; one test lives in `make test` as well. By the real clock: COSMOWATCH_SOAK_MINUTES=60 (flow/test_soak.py).
.PHONY: soak
SEEDS ?= 1-20
DAYS ?= 7
SOAK = COSMOWATCH=$(abspath $(BIN)) PYTHONPATH=tests COSMOWATCH_SEEDS="$(SEEDS)" COSMOWATCH_SOAK_DAYS=$(DAYS) \
	/usr/bin/python3 -m pytest -q -o cache_dir=$(abspath $(B))/soak-cache tests/flow/test_soak.py -k week
soak: $(BIN)
	@$(SOAK) $(call at_once,4) || \
	  { echo "soak: what failed is played again, alone: what fails twice is no matter of a busy machine"; $(SOAK) --last-failed; }

# What fuzzing found stays found: every target with the files of its corpus, by any compiler.
fuzz-corpus: $(B)/replay
	@$(B)/replay tests/fuzz/corpus $(NAME)

$(B)/replay: $(B)/tests/fuzz/replay.o $(FUZZOBJ) $(FUZZKIT) $(KITOBJ) $(LIB)
	$(Q)echo "  LD  $@"; $(CXX) $(ALL_LDFLAGS) -o $@ $(filter-out $(FUZZKIT) $(KITOBJ) $(LIB),$^) $(FUZZ_APART) $(FUZZLIBS)

$(B)/tests/fuzz/targets.h: $(wildcard tests/fuzz/fuzz_*.c)
	@mkdir -p $(@D) && printf 'FUZZ(%s)\n' $(FUZZ) > $@

$(B)/tests/fuzz/replay.o: ALL_CFLAGS += -I$(B)/tests/fuzz
$(B)/tests/fuzz/replay.o: $(B)/tests/fuzz/targets.h

test check: unit flow fuzz-corpus

#   make fuzz TIME=60   libFuzzer on each target of tests/fuzz for so many seconds; NAME=cql: only that one
# Needs clang: another build of everything, in a folder of its own; warnings are gcc's business. What it finds is in
# build/fuzz-found.
TIME ?= 60
all_cores = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) # for builds that nobody asked to hurry
FUZZSAN := fuzzer-no-link,address,undefined
fuzz:
	@tests/kit/apt-need clang libclang-rt-14-dev $(APT_BUILD) check
	@$(MAKE) $(all_cores) --no-print-directory -s CC="$(CLANG)" CXX="$(CLANG)++" SAN=$(FUZZSAN) CI= DEV= CFLAGS=-w CXXFLAGS=-w NAME=$(NAME) fuzz-binaries
	@tests/fuzz/run build/san-$(subst $(comma),-,$(FUZZSAN))/fuzz $(TIME) $(or $(NAME),$(FUZZ))

CLANG ?= clang
fuzz-binaries: $(patsubst %,$(B)/fuzz/%,$(or $(NAME),$(FUZZ)))
$(B)/fuzz/%: $(B)/tests/fuzz/fuzz_%.o $(FUZZKIT) $(KITOBJ) $(LIB)
	@mkdir -p $(@D)
	$(Q)echo "  LD  $@"; $(CXX) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(if $(filter apart,$*),$(FUZZ_APART)) $(FUZZLIBS)

#   make torture        every request for memory, for descriptors too, refused in turn, under AddressSanitizer; TRIES=600 of each scene, 0: all
TRIES ?= 600
.PHONY: torture torture-run
torture:
	@$(MAKE) $(all_cores) --no-print-directory -s SAN=address,undefined TRIES=$(TRIES) torture-run
torture-run: $(addprefix $(B)/unit/test_torture_, outputs verbs store console inputs)
	@COSMOWATCH_TORTURE=$(TRIES) CK_DEFAULT_TIMEOUT=0 VERBOSE=1 tests/run-unit $^

# ---- what a newcomer runs -------------------------------------------------------------------------
deps:
	@tests/kit/apt-need $(APT_BUILD)

deps-test:
	@tests/kit/apt-need $(APT_BUILD) $(APT_TEST)

demo: deps
	@$(MAKE) --no-print-directory -s all
	@COSMOWATCH=$(abspath $(BIN)) PYTHONPATH=tests /usr/bin/python3 -m flow.demo

# ---- measurement ------------------------------------------------------------------------------------
BENCHKIT := $(addprefix $(B)/tests/kit/,big_store.o httpd.o mockbroker.o sink.o)
$(B)/bench: $(BENCHOBJ) $(BENCHKIT) $(LIB)
	$(Q)$(CXX) $(ALL_LDFLAGS) -o $@ $(BENCHOBJ) $(BENCHKIT) $(LIB) $(LIBS)

bench: $(B)/bench
	$(B)/bench

# How well the injection detectors tell attacks from ordinary statements: generated ones, of every API.
$(B)/quality: tests/quality/sql_quality.c $(KITOBJ) $(LIB)
	$(Q)echo "  CC  $<"; $(CC) $(ALL_CFLAGS) -Wno-missing-prototypes $(shell pkg-config --cflags check 2>/dev/null) -c -o $@.o $<
	$(Q)$(CXX) $(ALL_LDFLAGS) -o $@ $@.o $(KITOBJ) $(LIB) $(LIBS) $(shell pkg-config --libs check 2>/dev/null)

quality: $(B)/quality $(BIN)
	@tests/quality/run $(B)/quality $(B) $(BIN)

# The console in a real browser; pictures of every page land in build/screens.
screens: $(BIN)
	@tests/kit/apt-need chromium python3 python3-pytest
	@COSMOWATCH=$(abspath $(BIN)) PYTHONPATH=tests /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/browser

conformance: $(BIN)
	@command -v node >/dev/null && command -v npm >/dev/null || tests/kit/apt-need nodejs npm
	@tests/conformance/run.sh $(abspath $(BIN))
	@tests/kit/apt-need check python3-jsonschema liblognorm-utils
	@tests/conformance/formats/run.sh
	@tests/conformance/syslog-ng.sh $(abspath $(BIN))

# Include arrows between folders: one line each. They run down or forward only; an arrow back fails.
map:
	@tests/kit/include-map

clean:
	rm -rf build

# ---- by hand: what reads the code, and what the tests reach ----------------------------------------
#   make lint           cppcheck, clang-tidy and gcc's analyzer over all of it; how the program was built
#   make coverage       lines that the tests reach, of the whole and of each parser of foreign bytes; fails below 85 and 90 %
#   make valgrind       the unit tests of the core under memcheck
.PHONY: lint cppcheck tidy analyze hardened coverage coverage-build valgrind
lint: cppcheck analyze tidy hardened

hardened: $(BIN)
	@tests/kit/hardened $(BIN)

CPROGRAM := $(SRC) agent/main.c
cppcheck:
	@tests/kit/apt-need cppcheck
	@mkdir -p build/cppcheck
	cppcheck -q -j$(shell nproc) --cppcheck-build-dir=build/cppcheck --std=c11 --enable=warning,performance,portability \
	  --inline-suppr --suppressions-list=tests/kit/cppcheck --library=posix --library=gnu --error-exitcode=1 \
	  $(DEFS) -Iagent -I. $(CPROGRAM)

# -fanalyzer is a compiler's pass: objects of their own, thrown away. gcc 12's does not follow what a struct owns to whoever
# frees the struct (leaks: AddressSanitizer sees those), nor that error_set(), of another file, never returns 0 (values that
# are only set on success: -Wmaybe-uninitialized).
ANALYZER := -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value
ANALYZED := $(CPROGRAM:%.c=build/analyze/%.o)
analyze: $(ANALYZED)
build/analyze/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu17 -O1 -fanalyzer -Werror $(ANALYZER) $(DEFS) -Iagent -I. $(PKG_CFLAGS) -MMD -MP -c -o $@ $<
-include $(if $(filter analyze lint,$(MAKECMDGOALS)),$(ANALYZED:.o=.d))

tidy: $(B)/tests/fuzz/targets.h
	@tests/kit/apt-need clang-tidy
	@printf '%s\n' $(CPROGRAM) $(wildcard tests/fuzz/*.c) | xargs -P$(shell nproc) -n16 tests/kit/tidy -std=gnu17 -Iagent -I. -Ibuild/tests/fuzz \
	  $(subst ",\",$(subst ',,$(DEFS))) $(PKG_CFLAGS) --

# Half an hour on two cores: nothing is optimized and each line counts itself. A process that is killed takes its counters along.
# In a folder of its own: the ordinary build stays as it was. What cannot be built ends it; a test that fails does not.
coverage:
	@tests/kit/apt-need gcovr $(APT_BUILD) $(APT_TEST)
	@tests/kit/coverage --tools
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory -s $(all_cores) COV=1 DEV= coverage-build
	@$(MAKE) --no-print-directory -s -k COV=1 DEV= unit flow fuzz-corpus || \
	  echo "coverage: some tests failed; what they reached counts all the same"
	@tests/kit/coverage build/coverage
coverage-build: $(BIN) $(UNITBIN) $(B)/replay

# What has no threads, network or kills in it, and is done within a minute or two: memcheck is thirty times slower.
MEMCHECKED ?= $(filter $(addprefix $(B)/unit/test_,base_% record_% fold_% baseline_% enrich_% settings_% alert encode_% source_kql \
  source_window delivery_route), $(UNITBIN))
valgrind: $(MEMCHECKED)
	@tests/kit/apt-need valgrind
	@for t in $(MEMCHECKED); do \
	  CK_FORK=no CK_DEFAULT_TIMEOUT=0 valgrind -q --error-exitcode=99 $$t >build/valgrind.log 2>&1; \
	  if grep -q '^==[0-9]*== .*by 0x' build/valgrind.log; then cat build/valgrind.log; echo "valgrind: FAILED $$t"; exit 1; fi; \
	  echo "valgrind: $${t##*/}: nothing"; done

# ---- packages ---------------------------------------------------------------------------------------
#   make generated      config/cosmowatch.yaml, its schema and the manual's page of alerts, after an option or a type changed
#   make man            manual pages into build/man
#   make install        DESTDIR= prefix=/usr/local; make uninstall takes it away again, but for configuration and state
#   make deb, make rpm  packages into build/deb, build/rpm; MAINTAINER= HOMEPAGE= are the distributor's (packaging/README.md)
#   make package-test   builds them twice, lints them, installs, upgrades, purges them in a fresh root
MAINTAINER ?= cosmowatch maintainers <maintainers@cosmowatch.invalid>
HOMEPAGE ?= https://cosmowatch.invalid/
export MAINTAINER HOMEPAGE
.PHONY: generated man sbom install uninstall install-files install-systemd install-apparmor deb rpm source-tree package-test
prefix ?= /usr/local
sysconfdir ?= /etc
bindir ?= $(prefix)/bin
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
unitdir ?= $(prefix)/lib/systemd/system
bashdir ?= $(datadir)/bash-completion/completions
zshdir ?= $(datadir)/zsh/site-functions
fishdir ?= $(datadir)/fish/vendor_completions.d
RELEASED = $(shell date -u -d "$$(sed -n 's/^ -- .*>  //p' packaging/debian/changelog | head -n 1)" +%s)
SOURCE_DATE_EPOCH ?= $(RELEASED)
INSTALL_DATA := install -D -m 644

# agent/notify.c speaks sd_notify(3) where its header is there.
LIBS += $(shell pkg-config --libs libsystemd 2>/dev/null)

generated: $(BIN)
	$(Q)$(BIN) config sample > $(B)/sample.tmp && mv $(B)/sample.tmp config/cosmowatch.yaml
	$(Q)$(BIN) config schema > $(B)/schema.tmp && mv $(B)/schema.tmp config/cosmowatch.schema.json
	$(Q)packaging/manual/generate $(BIN) > $(B)/alerts.tmp && mv $(B)/alerts.tmp packaging/manual/alerts.md

man: $(BIN)
	$(Q)packaging/man/generate $(BIN) $(VERSION) $(SOURCE_DATE_EPOCH) $(B)/man

sbom: $(BIN)
	$(Q)packaging/sbom $(BIN) $(VERSION) $(SOURCE_DATE_EPOCH) > $(B)/cosmowatch.spdx.json

install: install-files install-systemd

install-files: $(BIN) man sbom
	install -D -m 755 $(BIN) $(DESTDIR)$(bindir)/cosmowatch
	install -d -m 750 $(DESTDIR)$(sysconfdir)/cosmowatch
	$(INSTALL_DATA) $(B)/man/cosmowatch.8 $(DESTDIR)$(mandir)/man8/cosmowatch.8
	$(INSTALL_DATA) $(B)/man/cosmowatch.yaml.5 $(DESTDIR)$(mandir)/man5/cosmowatch.yaml.5
	$(INSTALL_DATA) packaging/completions/cosmowatch.bash $(DESTDIR)$(bashdir)/cosmowatch
	$(INSTALL_DATA) packaging/completions/_cosmowatch $(DESTDIR)$(zshdir)/_cosmowatch
	$(INSTALL_DATA) packaging/completions/cosmowatch.fish $(DESTDIR)$(fishdir)/cosmowatch.fish
	install -d $(DESTDIR)$(datadir)/cosmowatch/examples $(DESTDIR)$(datadir)/cosmowatch/azure \
	           $(DESTDIR)$(datadir)/cosmowatch/prometheus $(DESTDIR)$(datadir)/cosmowatch/manual
	install -m 644 config/cosmowatch.yaml config/*.schema.json $(B)/cosmowatch.spdx.json $(DESTDIR)$(datadir)/cosmowatch
	install -m 644 config/examples/*.yaml $(DESTDIR)$(datadir)/cosmowatch/examples
	install -m 644 $(wildcard packaging/azure/*.json packaging/azure/*.bicep) $(DESTDIR)$(datadir)/cosmowatch/azure
	install -m 644 packaging/prometheus/* $(DESTDIR)$(datadir)/cosmowatch/prometheus
	install -m 644 packaging/manual/*.md $(DESTDIR)$(datadir)/cosmowatch/manual

install-systemd:
	install -d $(DESTDIR)$(unitdir)
	sed 's,/usr/bin/,$(bindir)/,' packaging/systemd/cosmowatch.service > $(DESTDIR)$(unitdir)/cosmowatch.service
	chmod 644 $(DESTDIR)$(unitdir)/cosmowatch.service
	$(INSTALL_DATA) packaging/systemd/cosmowatch.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/cosmowatch.conf
	$(INSTALL_DATA) packaging/systemd/cosmowatch.tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/cosmowatch.conf

install-apparmor:
	$(INSTALL_DATA) packaging/apparmor/cosmowatch $(DESTDIR)$(sysconfdir)/apparmor.d/cosmowatch

uninstall:
	rm -f $(DESTDIR)$(bindir)/cosmowatch $(DESTDIR)$(mandir)/man8/cosmowatch.8 $(DESTDIR)$(mandir)/man5/cosmowatch.yaml.5 \
	      $(DESTDIR)$(bashdir)/cosmowatch $(DESTDIR)$(zshdir)/_cosmowatch $(DESTDIR)$(fishdir)/cosmowatch.fish \
	      $(DESTDIR)$(unitdir)/cosmowatch.service $(DESTDIR)$(prefix)/lib/sysusers.d/cosmowatch.conf \
	      $(DESTDIR)$(prefix)/lib/tmpfiles.d/cosmowatch.conf $(DESTDIR)$(sysconfdir)/apparmor.d/cosmowatch
	rm -rf $(DESTDIR)$(datadir)/cosmowatch
	-rmdir $(DESTDIR)$(sysconfdir)/cosmowatch

# A copy of the tree without what was built; packages are made in it, so that building one never touches the tree. Its files are of
# the release's date: files that are newer debhelper brings to it by itself, older ones it leaves.
SOURCE := cosmowatch-$(VERSION)
source-tree:
	@rm -rf build/source && mkdir -p build/source/$(SOURCE)
	@tar -c --exclude=./build --exclude=./.git --exclude=.pytest_cache --exclude=__pycache__ --exclude=node_modules \
	  --mtime=@$(SOURCE_DATE_EPOCH) . | tar -x -C build/source/$(SOURCE)
	@cd build/source/$(SOURCE)/packaging && sed -i \
	  -e "s|cosmowatch maintainers <maintainers@cosmowatch.invalid>|$$MAINTAINER|; s|https://cosmowatch.invalid/|$$HOMEPAGE|" \
	  debian/control debian/changelog rpm/cosmowatch.spec

deb: source-tree
	@rm -rf build/deb && mkdir -p build/deb && mv build/source/$(SOURCE) build/deb/
	@cp -r build/deb/$(SOURCE)/packaging/debian build/deb/$(SOURCE)/debian
	cd build/deb/$(SOURCE) && dpkg-buildpackage -us -uc -b
	@ls build/deb/*.deb

# RPMBUILD_FLAGS=--nodeps where the build requirements are not RPMs.
RPMBUILD_FLAGS ?=
rpm: source-tree
	@rm -rf build/rpm && mkdir -p build/rpm/SOURCES
	@tar -C build/source --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH) -c $(SOURCE) \
	  | gzip -9n > build/rpm/SOURCES/$(SOURCE).tar.gz
	rpmbuild -bb $(RPMBUILD_FLAGS) --define "_topdir $(CURDIR)/build/rpm" packaging/rpm/cosmowatch.spec
	@find build/rpm/RPMS -name '*.rpm'

package-test:
	@packaging/test/run
