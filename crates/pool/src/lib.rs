//! Runs parts of work on many threads and returns the results in the order of the parts, in bounded memory.
//!
//! ```text
//! feed ──▶ parts, one queue ──▶ threads ──▶ results in any order ──▶ put in order ──▶ take
//!   ▲                                                                                  │
//!   └────────────── at most 8 parts a thread are on their way: a place for each ◀──────┘
//! ```
//!
//! A thread takes the next part as soon as it has none, so that a long part delays no other thread until the places are
//! used up. The result of the work does not depend on the number of threads. Programs and harnesses use this pool and no
//! other; only a thread that reads or writes ahead of another is started elsewhere. [`Spare`] lends the memory that
//! every part of the work needs, so that it is allocated once a thread.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};

/// The number of parts for each thread that are waiting, worked on, or waiting to be taken.
const PLACES: usize = 8;

/// The number of threads that can run at the same time on this machine; one when it is unknown.
pub fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Passes the parts from `feed` to `threads` threads, and their results to `take`, in the order of the parts.
///
/// `feed` runs on its own thread and calls a function with each part, which returns false when no more parts are
/// wanted. `take` runs on the thread of the caller and returns whether it wants more results. A panic in `work` is passed
/// on to the caller.
pub fn in_order<Part: Send, Done: Send>(
    threads: usize,
    feed: impl FnOnce(&mut dyn FnMut(Part) -> bool) + Send,
    work: impl Fn(Part) -> Done + Sync,
    mut take: impl FnMut(Done) -> bool,
) {
    let threads = threads.max(1);
    let (part, waiting) = channel::<(usize, Part)>();
    let (done, results) = channel();
    // A place is free when its part's result was taken.
    let (free, places) = channel();
    for _ in 0..threads * PLACES {
        free.send(()).expect("the other end is held here");
    }
    let (work, waiting) = (&work, &Mutex::new(waiting));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let done = done.clone();
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().expect("nothing panics while it receives").recv();
                    let Ok((number, part)) = next else { return };
                    let result = catch_unwind(AssertUnwindSafe(|| work(part)));
                    if done.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        scope.spawn(move || {
            let mut numbers = 0..;
            feed(&mut |given| {
                let number = numbers.next().expect("parts are counted");
                places.recv().is_ok() && part.send((number, given)).is_ok()
            });
        });
        // Both ends that are held here are dropped when this ends or panics, which stops the feed and then the threads.
        let (free, results) = (free, results);
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for (number, result) in results {
            early.insert(number, result);
            while let Some(result) = early.remove(&next) {
                next += 1;
                let result = result.unwrap_or_else(|panic| resume_unwind(panic));
                if !take(result) {
                    return;
                }
                // The feed may have ended, and then wants no more places.
                let _ = free.send(());
            }
        }
    });
}

/// The results of `work` on each of the parts, in their order. `progress` is called with each result, in the same order.
pub fn map<Part: Send, Done: Send>(
    threads: usize,
    parts: impl IntoIterator<Item = Part, IntoIter: Send>,
    work: impl Fn(Part) -> Done + Sync,
    mut progress: impl FnMut(&Done),
) -> Vec<Done> {
    let mut all = Vec::new();
    let mut parts = parts.into_iter();
    let feed = |give: &mut dyn FnMut(Part) -> bool| {
        parts.all(give);
    };
    in_order(threads, feed, work, |done| {
        progress(&done);
        all.push(done);
        true
    });
    all
}

/// Values that hold reusable memory, lent to one thread at a time: as many are made as were ever in use together. What a
/// value holds when it is lent must not matter to whoever borrows it.
#[derive(Debug, Default)]
pub struct Spare<T>(Mutex<Vec<T>>);

impl<T: Default> Spare<T> {
    /// Calls `work` with a value that no other thread uses meanwhile. A panic in `work` drops the value.
    pub fn with<Done>(&self, work: impl FnOnce(&mut T) -> Done) -> Done {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = free().pop();
        let mut lent = lent.unwrap_or_default();
        let done = work(&mut lent);
        free().push(lent);
        done
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_parts() {
        for threads in [0, 1, 2, 3, 8] {
            let work = |part: u64| {
                // Some parts take longer than later ones.
                if part.is_multiple_of(97) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                part * part
            };
            let mut seen = 0;
            let results = map(threads, 0..1000, work, |_| seen += 1);
            assert_eq!(results, (0..1000).map(|part| part * part).collect::<Vec<u64>>(), "{threads} threads");
            assert_eq!(seen, 1000);
        }
    }

    #[test]
    fn who_has_enough_ends_it() {
        let mut taken = 0;
        let feed = |give: &mut dyn FnMut(u64) -> bool| assert!(!(0..u64::MAX).all(give));
        in_order(
            2,
            feed,
            |part| part,
            |part| {
                taken += 1;
                part < 9
            },
        );
        assert_eq!(taken, 10);
        in_order(2, |_: &mut dyn FnMut(u64) -> bool| {}, |part| part, |_| panic!("nothing was given"));
    }

    /// One long part does not keep the other threads from working, and no more parts are read than there are places.
    #[test]
    fn memory_is_bounded_and_a_long_part_delays_nobody() {
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let given = Mutex::new(0_usize);
        let feed = |give: &mut dyn FnMut(usize) -> bool| {
            let counted = |part| {
                *given.lock().unwrap() += 1;
                give(part)
            };
            assert!((0..1000).all(counted));
        };
        let work = |part: usize| match part {
            0 => held.lock().unwrap().recv().unwrap(),
            // The last part that has a place while the first is under way.
            part if part == 2 * PLACES - 1 => {
                std::thread::sleep(Duration::from_millis(20));
                assert!(*given.lock().unwrap() <= 2 * PLACES + 1);
                release.send(()).unwrap();
            }
            _ => {}
        };
        let mut taken = 0;
        in_order(2, feed, work, |()| {
            taken += 1;
            true
        });
        assert_eq!(taken, 1000);
    }

    /// Two borrowers at the same time have two values; later ones get these again.
    #[test]
    fn memory_is_lent_to_one_at_a_time() {
        let spare: Spare<Vec<u8>> = Spare::default();
        spare.with(|outer| {
            outer.push(1);
            spare.with(|inner| {
                assert!(inner.is_empty());
                inner.extend([2, 2]);
            });
            spare.with(|again| assert_eq!(*again, [2, 2]));
        });
        spare.with(|last| assert_eq!(*last, [1]));
        assert_eq!(spare.0.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        for threads in [1, 3] {
            let work = |part: u64| assert!(part != 50, "on purpose");
            let ended = catch_unwind(|| map(threads, 0..u64::MAX, work, |()| {}));
            let why = ended.unwrap_err();
            assert_eq!(why.downcast_ref::<&str>(), Some(&"on purpose"));
        }
    }
}
