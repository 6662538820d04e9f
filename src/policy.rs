//! How many guesses there are: pure arithmetic.
//!
//! The generic cell rate algorithm keeps one number a user, `throttle_at`: the time
//! at which nothing is owed any more. Each attempt adds `refill`, and an attempt is
//! granted while what is owed is at most `(burst - 1) * refill`. So `burst` attempts
//! at once, then one a `refill`, whatever the order in which Lambdas ask.

use std::time::Duration;

use crate::config_error::ConfigError;

/// The budget of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    burst: u32,
    refill: Duration,
    max_misses: u32,
}

/// How an attempt is to be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing is owed: `throttle_at` becomes now plus the refill time.
    Idle,
    /// Something is owed: the refill time is added to `throttle_at`.
    Busy,
    /// Not now. Whole seconds, rounded up: after that long it is granted.
    Throttled(Duration),
    /// More is owed than there can be, so a clock is wrong; it counts as the most there
    /// can be, and after that long an attempt is granted.
    Overdrawn(Duration),
    /// Not until an unlock.
    Locked,
}

impl Default for Policy {
    /// 10 at once, one back an hour, locked after 100 misses in a row.
    fn default() -> Self {
        Self { burst: 10, refill: Duration::from_hours(1), max_misses: 100 }
    }
}

impl Policy {
    /// `burst` of 1 to 100 attempts, one back every `refill` of 1 ms to 30 days, and
    /// 1 to 100 misses in a row (NIST SP 800-63B section 3.2.2 forbids more).
    ///
    /// # Errors
    /// [`ConfigError`] naming the value that is out of range.
    pub fn new(burst: u32, refill: Duration, max_misses: u32) -> Result<Self, ConfigError> {
        let refills = Duration::from_millis(1)..=Duration::from_hours(30 * 24);
        let (attempts, misses) = ((1..=100).contains(&burst), (1..=100).contains(&max_misses));
        ConfigError::unless(attempts, "burst", "use 1 to 100 attempts")?;
        ConfigError::unless(refills.contains(&refill), "refill", "use 0.001 to 2592000 seconds")?;
        ConfigError::unless(misses, "max_misses", "use 1 to 100 misses")?;
        Ok(Self { burst, refill, max_misses })
    }

    /// Attempts granted at once to a user who owes nothing.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The time that brings one attempt back.
    #[must_use]
    pub const fn refill(&self) -> Duration {
        self.refill
    }

    /// Misses in a row that lock the user.
    #[must_use]
    pub const fn max_misses(&self) -> u32 {
        self.max_misses
    }

    /// [`refill`](Self::refill) in milliseconds.
    #[must_use]
    pub fn refill_ms(&self) -> i64 {
        milliseconds(self.refill)
    }

    /// What may be owed, in milliseconds, when one more attempt is granted.
    #[must_use]
    pub fn tolerance_ms(&self) -> i64 {
        i64::from(self.burst - 1) * self.refill_ms()
    }

    /// The most that can be owed, in milliseconds: the whole burst.
    #[must_use]
    pub fn most_owed_ms(&self) -> i64 {
        i64::from(self.burst) * self.refill_ms()
    }

    /// Decides from what the item says. The store's conditions say the same, and
    /// decide in the end: between a look and a write the item may change.
    #[must_use]
    pub fn charge(&self, throttle_at: Option<i64>, misses: u64, now_ms: i64) -> Charge {
        if misses >= u64::from(self.max_misses) {
            return Charge::Locked;
        }
        let owed = throttle_at.map_or(0, |at| at.saturating_sub(now_ms));
        let overdrawn = owed > self.most_owed_ms();
        let owed = owed.min(self.most_owed_ms());
        let excess = owed.saturating_sub(self.tolerance_ms());
        match (owed, excess) {
            (..=0, _) => Charge::Idle,
            (_, ..=0) => Charge::Busy,
            (_, excess) => {
                let wait = Duration::from_secs(excess.unsigned_abs().div_ceil(1000));
                if overdrawn { Charge::Overdrawn(wait) } else { Charge::Throttled(wait) }
            }
        }
    }
}

impl Policy {
    /// Attempts that would be granted at once.
    #[must_use]
    pub fn left(&self, throttle_at: Option<i64>, misses: u64, now_ms: i64) -> u32 {
        let until_locked = u64::from(self.max_misses).saturating_sub(misses);
        let owed = throttle_at.map_or(0, |at| at.saturating_sub(now_ms));
        let owed = owed.clamp(0, self.most_owed_ms());
        let free = self.tolerance_ms().saturating_sub(owed).div_euclid(self.refill_ms());
        let granted = u64::try_from(free.saturating_add(1)).unwrap_or(0);
        u32::try_from(granted.min(until_locked)).unwrap_or(self.burst)
    }
}

