//! How do the browser bundles come to be? cargo for wasm32, wasm-bindgen, and the widget's files beside them.
//!
//! Two routes to the wasm32 standard library: rustup's target when it is installed, else Debian's compiler,
//! which builds the library from its source package. Result: `web/dist/`, ready to be served at `/vitrine/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::{
    relaxed::with_dot,
    shell::{cache, command, install, output, root, run, step, target},
};

/// The crate and the tool must be of one version.
const WASM_BINDGEN: &str = "0.2.130";
const TARGET: &str = "wasm32-unknown-unknown";
const FLAGS: &str = "-C target-feature=+simd128 --cfg getrandom_backend=\"wasm_js\"";
/// Left to itself, the compiler counts up in loops in ways that need an addition for every address; WebAssembly's loads have
/// an offset for that. Products are a twentieth faster without.
const OFFSETS: &str = " -C llvm-args=-disable-lsr";
/// CubeCL registers its instructions in constructors. Exported, they are called once (`web/js/bundle.js`); else the linker
/// calls all of them, some milliseconds' worth, at the start of every call into the module.
const CONSTRUCTORS: &str = "-Clink-arg=--export=__wasm_call_ctors";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundle {
    Cpu,
    Gpu,
    /// The kernels by themselves, for `cargo xtask bench`.
    Bench,
}

impl Bundle {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Bench => "bench",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Cpu | Self::Gpu => "web",
            Self::Bench => "bench",
        }
    }

    /// Its files are named after the package.
    fn file(self, ending: &str) -> String {
        format!("{}{ending}", self.package())
    }

    /// What is timed is compiled as what is served.
    fn profile(self) -> &'static str {
        match self {
            Self::Cpu | Self::Bench => "wasm-cpu",
            Self::Gpu => "wasm-gpu",
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["--no-default-features", "--features", "cpu"],
            Self::Gpu => &["--no-default-features", "--features", "gpu"],
            Self::Bench => &[],
        }
    }
}

pub fn build(bundles: &[Bundle]) -> Result<()> {
    let dist = root().join("web/dist");
    copy_folder(&root().join("web/js"), &dist)?;
    let route = Route::find()?;
    let bindgen = wasm_bindgen()?;
    for &bundle in bundles {
        step(&format!("{} bundle ({})", bundle.name(), route.words()));
        route.build(bundle)?;
        let module = target().join(TARGET).join(bundle.profile()).join(bundle.file(".wasm"));
        let out = dist.join(bundle.name());
        tell_size(&generate(&bindgen, bundle, &module, &out)?)?;
        if bundle != Bundle::Gpu {
            tell_size(&add_relaxed(&bindgen, bundle, &module, &out)?)?;
        }
    }
    name_build(&dist)
}

/// Makes of a module one that a page can start, and the script for it; gives the file.
fn generate(bindgen: &str, bundle: Bundle, module: &Path, out: &Path) -> Result<PathBuf> {
    let arguments = [
        "--target",
        "web",
        "--no-typescript",
        "--remove-name-section",
        "--remove-producers-section",
        "--out-dir",
    ];
    let mut generate = command(bindgen, &arguments);
    generate.arg(out).arg(module);
    run(generate)?;
    let file = out.join(bundle.file("_bg.wasm"));
    forget_paths(&file)?;
    Ok(file)
}

/// Puts a module for browsers that multiply bytes (`web/js/bytes.js`) beside the one for all; one script starts both.
fn add_relaxed(bindgen: &str, bundle: Bundle, module: &Path, out: &Path) -> Result<PathBuf> {
    // By the same name, which modules import their script by.
    let beside = module.with_file_name("relaxed");
    fs::create_dir_all(&beside)?;
    let relaxed = beside.join(bundle.file(".wasm"));
    fs::write(&relaxed, with_dot(&fs::read(module)?)?)?;
    let generated = generate(bindgen, bundle, &relaxed, &beside)?;
    let script = bundle.file(".js");
    ensure!(
        fs::read(beside.join(&script))? == fs::read(out.join(&script))?,
        "the module with relaxed SIMD needs a script of its own"
    );
    let file = out.join(bundle.file("_relaxed_bg.wasm"));
    fs::copy(generated, &file)?;
    Ok(file)
}

fn tell_size(file: &Path) -> Result<()> {
    let bytes = fs::metadata(file)?.len();
    eprintln!("{}: {bytes} bytes", file.strip_prefix(root())?.display());
    Ok(())
}

/// Overwrites where the sources of other crates lay when they were compiled: the builder's home folder is nobody's business,
/// and a hundred paths are more than a kilobyte to download. What panics says so all the same, with line and column; paths
/// of our own crates are relative and stay. The size is as before.
fn forget_paths(module: &Path) -> Result<()> {
    let mut bytes = fs::read(module)?;
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let ends = bytes.windows(3).enumerate().filter(|(_, window)| window == b".rs").map(|(at, _)| at + 3);
    for end in ends.collect::<Vec<_>>() {
        let length = bytes[..end].iter().rev().take_while(|&&byte| is_of_path(byte)).count();
        let path = &mut bytes[end - length..end];
        if path.starts_with(b"/") && path.windows(5).any(|part| part == b"/src/") {
            path.fill(0);
        }
    }
    fs::write(module, &bytes)?;
    Ok(())
}

