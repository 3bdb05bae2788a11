//! How do a package's files come to the browser? By GET, without parameters, with progress as bytes arrive.

use gloo::net::http::{Request, Response};
use js_sys::{Function, Reflect, Uint8Array};
use shared::package::{MANIFEST, MANIFEST_BYTES, Manifest, Package, Reader};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use crate::error::{Code, WebError, reason};

/// Downloads the package at `url` and checks it; `on_progress(loaded, total)` counts bytes of its files. `on_manifest` may
/// begin with what needs the manifest alone.
pub async fn package(
    url: &str,
    on_progress: &Function,
    on_manifest: impl FnOnce(&Manifest),
) -> Result<Package, WebError> {
    let base = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
    let manifest_bytes = fetch(&format!("{base}{MANIFEST}"), MANIFEST_BYTES, |_| {}).await?;
    let mut reader = Reader::new(&manifest_bytes)?;
    on_manifest(reader.manifest());
    let total: usize = reader.manifest().files.iter().map(|file| file.bytes).sum();
    let mut loaded = 0;
    while let Some(file) = reader.wanted() {
        let bytes = fetch(&format!("{base}{}", file.path), file.bytes, |chunk| {
            loaded += chunk;
            // A listener that throws must not stop the download.
            let _ = on_progress.call2(
                &JsValue::NULL,
                &JsValue::from(loaded as f64),
                &JsValue::from(total as f64),
            );
        })
        .await?;
        reader.take(&bytes)?;
    }
    Ok(reader.finish()?)
}

/// The body at `url`, of which no more than `most` bytes are taken: what a server sends beyond fills no memory.
async fn fetch(url: &str, most: usize, mut on_chunk: impl FnMut(usize)) -> Result<Vec<u8>, WebError> {
    let unreachable = |reason: String| WebError::new(Code::PackageUnreachable, format!("{url}: {reason}"));
    let response = Request::get(url).send().await.map_err(|error| unreachable(error.to_string()))?;
    if !response.ok() {
        return Err(unreachable(format!("the server answered {}", response.status())));
    }
    let bytes = read(&response, most, &mut on_chunk)
        .await
        .map_err(|error| unreachable(reason(&error, "the download broke off")))?;
    if bytes.len() > most {
        let message = format!("{url} is longer than {most} bytes, which is all that it may have");
        return Err(WebError::new(Code::PackageCorrupt, message));
    }
    Ok(bytes)
}

/// Reads until the end, or until there is more than there may be.
async fn read(
    response: &Response,
    most: usize,
    on_chunk: &mut impl FnMut(usize),
) -> Result<Vec<u8>, JsValue> {
    let Some(stream) = response.body() else { return Ok(Vec::new()) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into()?;
    let mut bytes = Vec::new();
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        if Reflect::get(&piece, &"done".into())?.is_truthy() {
            return Ok(bytes);
        }
        let chunk: Uint8Array = Reflect::get(&piece, &"value".into())?.dyn_into()?;
        let (known, length) = (bytes.len(), chunk.length() as usize);
        bytes.resize(known + length, 0);
        chunk.copy_to(&mut bytes[known..]);
        on_chunk(length);
        if bytes.len() > most {
            // The answer counts, not whether the server hears that we stopped.
            let _ = reader.cancel();
            return Ok(bytes);
        }
    }
}