/// Milliseconds, as the table keeps them.
pub(crate) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The store's arithmetic, without the store.
    fn attempt(policy: &Policy, throttle_at: &mut Option<i64>, now_ms: i64) -> bool {
        match policy.charge(*throttle_at, 0, now_ms) {
            Charge::Idle => *throttle_at = Some(now_ms + policy.refill_ms()),
            Charge::Busy => *throttle_at = throttle_at.map(|at| at + policy.refill_ms()),
            Charge::Throttled(_) | Charge::Overdrawn(_) | Charge::Locked => return false,
        }
        true
    }

    /// What the policy promises, said another way: a bucket of `burst` attempts that
    /// fills by one every refill.
    struct Bucket {
        level_ms: i64,
        at: i64,
    }

    impl Bucket {
        fn attempt(&mut self, policy: &Policy, now_ms: i64) -> bool {
            let full = i64::from(policy.burst()) * policy.refill_ms();
            self.level_ms = full.min(self.level_ms + now_ms - self.at);
            self.at = now_ms;
            let granted = self.level_ms >= policy.refill_ms();
            if granted {
                self.level_ms -= policy.refill_ms();
            }
            granted
        }
    }

    proptest! {
        #[test]
        fn grants_what_a_leaking_bucket_grants(
            burst in 1..=100_u32,
            refill_ms in 1..=100_000_u64,
            waits in prop::collection::vec(0..=200_000_i64, 1..200),
        ) {
            let policy = Policy::new(burst, Duration::from_millis(refill_ms), 100).expect("in range");
            let start = 1_700_000_000_000;
            let mut bucket = Bucket { level_ms: i64::from(burst) * policy.refill_ms(), at: start };
            let (mut throttle_at, mut now_ms) = (None, start);
            for wait in waits {
                now_ms += wait;
                let granted = attempt(&policy, &mut throttle_at, now_ms);
                prop_assert_eq!(granted, bucket.attempt(&policy, now_ms));
                let left = u32::try_from(bucket.level_ms / policy.refill_ms()).expect("small");
                prop_assert_eq!(policy.left(throttle_at, 0, now_ms), left);
            }
        }

        #[test]
        fn the_wait_it_names_is_long_enough_and_no_longer(
            burst in 1..=100_u32,
            refill_ms in 1..=10_000_000_u64,
            owed in 1..=10_000_000_000_i64,
        ) {
            let policy = Policy::new(burst, Duration::from_millis(refill_ms), 100).expect("in range");
            if let Charge::Throttled(wait) = policy.charge(Some(owed), 0, 0) {
                let wait = i64::try_from(wait.as_millis()).expect("small");
                let after = |ms| policy.charge(Some(owed), 0, ms);
                prop_assert!(matches!(after(wait), Charge::Idle | Charge::Busy));
                prop_assert!(matches!(after(wait - 1000), Charge::Throttled(_)));
            }
        }
    }

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    /// A window of one step on each side, of a million codes.
    const CHANCE: f64 = 3.0 / 1e6;

    /// The guesses that an attacker gets in so many days who asks whenever there is
    /// one to be had, while the user logs in every so often, before or after them.
    fn guesses(policy: &Policy, days: i64, login_every_ms: Option<i64>) -> u32 {
        let start = 1_700_000_000_000;
        let (mut throttle_at, mut now_ms, mut guesses) = (None, start, 0);
        let mut next_login = login_every_ms.map(|every| start + every);
        while now_ms < start + days * DAY_MS {
            if let (Some(at), Some(every)) = (next_login, login_every_ms)
                && at <= now_ms
            {
                // An accepted code: charged, and given back.
                if attempt(policy, &mut throttle_at, now_ms) {
                    throttle_at = throttle_at.map(|at| at - policy.refill_ms());
                }
                next_login = Some(at + every);
            }
            if attempt(policy, &mut throttle_at, now_ms) {
                guesses += 1;
            } else {
                let Charge::Throttled(wait) = policy.charge(throttle_at, 0, now_ms) else {
                    unreachable!("refused, and not locked")
                };
                now_ms += milliseconds(wait);
            }
        }
        guesses
    }

    fn odds(guesses: u32) -> f64 {
        1.0 - (1.0 - CHANCE).powi(i32::try_from(guesses).expect("small"))
    }

    /// The figures that DESIGN.md and the README state, from the code that decides.
    #[test]
    fn the_stated_budget() {
        let policy = Policy::default();
        let a_year = guesses(&policy, 365, None);
        assert_eq!(a_year, 10 + 365 * 24 - 1);
        assert!((0.025..0.026).contains(&odds(a_year)), "{}", odds(a_year));
        assert_eq!(guesses(&policy, 2, None) - guesses(&policy, 1, None), 24);
        let a_run = policy.max_misses();
        assert!((0.000_29..0.000_30).contains(&odds(a_run)), "{}", odds(a_run));
    }

    /// However often the user logs in, the attacker gets not one guess more.
    #[test]
    fn logins_buy_an_attacker_nothing() {
        let policy = Policy::default();
        let alone = guesses(&policy, 60, None);
        for minutes in [1, 7, 30, 60, 61, 600, 1440] {
            assert_eq!(guesses(&policy, 60, Some(minutes * 60_000)), alone, "{minutes}");
        }
    }

    #[test]
    fn absurd_items_do_not_overflow() {
        let policy = Policy::default();
        for throttle_at in [i64::MIN, i64::MAX] {
            for now_ms in [i64::MIN, 0, i64::MAX] {
                let _ = policy.charge(Some(throttle_at), 0, now_ms);
            }
        }
        assert_eq!(policy.charge(None, u64::MAX, 0), Charge::Locked);
    }

    /// With one clock nobody owes more than the whole burst: more counts as exactly that.
    #[test]
    fn a_debt_that_cannot_be_counts_as_the_most_that_can() {
        let policy = Policy::default();
        let most = policy.most_owed_ms();
        let wait = policy.refill();
        assert_eq!(policy.charge(Some(most), 0, 0), Charge::Throttled(wait));
        for at in [most + 1, 10 * 365 * DAY_MS, i64::MAX] {
            assert_eq!(policy.charge(Some(at), 0, 0), Charge::Overdrawn(wait), "{at}");
            assert_eq!(policy.left(Some(at), 0, 0), 0);
        }
    }

    #[test]
    fn misses_lock_at_the_cap() {
        let policy = Policy::default();
        assert_eq!(policy.charge(None, 99, 0), Charge::Idle);
        assert_eq!(policy.charge(None, 100, 0), Charge::Locked);
    }
}
