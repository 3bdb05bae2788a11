//! How does TensorBoard read a training? As an event file for each stage, made from the lines of the metrics file.
//!
//! An event file is one record after the other, all numbers little-endian:
//!
//! ```text
//! u64  length of the event
//! u32  masked CRC-32C of these eight bytes
//! ...  the event, a protobuf message: first the version of the format, then one for each line
//! u32  masked CRC-32C of the event
//! ```
//!
//! # Source
//! TensorFlow's `core/lib/io/record_writer.h` (records), `core/lib/hash/crc32c.h` (mask), `core/util/event.proto` and
//! `core/framework/summary.proto` (fields).

use crate::curves::{Curves, Line, Stage};

/// Where the files lie in TensorBoard's folder, and what they hold. The names are the same each time, so that a run
/// that is exported again replaces what it exported before; a TensorBoard that is open must be started again.
///
/// The metrics file knows no times of day. Its last epoch is dated when the file was last written, the epochs before
/// by the seconds that the stages had run, and steps like the epoch before theirs.
#[must_use]
pub fn event_files(curves: &Curves) -> Vec<(String, Vec<u8>)> {
    let times = running_seconds(&curves.stages);
    let began = curves.written_seconds - times.iter().flatten().next_back().copied().unwrap_or(0.0);
    let file = |(stage, times): (&Stage, &Vec<f64>)| {
        let mut bytes = record(&version(began));
        for (line, time) in stage.lines.iter().zip(times) {
            bytes.extend(record(&event(line, began + time)));
        }
        (format!("{}/events.out.tfevents.vitrine", folder(&stage.name)), bytes)
    };
    curves.stages.iter().zip(&times).map(file).collect()
}

/// How long all stages together had run by the last epoch before each line, stage by stage.
fn running_seconds(stages: &[Stage]) -> Vec<Vec<f64>> {
    let mut before = 0.0;
    let of_stage = |stage: &Stage| {
        let mut last = 0.0;
        let of_line = |line: &Line| {
            if let Some(seconds) = line.seconds {
                // A stage that is resumed counts from zero again.
                if seconds < last {
                    before += last;
                }
                last = seconds;
            }
            before + last
        };
        let times = stage.lines.iter().map(of_line).collect();
        before += last;
        times
    };
    stages.iter().map(of_stage).collect()
}

