//! A sound journal, and damage to its file as an input describes it.

use std::sync::LazyLock;

use journal::faults::Disk;
use journal::{Draft, Hash, Identity, Journal as _, Store};

use crate::input::Input;

/// The number of records in the sound journal.
pub const RECORDS: u64 = 12;

/// The identity of the sound journal.
pub fn identity() -> Identity {
    Identity { shard: 7, genesis: "a genesis".to_owned() }
}

/// The bytes of a sound journal with records and two snapshots.
pub static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let disk = Disk::new();
    let mut store = Store::create_with_log("fuzz", disk.clone(), &identity(), 4_096).expect("an empty disk");
    for number in 0..RECORDS {
        store.append(&[draft(number)]).expect("a disk with room");
        if number % 5 == 4 {
            store.snapshot(store.head(), Hash::of(b"state"), &[7; 5_000]).expect("a disk with room");
        }
    }
    drop(store);
    disk.image()
});

/// The record of this number.
pub fn draft(number: u64) -> Draft {
    let time = "2026-05-08T08:00:00Z".parse().expect("a time");
    let length = usize::try_from(number * 97).expect("small");
    Draft { time, command: number.to_le_bytes().to_vec(), events: vec![3; length], state: None }
}

/// A file that the input describes: its own bytes, or the sound journal with damage.
pub fn file(bytes: &[u8]) -> Vec<u8> {
    let mut input = Input(bytes);
    match input.byte() {
        None => Vec::new(),
        Some(kind) if kind % 16 == 0 => input.0.to_vec(),
        Some(_) => damaged(input),
    }
}

fn damaged(mut input: Input<'_>) -> Vec<u8> {
    let mut image = SOUND.clone();
    while let Some(what) = input.byte() {
        if image.is_empty() {
            break;
        }
        let at = place(&mut input, what, image.len());
        match what % 6 {
            0 => image[at] ^= 1 << input.below(8),
            1 => image[at] = input.byte().unwrap_or(0),
            2 => image.truncate(at),
            3 => image.resize(image.len() + 1 + usize::from(input.number() % 8_192), 0),
            // A page that was never written, or written in another place.
            4 => image[at & !0xfff..].iter_mut().take(4_096).for_each(|byte| *byte = 0),
            _ => {
                let from = place(&mut input, what, image.len()) & !0xfff;
                let page: Vec<u8> = image[from..].iter().copied().take(4_096).collect();
                let to = at & !0xfff;
                image[to..].iter_mut().zip(page).for_each(|(byte, other)| *byte = other);
            }
        }
    }
    image
}

/// A place in the file: in its header, which every reader needs, or anywhere.
fn place(input: &mut Input<'_>, what: u8, length: usize) -> usize {
    let number = usize::from(input.number());
    let at = if what & 0x80 == 0 { number % 512 } else { number * 16 + input.below(16) };
    at % length
}
