// How much WebAssembly memory does each runtime hold? Memories are noted as they come, under the runtime that loads.

const memories = [];
let loading = null;
const { instantiate, instantiateStreaming, Memory } = WebAssembly;

const note = (memory) => {
  if (loading && memory instanceof Memory && memories.every((known) => known.memory !== memory)) memories.push({ runtime: loading, memory });
};

function noteExports(result) {
  for (const value of Object.values((result.instance ?? result).exports)) note(value);
  return result;
}

WebAssembly.instantiate = async (...all) => noteExports(await instantiate(...all));
WebAssembly.instantiateStreaming = async (...all) => noteExports(await instantiateStreaming(...all));
WebAssembly.Memory = new Proxy(Memory, {
  construct(target, all) {
    const memory = new target(...all);
    note(memory);
    return memory;
  },
});

/** Loads a runtime, one at a time. */
export async function load(runtime, open) {
  loading = runtime;
  try {
    return await open();
  } finally {
    loading = null;
  }
}

/** Bytes by runtime. A worker's memory is not seen here. */
export function held() {
  const bytes = {};
  for (const { runtime, memory } of memories) bytes[runtime] = (bytes[runtime] ?? 0) + memory.buffer.byteLength;
  return bytes;
}
