//! Where does the engine run? On what the page asked for, if this bundle has it.

use burn::tensor::Device;
use js_sys::Promise;
use shared::package::Manifest;
#[cfg(feature = "gpu")]
use wasm_bindgen::JsValue;

use crate::error::{Code, WebError};

/// `cpu` in the CPU bundle, `gpu` in the GPU bundle; anything else is an error with a remedy.
pub async fn open(name: &str) -> Result<Device, WebError> {
    match name {
        #[cfg(feature = "cpu")]
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "gpu")]
        "gpu" => webgpu().await,
        #[cfg(not(feature = "gpu"))]
        "gpu" => Err(absent("gpu")),
        #[cfg(not(feature = "cpu"))]
        "cpu" => Err(absent("cpu")),
        other => Err(WebError::new(Code::BadRequest, format!("device {other:?}: expected cpu or gpu"))),
    }
}

/// Lets a GPU compile its kernels while the weights are loaded; nothing where nothing is compiled.
#[cfg(feature = "gpu")]
pub fn rehearse(manifest: &Manifest, device: &Device) -> Option<Promise> {
    let (manifest, device) = (manifest.clone(), device.clone());
    Some(wasm_bindgen_futures::future_to_promise(async move {
        // Whatever fails here fails again with the weights, where it is told.
        let _ = shared::rehearsal::rehearse(&manifest, &device).await;
        Ok(JsValue::UNDEFINED)
    }))
}

#[cfg(not(feature = "gpu"))]
pub fn rehearse(_manifest: &Manifest, _device: &Device) -> Option<Promise> {
    None
}

#[cfg(not(all(feature = "cpu", feature = "gpu")))]
fn absent(name: &str) -> WebError {
    WebError::new(Code::WebgpuUnavailable, format!("this bundle has no {name} device; load the other one"))
}

#[cfg(feature = "gpu")]
async fn webgpu() -> Result<Device, WebError> {
    use std::cell::RefCell;

    thread_local! {
        // burn sets a GPU up once per page; a second recommender shares it.
        static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
    }
    if let Some(device) = DEVICE.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let device = Device::wgpu_options()
        .init_async()
        .await
        .map_err(|error| WebError::new(Code::WebgpuUnavailable, format!("{error:?}")))?;
    DEVICE.with_borrow_mut(|slot| *slot = Some(device.clone()));
    Ok(device)
}