/// The widget runs as it is written; `cargo xtask kit` makes it small.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes `build.js`: the hash of all modules, by which a browser knows what its measurements are about.
fn name_build(dist: &Path) -> Result<()> {
    let mut hash = Sha256::new();
    for module in ["cpu/web_bg.wasm", "cpu/web_relaxed_bg.wasm", "gpu/web_bg.wasm"] {
        // A build of one bundle alone has no other.
        if let Ok(bytes) = fs::read(dist.join(module)) {
            hash.update(bytes);
        }
    }
    let source = fs::read_to_string(dist.join("build.js"))?;
    let name: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    fs::write(dist.join("build.js"), source.replace("'unbuilt'", &format!("'{name}'")))?;
    Ok(())
}

enum Route {
    /// `rustup target add wasm32-unknown-unknown` was run.
    Rustup,
    /// Debian's rustc-web, cargo-web and rust-web-src.
    Debian,
}

impl Route {
    fn find() -> Result<Self> {
        let installed = output("rustup", &["target", "list", "--installed"]).unwrap_or_default();
        if String::from_utf8_lossy(&installed).lines().any(|line| line == TARGET) {
            return Ok(Self::Rustup);
        }
        let has_source = Path::new("/usr/lib/rustlib/src/rust/library").exists();
        // A compiler that was installed from old lists of packages may be too old.
        let is_new = || {
            ["/usr/bin/rustc", "/usr/bin/cargo"].iter().all(|tool| {
                output(tool, &["--version"]).is_ok_and(|out| is_new_enough(&String::from_utf8_lossy(&out)))
            })
        };
        if !(is_new() && has_source) {
            let why = "the wasm32 standard library (with network access, `rustup target add wasm32-unknown-unknown` will do)";
            install(&["rustc-web", "cargo-web", "rust-web-src", "lld"], why)?;
            ensure!(
                is_new(),
                "Debian's compiler is older than Rust {}\nhint: `rustup target add {TARGET}`, with network access",
                env!("CARGO_PKG_RUST_VERSION")
            );
        }
        Ok(Self::Debian)
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Rustup => "rustup's wasm32 target",
            Self::Debian => "Debian's compiler, standard library from source",
        }
    }

    fn build(&self, bundle: Bundle) -> Result<()> {
        let arguments = ["rustc", "--quiet", "--locked", "--lib", "--target", TARGET];
        let of_bundle = ["--package", bundle.package(), "--profile", bundle.profile()];
        let arguments = [&arguments, of_bundle.as_slice(), bundle.features()].concat();
        let mut cargo = match self {
            Self::Rustup => command("cargo", &arguments),
            Self::Debian => {
                let mut cargo = command("/usr/bin/cargo", &arguments);
                cargo.args(["-Z", "build-std=std,panic_abort"]);
                cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
                cargo
            }
        };
        if bundle == Bundle::Gpu {
            cargo.args(["--", CONSTRUCTORS]);
        }
        let offsets = if bundle == Bundle::Gpu { "" } else { OFFSETS };
        cargo.env("RUSTFLAGS", format!("{FLAGS}{offsets}")).env("CARGO_TARGET_DIR", target());
        // Set by the cargo that runs xtask; they would point the other compiler at the wrong library.
        for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "LD_LIBRARY_PATH"] {
            cargo.env_remove(variable);
        }
        run(cargo)
    }
}

/// Whether a compiler that says so of itself compiles this workspace.
fn is_new_enough(version: &str) -> bool {
    let minor = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    minor(version) >= minor(env!("CARGO_PKG_RUST_VERSION"))
}

/// Debian's compiler has no linker for wasm of its own; the one beside rustup's compiler fits.
fn linker() -> Result<String> {
    let sysroot = output("rustup", &["run", "stable", "rustc", "--print", "sysroot"])
        .or_else(|_| output("rustc", &["--print", "sysroot"]))?;
    let sysroot = String::from_utf8(sysroot)?;
    let beside = Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let linker = if beside.exists() { beside } else { Path::new("/usr/bin/wasm-ld").to_path_buf() };
    ensure!(linker.exists(), "no wasm linker found\nhint: apt-get install lld");
    Ok(linker.to_string_lossy().into_owned())
}

/// The wasm-bindgen tool of the right version, installed into the cache when it is missing.
fn wasm_bindgen() -> Result<String> {
    let tools = cache().join("tools");
    let own = tools.join("bin/wasm-bindgen").to_string_lossy().into_owned();
    let expected = format!("wasm-bindgen {WASM_BINDGEN}");
    for program in ["wasm-bindgen", &own] {
        if output(program, &["--version"]).is_ok_and(|out| out.starts_with(expected.as_bytes())) {
            return Ok(program.to_owned());
        }
    }
    step(&format!("cargo install wasm-bindgen-cli {WASM_BINDGEN} (once)"));
    let mut install =
        command("cargo", &["install", "--quiet", "wasm-bindgen-cli", "--version", WASM_BINDGEN, "--root"]);
    install.arg(&tools).env("CARGO_TARGET_DIR", target());
    run(install)?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn an_old_compiler_is_told_from_a_new_one() {
        assert!(!is_new_enough("rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)"));
        let needed = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".0 (ac68faa20 2026-05-25)");
        assert!(is_new_enough(needed) && is_new_enough("cargo 1.999.0"));
        assert!(!is_new_enough("no such thing"));
    }
}
