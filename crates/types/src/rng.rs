//! Where random bytes come from. Only [`SystemRng`] may ask the operating system.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A source of random bytes.
pub trait Rng: Send {
    /// Fills `bytes` with randomness.
    fn fill(&mut self, bytes: &mut [u8]);

    /// A random number below `bound`; 0 if `bound` is 0. Biased by at most `bound` in 2^64.
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        if bound == 0 { 0 } else { u64::from_le_bytes(bytes) % bound }
    }
}

/// The operating system's generator: for keys, tokens and ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[allow(clippy::disallowed_methods)] // the one place that may
    fn fill(&mut self, bytes: &mut [u8]) {
        // A machine without randomness must not hand out guessable keys: nothing to do but stop.
        #[allow(clippy::expect_used)]
        getrandom::fill(bytes).expect("the operating system's random generator answers");
    }
}

/// ChaCha12 from a seed: the same seed gives the same bytes on every machine. With a seed of 32 random
/// bytes its output is as unguessable as the seed.
#[derive(Clone, Debug)]
pub struct SeededRng(ChaCha12Rng);

impl SeededRng {
    /// A generator that starts at `seed`.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A generator for tests, from a number.
    pub fn from_u64(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let (mut a, mut b) = (SeededRng::from_u64(7), SeededRng::from_u64(7));
        assert_eq!(a.below(1 << 40), b.below(1 << 40));
        assert_eq!(a.below(0), 0);
    }
}
