# shellcheck shell=bash
# Sourced by the other scripts: where things are, and what to do when they are not. Leaves the working folder at the top.
PEFT_HOST_CACHE=$(realpath -m "${PEFT_HOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/peft-host}")
export PEFT_HOST_CACHE
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

# shellcheck disable=SC2034  # for the scripts that source this
model=$PEFT_HOST_CACHE/SmolLM2-135M-Instruct.Q4_1.gguf reviews=$PEFT_HOST_CACHE/reviews host=.build/release/peft-host
venv=$PEFT_HOST_CACHE/venv

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# install_packages NAME…: those that Debian does not have installed. Elsewhere the build names what it misses.
install_packages() {
    command -v dpkg-query >/dev/null || return 0
    local known missing=() as_root=() name log
    known=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for name; do
        grep -qx "$name installed" <<<"$known" || missing+=("$name")
    done
    ((${#missing[@]})) || return 0

    local remedy="run as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    if ((EUID)); then
        command -v sudo >/dev/null || fail "packages are missing; $remedy"
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    log=$({ "${as_root[@]}" apt-get -q update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}"; } 2>&1) ||
        fail "apt-get failed (${log##*$'\n'}); $remedy"
}

# prepare_reference: torch, transformers and peft in $venv.
prepare_reference() {
    cmp --silent Benchmarks/requirements.txt "$venv/requirements.txt" && return 0
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    echo "installing torch, transformers and peft into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement Benchmarks/requirements.txt
    cp Benchmarks/requirements.txt "$venv"
}

# prepare_llamacpp: llama.cpp's Python package beside the reference. Its build takes some ten minutes.
prepare_llamacpp() {
    "$venv/bin/python" -c 'import llama_cpp' 2>/dev/null && return 0
    install_packages cmake g++
    echo "building llama.cpp into $venv"
    CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF" \
        "$venv/bin/pip" install --quiet --disable-pip-version-check llama-cpp-python==0.3.36
}
