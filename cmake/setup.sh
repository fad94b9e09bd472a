#!/bin/sh
# Installs what zeroth's own programs and tests need, with the system's package manager. See --help.
set -u

usage() {
    cat <<'TEXT'
Usage: cmake/setup.sh [--dry-run] [--help] [WHAT...]

Installs whatever is missing to build and run WHAT, and does nothing where all of it is there:

  finetune   the main program: a C++20 compiler, CMake, make, Eigen, xsimd, CLI11, nlohmann/json, zlib,
             OpenMP, cairo (optional: PNG plots)                                                 (the default)
  test       finetune, and all that the tests use: Catch2 3, Google Benchmark, Clang 19 with its OpenMP,
             an AArch64 cross compiler and qemu-user (optional: the NEON tests)
  bench      finetune, and Google Benchmark
  clang      finetune, Catch2 3, and Clang 19 with its OpenMP
  tidy       test, and clang-tidy 19
  all        everything above

  --dry-run  say what would be installed, install nothing
  --help     this page

Packages come from apt (Debian, Ubuntu), dnf (Fedora) or Homebrew (macOS), as root or through sudo. On Debian 12
Catch2 3 comes from bookworm-backports, which is added as a source of its own where it is missing. On another system
the script says what is needed and goes on: CMake downloads the libraries it does not find. To use the headers of
zeroth in a program of your own nothing needs to be installed but a compiler.

Exit status: 0 when a compiler and CMake 3.25 are there in the end, otherwise 1; 2 for a wrong argument.
TEXT
}

say() { printf 'setup: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

dry_run=no
wanted=
for argument in "$@"; do
    case $argument in
        -h | --help) usage; exit 0 ;;
        --dry-run) dry_run=yes ;;
        finetune | test | bench | clang | tidy | all) wanted="$wanted $argument" ;;
        *) printf 'setup: unknown argument "%s"; see cmake/setup.sh --help\n' "$argument" >&2; exit 2 ;;
    esac
done
[ -n "$wanted" ] || wanted=finetune

want_test=no want_bench=no want_clang=no want_tidy=no want_catch2=no
for what in $wanted; do
    case $what in
        test) want_test=yes want_bench=yes want_clang=yes want_catch2=yes ;;
        bench) want_bench=yes ;;
        clang) want_clang=yes want_catch2=yes ;;
        tidy | all) want_test=yes want_bench=yes want_clang=yes want_catch2=yes want_tidy=yes ;;
    esac
done

# Runs a command as root. Without root and without sudo it says so and fails, and the script goes on.
as_root() {
    if [ "$dry_run" = yes ]; then
        say "would run: $*"
    elif [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        say "not root and no sudo, so this was not run: $*"
        return 1
    fi
}

# True where the version $1 is $2 or newer (numbers separated by dots).
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

cmake_version() {
    have cmake && cmake --version 2>/dev/null | sed -n '1s/.* \([0-9][0-9.]*\).*/\1/p'
}

has_compiler() { have c++ || have g++ || have clang++; }

# ---------------------------------------------------------------------------------------------------------------- apt

apt_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)'
}

apt_updated=no
apt_update() {
    [ "$apt_updated" = yes ] && return
    say "refreshing the package lists (apt-get update)"
    as_root apt-get update -q || say "the package lists could not be refreshed; going on with those there are"
    apt_updated=yes
}

