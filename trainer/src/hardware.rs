//! What does training compute on? One device, or several that share every batch.

use anyhow::{Result, ensure};
use burn::tensor::Device;
use shared::precision::Precision;

/// Does a device multiply in a precision, and is it faster so?
///
/// # Errors
/// When it does not. A processor would only be slower.
pub fn ensure_computes_in(precision: Precision, device: &Device) -> Result<()> {
    ensure!(
        precision == Precision::F32 || precision.is_supported_by(device) && *device != Device::flex(),
        "this device does not compute in {}\nhint: --precision f32, or another --device",
        precision.name()
    );
    Ok(())
}

/// Are these devices of one kind? Packed weights lie in another order on a processor than on a GPU.
///
/// # Errors
/// When they are not.
pub fn ensure_share_packed(devices: &[Device]) -> Result<()> {
    let processors = devices.iter().filter(|device| **device == Device::flex()).count();
    ensure!(
        [0, devices.len()].contains(&processors),
        "a processor and a GPU cannot share a packed base\nhint: --base-bits 32, or a --device of one kind"
    );
    Ok(())
}

/// Whether gradients are kept there or not.
fn is_processor(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// Devices and what they multiply in.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// Where the model is kept.
    pub device: Device,
    /// What computes beside it.
    others: Vec<Device>,
    pub precision: Precision,
    /// Whether layers are computed again for their gradients instead of kept.
    pub is_recomputing: bool,
    /// What the positions of a row are a multiple of. A GPU reads 16 bytes at once where rows of scores begin at such places.
    pub row_multiple: usize,
}

impl From<&Device> for Hardware {
    /// One device in f32.
    fn from(device: &Device) -> Self {
        Self::new(device, &[], Precision::F32)
    }
}

impl Hardware {
    #[must_use]
    pub fn new(device: &Device, others: &[Device], precision: Precision) -> Self {
        let row_multiple = if is_processor(device) { 1 } else { 8 };
        Self {
            device: device.clone(),
            others: others.to_vec(),
            precision,
            is_recomputing: false,
            row_multiple,
        }
    }

    /// The same with layers that are computed again (less memory), or kept (less time).
    #[must_use]
    pub fn recomputing(self, is_recomputing: bool) -> Self {
        Self { is_recomputing, ..self }
    }

    /// The same with rows of another length.
    #[must_use]
    pub fn with_row_multiple(self, row_multiple: usize) -> Self {
        Self { row_multiple, ..self }
    }

    /// The same without gradients.
    #[must_use]
    pub fn inner(&self) -> Self {
        let others: Vec<Device> = self.others.iter().map(|device| device.clone().inner()).collect();
        Self::new(&self.device.clone().inner(), &others, self.precision)
    }

    /// Into how many parts a batch of so many positions is cut.
    ///
    /// On a processor the number depends on the batch alone: with that of its cores a seed would give other weights on
    /// another machine. A GPU computes all of its share at once.
    #[must_use]
    pub fn parts(&self, positions: usize) -> usize {
        /// Positions of a processor's smallest part.
        const LEAST: usize = 256;
        const MOST: usize = 4;
        let devices = 1 + self.others.len();
        if !is_processor(&self.device) {
            return devices;
        }
        (positions / LEAST).clamp(1, MOST).next_multiple_of(devices)
    }

    /// Positions of a row that is to hold `longest`.
    #[must_use]
    pub fn row_length(&self, longest: usize) -> usize {
        longest.next_multiple_of(self.row_multiple)
    }

    /// What computes a part, by its place in the batch.
    #[must_use]
    pub fn device_of(&self, part: usize) -> &Device {
        match part % (1 + self.others.len()) {
            0 => &self.device,
            other => &self.others[other - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_computes_in_f32_alone() {
        let device = Device::flex();
        assert!(ensure_computes_in(Precision::F32, &device).is_ok());
        let error = ensure_computes_in(Precision::Bf16, &device).unwrap_err().to_string();
        assert!(error.contains("bf16") && error.contains("hint: --precision f32"), "{error}");
    }

    #[test]
    fn parts_go_around_the_devices() {
        let device = Device::flex();
        let one = Hardware::from(&device);
        assert_eq!([1, 300, 600, 5000].map(|positions| one.parts(positions)), [1, 1, 2, 4]);
        // As many parts for each device.
        let three = Hardware::new(&device, &[device.clone(), device.clone()], Precision::F32);
        assert_eq!([1, 600, 5000].map(|positions| three.parts(positions)), [3, 3, 6]);
    }
}
