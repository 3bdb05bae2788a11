use wasm_bindgen::prelude::*;
use burn::tensor::{Device, Tensor};
#[wasm_bindgen]
pub async fn spike(gpu: bool) -> String {
    let device = device(gpu).await;
    let a = Tensor::<2>::from_floats([[1., 2.], [3., 4.]], &device);
    let b = a.clone().matmul(a);
    format!("{:?}", b.into_data_async().await)
}
#[cfg(feature = "gpu")]
async fn device(_gpu: bool) -> Device {
    Device::wgpu_options().init_async().await.expect("gpu")
}
#[cfg(not(feature = "gpu"))]
async fn device(_gpu: bool) -> Device { Device::flex() }
