//! One verb, one file.

pub mod behaviour;
pub mod bench;
pub mod compare;
pub mod demo;
pub mod eval;
pub mod export;
pub mod inspect;
pub mod plot;
pub mod recommend;
pub mod schema;
pub mod serve;
pub mod train;
pub mod validate;

use anyhow::Result;
use burn::tensor::Device;

use crate::cli::DeviceName;

fn device(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Cpu => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        DeviceName::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(not(feature = "wgpu"))]
        DeviceName::Wgpu => {
            anyhow::bail!("this build has no GPU support\nhint: build the trainer with --features wgpu")
        }
    }
}
