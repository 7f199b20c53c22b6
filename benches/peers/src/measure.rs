//! Measures batches of calls, all contenders in turn, over many rounds. A turn is much shorter than what an operating
//! system gives a thread at once, so that few turns wait for others' work and the medians do not see those. What slows the machine
//! down for a while slows down everybody, and cancels out of the quotients taken round by round.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::{Contender, Failure};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often everybody's turn comes.
    pub rounds: usize,
    /// About how long one turn takes.
    pub turn: Duration,
}

/// What a call of one contender took, in nanoseconds, round by round.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The median, in nanoseconds; not a number when nothing was measured. So are the other two.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median of the rounds' quotients: how many times as long as `other` it took.
    #[must_use]
    pub fn ratio(&self, other: &Self) -> f64 {
        median(self.pairs(other).map(|(mine, others)| mine / others).collect())
    }

    /// The median of the rounds' differences: by how many nanoseconds it took longer than `other`.
    #[must_use]
    pub fn excess(&self, other: &Self) -> f64 {
        median(self.pairs(other).map(|(mine, others)| mine - others).collect())
    }

    fn pairs(&self, other: &Self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().copied().zip(other.0.iter().copied())
    }
}

impl<const ROUNDS: usize> From<[f64; ROUNDS]> for Samples {
    fn from(rounds: [f64; ROUNDS]) -> Self {
        Self(rounds.into())
    }
}

/// Measures one operation with one payload; the samples are in the contenders' order.
///
/// # Errors
/// When somebody fails, or answers with anything but the payload.
pub fn measure(
    contenders: &mut [Box<dyn Contender>],
    operation: &'static str,
    payload: &'static [u8],
    effort: Effort,
) -> Result<Vec<Samples>, Failure> {
    let mut calls = Vec::new();
    for contender in &mut *contenders {
        if contender.call(operation, payload)? != payload {
            return Err(
                format!("the reply to {operation} is not the payload of {} bytes", payload.len()).into()
            );
        }
        calls.push(calls_in(effort.turn, contender.as_mut(), operation, payload)?);
    }
    let mut samples = vec![Samples::default(); contenders.len()];
    for round in 0..effort.rounds {
        for turn in 0..contenders.len() {
            let who = (round + turn) % contenders.len();
            let contender = contenders[who].as_mut();
            contender.call(operation, payload)?; // Brings back into the caches what the others drove out.
            let took = batch(contender, operation, payload, calls[who])?;
            samples[who].0.push(took.as_nanos() as f64 / f64::from(calls[who]));
        }
    }
    Ok(samples)
}

/// How many calls fill a turn that nothing disturbs.
fn calls_in(
    turn: Duration,
    contender: &mut dyn Contender,
    operation: &'static str,
    payload: &'static [u8],
) -> Result<u32, Failure> {
    for doublings in 0..20 {
        let mut shortest = Duration::MAX;
        for _ in 0..5 {
            shortest = shortest.min(batch(contender, operation, payload, 1 << doublings)?);
        }
        if shortest >= turn {
            return Ok(1 << doublings);
        }
    }
    Ok(1 << 20)
}

fn batch(
    contender: &mut dyn Contender,
    operation: &'static str,
    payload: &'static [u8],
    calls: u32,
) -> Result<Duration, Failure> {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(contender.call(operation, black_box(payload))?);
    }
    Ok(start.elapsed())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_taken_round_by_round() {
        let (slow, fast) = (Samples::from([20.0, 200.0, 30.0]), Samples::from([10.0, 100.0, 10.0]));
        assert_eq!((slow.median(), fast.median()), (30.0, 10.0));
        assert_eq!(slow.ratio(&fast), 2.0);
        assert_eq!(slow.excess(&fast), 20.0);
    }
}