/// A stage's name as one of a folder, whatever the file says.
fn folder(stage: &str) -> String {
    stage.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// TensorBoard groups by what is before the first slash.
fn tag(name: &str, is_of_epoch: bool) -> String {
    match name.split_once('/') {
        Some(("valid", _)) => name.to_owned(),
        _ if is_of_epoch => format!("epoch/{name}"),
        Some(_) => name.to_owned(),
        None => format!("train/{name}"),
    }
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let checksum = |bytes: &[u8]| {
        let masked = crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
        masked.to_le_bytes()
    };
    [&length[..], &checksum(&length), event, &checksum(event)].concat()
}

/// `Event { wall_time = 1, file_version = 3 }`
fn version(time: f64) -> Vec<u8> {
    let mut message = Message::default();
    message.double(1, time);
    message.bytes(3, b"brain.Event:2");
    message.0
}

/// `Event { wall_time = 1, step = 2, summary = 5 }`, where `Summary { value = 1 }` holds any number of
/// `Value { tag = 1, simple_value = 2 }`
fn event(line: &Line, time: f64) -> Vec<u8> {
    let mut summary = Message::default();
    for (name, number) in line.numbers() {
        let mut value = Message::default();
        value.bytes(1, tag(name, line.step.is_none()).as_bytes());
        value.float(2, number as f32);
        summary.bytes(1, &value.0);
    }
    let mut message = Message::default();
    message.double(1, time);
    message.integer(2, line.taken);
    message.bytes(5, &summary.0);
    message.0
}

/// A protobuf message, field by field in the order of their numbers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Wire type 0. Zero is what is read where nothing is written.
    fn integer(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    /// Wire type 1.
    fn double(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    /// Wire type 2: text, or a message within this one.
    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    /// Wire type 5.
    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::tests::folder as folder_of;

    /// What TensorBoard 2.21 itself writes:
    /// ```python
    /// import io
    /// from tensorboard.compat.proto.event_pb2 import Event
    /// from tensorboard.compat.proto.summary_pb2 import Summary
    /// from tensorboard.summary.writer.record_writer import RecordWriter
    /// V, out = Summary.Value, io.BytesIO()
    /// for event in [
    ///     Event(wall_time=1700000000.5, file_version="brain.Event:2"),
    ///     Event(wall_time=1700000000.5, summary=Summary(value=[V(tag="train/loss", simple_value=0)])),
    ///     Event(wall_time=1700000002.0, step=300, summary=Summary(value=[
    ///         V(tag="epoch/loss", simple_value=4.5), V(tag="epoch/rewards/chosen", simple_value=-0.25)])),
    /// ]:
    ///     RecordWriter(out).write(event.SerializeToString())
    /// print(out.getvalue())
    /// ```
    const GOLDEN: &[u8] = b"\x18\0\0\0\0\0\0\0\xa3\x7fK\"\
        \t\0\0 @\xfcT\xd9A\x1a\rbrain.Event:2+51\x10\
        \x1e\0\0\0\0\0\0\0\xd9\xdc\x122\
        \t\0\0 @\xfcT\xd9A*\x13\n\x11\n\ntrain/loss\x15\0\0\0\0\xca\x8b\x81H\
        >\0\0\0\0\0\0\0\xd9\xd2@\xe7\
        \t\0\0\x80@\xfcT\xd9A\x10\xac\x02*0\n\x11\n\nepoch/loss\x15\0\0\x90@\
        \n\x1b\n\x14epoch/rewards/chosen\x15\0\0\x80\xbe\xd5\x12vX";

    /// What is read from `metrics`, as if it had been written at the time of the last golden event.
    fn curves(metrics: &str) -> Curves {
        let name = format!("tensorboard-{}", metrics.len());
        let read = Curves::read(folder_of(&name, &[("metrics.jsonl", metrics)]).path()).unwrap();
        Curves { written_seconds: 1_700_000_002.0, ..read }
    }

    #[test]
    fn bytes_are_those_of_tensorboard() {
        let metrics = r#"{"epoch":1,"grad_norm":null,"loss":0,"stage":"../sft","step":0}
{"best":true,"epoch":300,"loss":4.5,"rewards/chosen":-0.25,"seconds":1.5,"stage":"../sft"}"#;
        let files = event_files(&curves(metrics));
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].0, "___sft/events.out.tfevents.vitrine");
        assert_eq!(files[0].1, GOLDEN);
    }

    #[test]
    fn seconds_go_on_when_a_stage_is_resumed() {
        let metrics = r#"{"epoch":1,"loss":1,"seconds":4,"stage":"sft"}
{"epoch":2,"loss":1,"seconds":9,"stage":"sft"}
{"epoch":3,"loss":1,"stage":"sft","step":2}
{"epoch":3,"loss":1,"seconds":3,"stage":"sft"}
{"epoch":1,"loss":1,"stage":"dpo","step":0}
{"epoch":1,"loss":1,"seconds":20,"stage":"dpo"}
"#;
        let times = running_seconds(&curves(metrics).stages);
        assert_eq!(times, [vec![4.0, 9.0, 9.0, 12.0], vec![12.0, 32.0]]);
    }

    #[test]
    fn tags_are_grouped() {
        let tags = [("loss", false), ("loss", true), ("rewards/chosen", false), ("valid/ndcg_at_10", true)];
        let named = tags.map(|(name, is_of_epoch)| tag(name, is_of_epoch));
        assert_eq!(named, ["train/loss", "epoch/loss", "rewards/chosen", "valid/ndcg_at_10"]);
    }
}
