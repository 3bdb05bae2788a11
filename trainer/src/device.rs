//! On what is computed? The names that `--device` takes, and what stands behind them.

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    str::FromStr,
    thread,
};

use anyhow::{Result, bail};
use burn::tensor::{Device, Tensor};

/// A kind of device and, where there are several, its number: `cpu`, `vulkan`, `cuda:1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceName {
    kind: Kind,
    number: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Cpu,
    Wgpu,
    Vulkan,
    Metal,
    Cuda,
}

/// What `--device` understands.
pub const HELP: &str = "cpu, or a GPU that the build has: wgpu, vulkan, metal, cuda; with a number where there are several, cuda:1";

/// What it understands where several compute together.
pub const HELP_SEVERAL: &str = "cpu, or GPUs that the build has, separated by commas (cuda:0,cuda:1): wgpu, vulkan, metal, cuda; they share every batch";

/// Every kind, by the name of its Cargo feature.
const KINDS: [(&str, Kind); 5] = [
    ("cpu", Kind::Cpu),
    ("wgpu", Kind::Wgpu),
    ("vulkan", Kind::Vulkan),
    ("metal", Kind::Metal),
    ("cuda", Kind::Cuda),
];

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        self.number.map_or(Ok(()), |number| write!(f, ":{number}"))
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| {
            format!("there is no device {name}; there are {}", KINDS.map(|(name, _)| name).join(", "))
        })?;
        let number = number.map(str::parse).transpose();
        let number = number.map_err(|_| format!("{text} ends in no number, as cuda:1 does"))?;
        if kind == Kind::Cpu && number.is_some() {
            return Err("there is one cpu; all of its cores take part".to_owned());
        }
        Ok(Self { kind, number })
    }
}

impl DeviceName {
    fn kind(&self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("cpu", |(name, _)| name)
    }

    /// The device, tried out.
    ///
    /// # Errors
    /// When this build lacks it, or this machine does.
    pub fn open(&self) -> Result<Device> {
        // What opens devices panics where there is none.
        let opened = quietly(|| {
            let device = self.device()?;
            let answer = Tensor::<1>::ones([1], &device).try_into_vec_as::<f32>();
            Some(answer.is_ok().then_some(device))
        });
        match opened {
            Ok(Some(Some(device))) => Ok(device),
            Ok(None) => {
                bail!("this build has no {0}\nhint: build the trainer with `--features {0}`", self.kind())
            }
            _ => bail!(
                "{self} does not answer\nhint: is there such a device, and its driver? `--device cpu` needs none"
            ),
        }
    }

    /// None where this build lacks it.
    fn device(&self) -> Option<Device> {
        #[cfg(any(feature = "wgpu", feature = "vulkan", feature = "metal"))]
        let number = self
            .number
            .map_or(burn::tensor::DeviceKind::DefaultDevice, burn::tensor::DeviceKind::DiscreteGpu);
        #[allow(unreachable_patterns, reason = "a build has some of them")]
        match self.kind {
            Kind::Cpu => Some(Device::flex()),
            #[cfg(feature = "wgpu")]
            Kind::Wgpu => Some(Device::wgpu(number)),
            #[cfg(feature = "vulkan")]
            Kind::Vulkan => Some(Device::vulkan(number)),
            #[cfg(feature = "metal")]
            Kind::Metal => Some(Device::metal(number)),
            #[cfg(feature = "cuda")]
            Kind::Cuda => Some(Device::cuda(self.number.unwrap_or(0))),
            _ => None,
        }
    }
}

/// What a task gives, without a word on stderr where it panics.
fn quietly<T>(task: impl FnOnce() -> T) -> thread::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let given = panic::catch_unwind(AssertUnwindSafe(task));
    panic::set_hook(hook);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_kind_and_number() {
        let name = |text: &str| text.parse::<DeviceName>();
        assert_eq!(name("cuda:1").unwrap().to_string(), "cuda:1");
        assert_eq!(name("cpu").unwrap(), DeviceName::default());
        assert!(name("gpu").unwrap_err().contains("cpu, wgpu, vulkan, metal, cuda"));
        assert!(name("cuda:one").unwrap_err().contains("cuda:1"));
        assert!(name("cpu:1").is_err());
    }

    #[test]
    fn what_is_not_built_is_named() {
        assert!(DeviceName::default().open().is_ok());
        if !cfg!(feature = "metal") {
            let error = "metal".parse::<DeviceName>().unwrap().open().unwrap_err().to_string();
            assert!(error.contains("hint: build the trainer with `--features metal`"), "{error}");
        }
    }
}
