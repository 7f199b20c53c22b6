"""Holds what the scripts that build guest modules share: their command line, how Rust is compiled for WebAssembly, what a module
says of itself, and the digest that proves what the committed modules were made from.

A digest is a file with a line for each file that the modules are made from, and for each module: its SHA-256 in lower-case
hex, two spaces, its path from the top of the repository with forward slashes; sorted by the bytes of the path. Line ends of
sources count as LF, however they are checked out.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGET = "wasm32-unknown-unknown"
WASI_TARGET = "wasm32-wasip1"
# Where Debian's wasi-libc puts what a module for WASI is linked with.
WASI_LIBRARIES = pathlib.Path("/usr/lib/wasm32-wasi")


class Failure(Exception):
    """Something that the user can do something about."""


class NoCompiler(Failure):
    """A compiler is missing; the text says how to get it."""

    @classmethod
    def for_rust(cls, target):
        packages = "rustc-web rust-web-src" + (" wasi-libc" if target == WASI_TARGET else "")
        return cls(
            f"no way to compile Rust for {target}. One of these helps:\n"
            f"  rustup target add {target}\n"
            f"  apt-get install --no-install-recommends {packages}   (Debian; beside rustup's cargo)"
        )


# Command line


def command_line(description, committed, build, update, check):
    """Runs the verb that the user asked for."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    build_verb = verbs.add_parser("build", help="build every guest from source")
    build_verb.add_argument("--out", type=pathlib.Path, help="where to copy the modules")
    verbs.add_parser("update", help="build, and replace the committed modules and their digest")
    verbs.add_parser("check", help="compare the tree with the digest")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "check":
            check()
        elif arguments.verb == "update":
            update()
        else:
            build(arguments.out)
    except NoCompiler as missing:
        sys.exit(f"{committed.name}: {missing}\n{committed.advice()}")
    except Failure as failure:
        sys.exit(f"{committed.name}: {failure}")


# Committed modules


