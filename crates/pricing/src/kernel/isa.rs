//! The instruction set on which a batch runs. This is the only `unsafe` code of this workspace.
//!
//! A [`Task`] is ordinary scalar Rust. Compiled inside a function that may use AVX-512, its loops become 512-bit
//! instructions; inside one that may use AVX2, 256-bit ones. Every operation is an IEEE operation with one rounding
//! (`mul_add` where it is written, never where it is not), so all of them give the same bits.

use std::fmt;

/// An instruction set *of this machine*: a value exists only after its features were detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The instructions that every machine of the target has. On x86-64 its fused multiply-add is a library call:
    /// correct, but slow.
    pub const BASELINE: Self = Self(Level::Baseline);

    /// The widest set of this machine. Costs a few nanoseconds (the answer is cached by std): call it once per batch.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Self(Level::Avx512);
            }
            if avx2 {
                return Self(Level::Avx2);
            }
        }
        Self::BASELINE
    }

    /// Every set of this machine, narrowest first, so that a test can compare them.
    pub fn available() -> Vec<Self> {
        let widest = Self::detect();
        let all = [
            Self::BASELINE,
            #[cfg(target_arch = "x86_64")]
            Self(Level::Avx2),
            #[cfg(target_arch = "x86_64")]
            Self(Level::Avx512),
        ];
        all.into_iter().filter(|isa| *isa <= widest).collect()
    }

    /// Whether the set has 32 registers of eight numbers.
    pub(crate) fn is_wide(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Level::Avx512;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Runs a task compiled for this instruction set.
    #[expect(unsafe_code, reason = "a function compiled for an instruction set may only be called where it exists")]
    pub(crate) fn run<T: Task>(self, task: T) {
        match self.0 {
            Level::Baseline => task.run(),
            // SAFETY: a function with `target_feature` needs a processor that has the features. `Level` is private
            // and leaves this module only from `detect`, which has just seen them, and from `available`, which keeps
            // nothing above what `detect` returned; each level was granted only with the features of those below it.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(task) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { run_avx512(task) },
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        })
    }
}

/// Prefetches the cache line that is `ahead` elements behind `place`, whether or not there is one.
#[inline(always)]
#[expect(unsafe_code, reason = "the only way to ask for memory early")]
pub(crate) fn prefetch<T>(place: &T, ahead: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = std::ptr::from_ref(place).wrapping_add(ahead);
        // SAFETY: a prefetch is a hint. It reads nothing at any address, and all x86-64 processors have it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, ahead);
}

/// A batch of work. Implementations must be `#[inline(always)]`, loops included, or they are compiled without the
/// instruction set (slower, same bits).
pub(crate) trait Task {
    /// Does the whole batch.
    fn run(self);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<T: Task>(task: T) {
    task.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,fma")]
fn run_avx512<T: Task>(task: T) {
    task.run();
}
