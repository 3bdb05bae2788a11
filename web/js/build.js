// Which build is this? `cargo xtask wasm` writes the hash of the bundles here; measurements of one build say nothing
// about another.

export const BUILD = 'unbuilt';
