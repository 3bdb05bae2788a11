//! How does the CPU bundle multiply bytes where a browser has an instruction for it? In a second module, the same but for
//! calls of one function, which are that instruction there.
//!
//! Compiled with relaxed SIMD, minutes more, everything else would change, too: the compiler takes relaxed minima and
//! maxima, which do not say what becomes of NaN. The kernels ask the function what it gives before they rely on it
//! (`shared/src/kernels/instructions/simd128.rs`).

use anyhow::{Context, Result, ensure};
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload, Validator};

/// What the name of the function ends in, before its hash.
const FUNCTION: &str = "7simd1289add_quads";
/// `i32x4.relaxed_dot_i8x16_i7x16_add_s`, which takes three vectors and gives one, as the function does.
const DOT: [u8; 3] = [0xfd, 0x93, 0x02];
const NOP: u8 = 0x01;

/// How often it is called at least: four rows of states by two vectors of weights, in loops that are written out; and once
/// by who asks what it gives.
const CALLS: usize = 4 * 2 + 1;

/// The module with the instruction in place of every call.
///
/// # Errors
/// When the function is not there, or its kernels do not call it as they were written.
pub fn with_dot(module: &[u8]) -> Result<Vec<u8>> {
    let function = index_of(FUNCTION, module)?;
    let mut relaxed = module.to_vec();
    let mut calls = 0;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload? else { continue };
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let start = operators.original_position();
            if operators.read()? == (Operator::Call { function_index: function }) {
                let call = &mut relaxed[start..operators.original_position()];
                ensure!(call.len() >= DOT.len(), "a call at {start} is shorter than the instruction");
                call.fill(NOP);
                call[..DOT.len()].copy_from_slice(&DOT);
                calls += 1;
            }
        }
    }
    ensure!(
        calls >= CALLS,
        "{FUNCTION} is called {calls} times, not {CALLS}: was it compiled into its callers, or were loops not written out?"
    );
    Validator::new().validate_all(&relaxed).context("the instruction does not fit in place of the calls")?;
    Ok(relaxed)
}

/// The number of the one function whose name has this part.
fn index_of(part: &str, module: &[u8]) -> Result<u32> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload? else { continue };
        let KnownCustom::Name(names) = section.as_known() else { continue };
        for name in names {
            let Name::Function(functions) = name? else { continue };
            for naming in functions {
                let naming = naming?;
                if naming.name.contains(part) {
                    found.push(naming.index);
                }
            }
        }
    }
    ensure!(found.len() == 1, "{} functions are named {part}", found.len());
    Ok(found[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What WebAssembly writes before lists: their length, at two bytes for all of them.
    fn length(content: &[u8]) -> [u8; 2] {
        [content.len() as u8 | 0x80, (content.len() >> 7) as u8]
    }

    fn section(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number][..], &length(content), content].concat()
    }

    fn function(body: &[u8]) -> Vec<u8> {
        let body = [&[0], body, &[0x0b]].concat();
        [&length(&body)[..], &body].concat()
    }

    /// Function 0 of this name, and function 1, which does something so many times with it on three vectors.
    fn module(name: &str, call: &[u8], calls: usize) -> Vec<u8> {
        let vector = [0x41, 0x07, 0xfd, 0x11];
        let types = [&[2, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b][..], &[0x60, 0, 1, 0x7b]].concat();
        let kernel = [&vector[..], &[&vector[..], &vector, call].concat().repeat(calls)].concat();
        let code = [&[2][..], &function(&[0x20, 0]), &function(&kernel)].concat();
        let naming = [&[1, 0, name.len() as u8][..], name.as_bytes()].concat();
        let names = [&b"\x04name"[..], &section(1, &naming)].concat();
        let sections = [section(1, &types), section(3, &[2, 0, 1]), section(10, &code), section(0, &names)];
        [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
    }

    const NAME: &str = "_ZN6shared7simd1289add_quads17h0E";

    #[test]
    fn calls_become_the_instruction() {
        // As the linker writes them, and at five bytes, as it does where it leaves room.
        for call in [&[0x10, 0x80, 0x00][..], &[0x10, 0x80, 0x80, 0x80, 0x80, 0x00]] {
            let nops = vec![NOP; call.len() - DOT.len()];
            let instruction = [&DOT, &nops[..]].concat();
            assert_eq!(with_dot(&module(NAME, call, CALLS)).unwrap(), module(NAME, &instruction, CALLS));
        }
    }

    #[test]
    fn modules_without_the_function_or_its_calls_are_refused() {
        let says = |module: &[u8], what: &str| {
            let error = format!("{:#}", with_dot(module).unwrap_err());
            assert!(error.contains(what), "{error}");
        };
        let call = [0x10, 0x80, 0x00];
        says(&module("another", &call, CALLS), "0 functions are named");
        says(&module(NAME, &[0x1a, 0x1a, 0x01], CALLS), "called 0 times");
        says(&module(NAME, &call, CALLS - 1), "called 8 times");
        says(&module(NAME, &[0x10, 0x00], CALLS), "shorter");
        assert!(with_dot(b"\0asm no module").is_err());
    }
}