class Committed:
    """A folder of committed modules with their digest, which the script scripts/`name` keeps."""

    def __init__(self, name, folder, sources):
        self.name = name
        self.folder = folder
        self.digest = folder / "DIGEST"
        # A function without arguments: the files that the modules are made from.
        self.sources = sources

    def module(self, name):
        return (self.folder / f"{name}.wasm").read_bytes()

    def replace(self, built):
        """Puts the modules, given by name, in the place of those that are there, and writes the digest."""
        write_modules(built, self.folder)
        for stale in set(self.folder.glob("*.wasm")) - {self.folder / f"{name}.wasm" for name in built}:
            stale.unlink()
        lines = [f"{digest}  {path}\n" for path, digest in self.current().items()]
        self.digest.write_text("".join(lines), encoding="utf-8", newline="\n")
        print(f"{len(lines)} lines in {relative(self.digest)}")

    def check(self):
        """Compares the tree with the digest, and returns how many files those are."""
        if not self.digest.is_file():
            raise Failure(f"{relative(self.digest)} is missing: run `scripts/{self.name} update`")
        recorded = {}
        for line in self.digest.read_text(encoding="utf-8").splitlines():
            digest, _, path = line.partition("  ")
            recorded[path] = digest
        found = self.current()
        differences = [f"  changed  {path}" for path in recorded if found.get(path, recorded[path]) != recorded[path]]
        differences += [f"  missing  {path}" for path in recorded if path not in found]
        differences += [f"  new      {path}" for path in found if path not in recorded]
        if differences:
            raise Failure(
                "the committed modules are not those of the sources:\n"
                + "\n".join(differences)
                + f"\nRun `scripts/{self.name} update` and commit what it writes."
            )
        return len(found)

    def current(self):
        """The digest of every source and module in the tree, by path, sorted."""
        digests = {}
        for file in self.sources():
            if file.is_file():
                content = file.read_bytes().replace(b"\r\n", b"\n")
                digests[relative(file)] = hashlib.sha256(content).hexdigest()
        for file in self.folder.glob("*.wasm"):
            digests[relative(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
        return dict(sorted(digests.items(), key=lambda entry: entry[0].encode()))

    def advice(self):
        return (
            f"The committed modules in {relative(self.folder)} serve without a compiler; `scripts/{self.name} check` proves "
            "that they are\nthose of the sources."
        )


def write_modules(built, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in built.items():
        (folder / f"{name}.wasm").write_bytes(module)


def relative(path):
    return path.relative_to(TOP).as_posix()


# Rust


def rust_toolchain(target=TARGET):
    """The start of cargo's command line, and its environment: rustup's target, or else Debian's packages."""
    environment = dict(os.environ)
    for name in ["CARGO_BUILD_TARGET", "RUSTFLAGS"]:
        environment.pop(name, None)
    rustc = environment.get("RUSTC", "rustc")
    sources, flags = [], []
    command = ["cargo", "build"]
    if not list(target_libraries(rustc, target).glob("libstd-*.rlib")):
        rustc, library, linker = debian(rustc, target)
        sources = [library.parent, library.parent.resolve()]
        environment["RUSTC"] = rustc
        environment["RUSTC_BOOTSTRAP"] = "1"
        environment[f"CARGO_TARGET_{target.upper().replace('-', '_')}_LINKER"] = linker
        command += ["-Z", "build-std=std,panic_abort"]
        flags = wasi_flags() if target == WASI_TARGET else []
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(remapping(sources) + flags)
    return command, environment


def target_libraries(rustc, target):
    return pathlib.Path(ask(target, rustc, "--print", "target-libdir", "--target", target))


def debian(cargo_rustc, target):
    """Debian's compiler, the standard library's source that belongs to it, and a linker."""
    rustc = "/usr/bin/rustc"
    if not pathlib.Path(rustc).exists():
        raise NoCompiler.for_rust(target)
    library = pathlib.Path(ask(target, rustc, "--print", "sysroot")) / "lib/rustlib/src/rust/library"
    if not library.is_dir():
        raise NoCompiler.for_rust(target)
    host = next(line[6:] for line in ask(target, cargo_rustc, "-vV").splitlines() if line.startswith("host: "))
    bundled = pathlib.Path(ask(target, cargo_rustc, "--print", "sysroot")) / "lib/rustlib" / host / "bin/rust-lld"
    linker = str(bundled) if bundled.is_file() else shutil.which("rust-lld") or shutil.which("wasm-ld")
    if linker is None:
        raise NoCompiler.for_rust(target)
    return rustc, library, linker


def wasi_flags():
    """Links with Debian's C library for WASI, as a module that is called again and again. rustup's target brings its own."""
    start = WASI_LIBRARIES / "crt1-reactor.o"
    if not start.is_file():
        raise NoCompiler.for_rust(WASI_TARGET)
    return ["-Clink-self-contained=no", f"-L{WASI_LIBRARIES}", f"-Clink-arg={start}", "-Clink-arg=--no-entry"]


def ask(target, *command):
    """What `command` prints, which compiles for `target`."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError as missing:
        raise NoCompiler.for_rust(target) from missing
    except subprocess.CalledProcessError as failed:
        raise Failure(f"`{' '.join(command)}` failed: {failed.stderr.strip()}") from failed


def remapping(sources):
    """Keeps this machine's paths out of the modules."""
    pairs = [(cargo_home(), "cargo"), (TOP, "wascc")]
    pairs += [(registry, "crates") for registry in sorted((cargo_home() / "registry" / "src").glob("*"))]
    pairs += [(source, "rust") for source in sources]
    return [f"--remap-path-prefix={path}={name}" for path, name in pairs]


def machine_paths():
    return [str(path).encode() for path in (TOP, cargo_home(), pathlib.Path.home()) if len(path.parts) > 1]


def cargo_home():
    return pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))


# Modules


def verify(name, module, allowed, forbidden):
    """A guest exports what the protocol asks for, imports from the modules in `allowed`, and tells nothing of the machine:
    none of the paths in `forbidden`."""
    imports, exports = interface(name, module)
    if imports != allowed:
        expected = " and ".join(f"`{module}`" for module in sorted(allowed))
        raise Failure(f"{name}.wasm imports from {sorted(imports)}, not from {expected} alone")
    for export in ["memory", "__guest_call"]:
        if export not in exports:
            raise Failure(f"{name}.wasm does not export `{export}`")
    for path in forbidden:
        if path in module:
            raise Failure(f"{name}.wasm holds the path {path.decode()}")


def interface(name, module):
    """The modules that a module imports from, and the names that it exports."""
    if module[:8] != b"\0asm\1\0\0\0":
        raise Failure(f"{name}.wasm is not a WebAssembly module")
    imports, exports, at = set(), set(), 8
    while at < len(module):
        section = module[at]
        size, at = number(module, at + 1)
        if section == 2:
            count, position = number(module, at)
            for _ in range(count):
                source, position = text(module, position)
                _, position = text(module, position)
                imports.add(source)
                if module[position] != 0:
                    raise Failure(f"{name}.wasm imports something that is not a function from `{source}`")
                _, position = number(module, position + 1)
        elif section == 7:
            count, position = number(module, at)
            for _ in range(count):
                export, position = text(module, position)
                exports.add(export)
                _, position = number(module, position + 1)
        at += size
    return imports, exports


def number(module, at):
    value = shift = 0
    while True:
        byte = module[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def text(module, at):
    size, at = number(module, at)
    return module[at : at + size].decode(), at + size
