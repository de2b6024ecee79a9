//! Runs parts of work on many threads and returns the results in the order of the parts, in bounded memory.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The number of parts that wait for each thread, and of results of each that wait to be taken.
const WAITING: usize = 4;
/// The largest number of threads that a user may ask for.
const THREADS_MAX: usize = 256;

/// For clap: a number of threads, 1 to 256.
pub fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= THREADS_MAX);
    count.ok_or_else(|| format!("expected 1 to {THREADS_MAX}"))
}

/// The number of threads that can run at the same time on this machine; one when it is unknown.
pub fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Passes the parts from `feed` to `threads` threads in turn, and their results to `take`, in the order of the parts.
///
/// `feed` runs on its own thread and calls a function with each part, which returns false when no more parts are
/// wanted. `take` returns whether it wants more results.
pub fn in_order<Part: Send, Done: Send>(
    threads: usize,
    feed: impl FnOnce(&mut dyn FnMut(Part) -> bool) + Send,
    work: impl Fn(Part) -> Done + Sync,
    mut take: impl FnMut(Done) -> bool,
) {
    let work = &work;
    std::thread::scope(|scope| {
        let mut parts: Vec<SyncSender<Part>> = Vec::new();
        let mut results: Vec<Receiver<Done>> = Vec::new();
        for _ in 0..threads.max(1) {
            let (part, waiting) = sync_channel::<Part>(WAITING);
            let (done, result) = sync_channel(WAITING);
            scope.spawn(move || waiting.iter().map(work).all(|result| done.send(result).is_ok()));
            parts.push(part);
            results.push(result);
        }
        scope.spawn(move || {
            let mut turn = parts.iter().cycle();
            feed(&mut |part| turn.next().is_some_and(|thread| thread.send(part).is_ok()));
        });
        // Results are taken in turn: when a thread has none left, neither it nor any thread after it had another part.
        for thread in results.iter().cycle() {
            if !thread.recv().is_ok_and(&mut take) {
                break;
            }
        }
        drop(results);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_parts() {
        for threads in [1, 2, 3, 8] {
            let mut results = Vec::new();
            let feed = |give: &mut dyn FnMut(u64) -> bool| assert!((0..1000).all(give));
            let work = |part: u64| {
                // Some parts take longer than later ones.
                if part.is_multiple_of(97) {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                part * part
            };
            in_order(threads, feed, work, |result| {
                results.push(result);
                true
            });
            assert_eq!(results, (0..1000).map(|part| part * part).collect::<Vec<u64>>(), "{threads} threads");
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
}