# Prints "URI<TAB>KEYRING" of the first source of this release: from deb822 .sources files, then from one-line lists.
apt_mirror() {
    codename=$1
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v suite="$codename" '
            function flush(   n, i, names) {
                n = split(suites, names, " ")
                for (i = 1; i <= n; ++i)
                    if (names[i] == suite && uri != "" && types ~ /(^| )deb( |$)/ && enabled != "no" && !done) {
                        print uri "\t" key
                        done = 1
                    }
                uri = suites = key = enabled = types = ""
            }
            /^#/ { next }
            /^[ \t]*$/ { flush(); next }
            /^[^ \t]+:/ {
                field = tolower($1)
                value = $0
                sub(/^[^:]*:[ \t]*/, "", value)
                if (field == "uris:") { split(value, list, " "); uri = list[1] }
                if (field == "suites:") suites = value
                if (field == "types:") types = value
                if (field == "enabled:") enabled = tolower(value)
                if (field == "signed-by:" && value ~ /^\//) key = value
            }
            END { flush() }' "$file"
    done | head -n 1 | grep . && return
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        awk -v suite="$codename" '
            $1 == "deb" {
                key = ""
                first = 2
                if ($2 ~ /^\[/) {
                    for (; first <= NF; ++first) {
                        option = $first
                        gsub(/[][]/, "", option)
                        if (option ~ /^signed-by=\//) { key = option; sub(/^signed-by=/, "", key) }
                        if ($first ~ /\]$/) { ++first; break }
                    }
                }
                if ($(first + 1) == suite) { print $first "\t" key; exit }
            }' "$file"
    done | head -n 1 | grep .
}

# Catch2 3 is in Debian 13 and Ubuntu 24.04; for Debian 12 it is in the backports.
apt_catch2() {
    installed=$(dpkg-query -W -f '${Version}' catch2 2>/dev/null)
    if apt_installed catch2 && dpkg --compare-versions "$installed" ge 3; then return; fi
    apt_update
    candidate=$(apt_candidate catch2)
    if [ -n "$candidate" ] && dpkg --compare-versions "$candidate" ge 3; then
        say "installing catch2 $candidate"
        as_root apt-get install -q -y --no-install-recommends catch2
        return
    fi
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    if [ "$codename" != bookworm ]; then
        say "this system has no package of Catch2 3; CMake will download it"
        return
    fi
    backports=$codename-backports
    if ! LC_ALL=C apt-cache policy | grep -q "n=$backports"; then
        mirror=$(apt_mirror "$codename")
        if [ -z "$mirror" ]; then
            say "no source of $codename found under /etc/apt; CMake will download Catch2 3"
            return
        fi
        uri=$(printf '%s' "$mirror" | cut -f 1)
        key=$(printf '%s' "$mirror" | cut -f 2)
        source=/etc/apt/sources.list.d/$backports.sources
        say "adding $backports from the mirror in use, as $source (it installs nothing unless asked to)"
        entry=$(printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$backports")
        [ -n "$key" ] && entry=$(printf '%s\nSigned-By: %s\n' "$entry" "$key")
        if [ "$dry_run" = yes ]; then
            say "would write:"
            printf '%s\n' "$entry"
        else
            printf '%s\n' "$entry" | as_root tee "$source" >/dev/null
        fi
        apt_updated=no
        apt_update
    fi
    say "installing catch2 from $backports"
    as_root apt-get install -q -y --no-install-recommends -t "$backports" catch2
}

setup_apt() {
    packages="ca-certificates make libeigen3-dev libxsimd-dev libcli11-dev nlohmann-json3-dev zlib1g-dev libcairo2-dev pkg-config"
    has_compiler || packages="g++ $packages"
    [ -n "$(cmake_version)" ] || packages="cmake $packages"
    [ "$want_bench" = yes ] && packages="$packages libbenchmark-dev"
    [ "$want_clang" = yes ] && packages="$packages clang-19 libclang-rt-19-dev libomp-19-dev"
    [ "$want_test" = yes ] && packages="$packages g++"
    # The cross compiler is of use on other machines only.
    if [ "$want_test" = yes ] && [ "$(uname -m)" != aarch64 ]; then
        packages="$packages g++-aarch64-linux-gnu qemu-user-static"
    fi
    [ "$want_tidy" = yes ] && packages="$packages clang-tidy-19"

    missing=
    for package in $packages; do apt_installed "$package" || missing="$missing $package"; done
    # pkg-config may be provided by another package.
    have pkg-config && missing=$(printf '%s ' $missing | sed 's/\(^\| \)pkg-config / /')
    if [ -n "$(printf '%s' "$missing" | tr -d ' ')" ]; then
        apt_update
        available=
        for package in $missing; do
            if [ -n "$(apt_candidate "$package")" ]; then
                available="$available $package"
            else
                say "this system has no package $package; going on without it"
            fi
        done
        if [ -n "$available" ]; then
            say "installing$available"
            # shellcheck disable=SC2086
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $available
        fi
    fi
    [ "$want_catch2" = yes ] && apt_catch2
}

# ---------------------------------------------------------------------------------------------------------------- dnf

setup_dnf() {
    packages="make eigen3-devel xsimd-devel cli11-devel json-devel zlib-devel cairo-devel pkgconf-pkg-config"
    has_compiler || packages="gcc-c++ $packages"
    [ -n "$(cmake_version)" ] || packages="cmake $packages"
    [ "$want_bench" = yes ] && packages="$packages google-benchmark-devel"
    [ "$want_catch2" = yes ] && packages="$packages catch-devel"
    [ "$want_clang" = yes ] && packages="$packages clang compiler-rt libomp-devel"
    [ "$want_test" = yes ] && packages="$packages gcc-c++ libasan libubsan qemu-user-static-aarch64"
    [ "$want_tidy" = yes ] && packages="$packages clang-tools-extra"
    missing=
    for package in $packages; do rpm -q "$package" >/dev/null 2>&1 || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    # shellcheck disable=SC2086
    as_root dnf install -y --setopt=install_weak_deps=False --skip-unavailable $missing ||
        as_root dnf install -y --setopt=install_weak_deps=False --setopt=strict=0 $missing
}

# --------------------------------------------------------------------------------------------------------------- brew

setup_brew() {
    if ! has_compiler; then
        say "no compiler: run xcode-select --install"
    fi
    packages="eigen xsimd cli11 nlohmann-json cairo pkg-config libomp"
    [ -n "$(cmake_version)" ] || packages="cmake $packages"
    [ "$want_bench" = yes ] && packages="$packages google-benchmark"
    [ "$want_catch2" = yes ] && packages="$packages catch2"
    if [ "$want_clang" = yes ] || [ "$want_tidy" = yes ]; then packages="$packages llvm@19"; fi
    missing=
    for package in $packages; do brew list --versions "$package" >/dev/null 2>&1 || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    if [ "$dry_run" = yes ]; then
        say "would run: brew install$missing"
        return 0
    fi
    # shellcheck disable=SC2086
    brew install $missing
}

# --------------------------------------------------------------------------------------------------------------- main

if have apt-get && have dpkg-query; then
    setup_apt
elif have dnf; then
    setup_dnf
elif [ "$(uname -s)" = Darwin ] && have brew; then
    setup_brew
else
    say "this system has no apt, dnf or Homebrew. Needed:$wanted"
    say "  a C++20 compiler (GCC 12, Clang 17 or newer), CMake 3.25 or newer, make or ninja"
    say "  libraries, downloaded by CMake where they are not installed: Eigen, xsimd, CLI11, nlohmann/json"
    [ "$want_catch2" = yes ] && say "  for the tests: Catch2 3, Google Benchmark (downloaded as well)"
    say "  optional: OpenMP, cairo with pkg-config (PNG plots), qemu-user and an AArch64 compiler (NEON tests)"
fi

status=0
if ! has_compiler; then
    say "no C++ compiler found: GCC 12, Clang 17 or newer is needed"
    status=1
fi
version=$(cmake_version)
if [ -z "$version" ]; then
    say "no CMake found: 3.25 or newer is needed"
    status=1
elif ! at_least "$version" 3.25; then
    say "CMake $version is too old: 3.25 or newer is needed (one way to get it: pipx install cmake)"
    status=1
fi
[ "$dry_run" = yes ] && exit 0
[ "$status" = 0 ] && say "ready for:$(printf ' %s' $wanted)"
exit "$status"
