//! Time-based one-time passwords, RFC 6238.

use super::{Algorithm, Code, Digits, Hotp, Period, Secret};

/// A time-based generator and checker of codes, RFC 6238 with T0 = 0.
///
/// Time is always an argument, in seconds since 1970-01-01 00:00 UTC.
///
/// ```
/// use lambdatotp::otp::{Code, Secret, Totp};
/// let totp = Totp::new(Secret::from_bytes(b"12345678901234567890")?);
/// let code = totp.code_at(59);
/// assert_eq!(code.as_str(), "287082");
/// // Half a minute later it still belongs to step 1 ...
/// assert_eq!(totp.verify(&code, 89, 1), Some(1));
/// // ... and once step 1 is used up it is refused.
/// assert_eq!(totp.verify_after(&code, 89, 1, Some(1)), None);
/// # Ok::<(), lambdatotp::otp::OtpError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    hotp: Hotp,
    period: Period,
}

impl Totp {
    /// SHA-1, 6 digits and 30 seconds: what every authenticator app does.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self::with(secret, Algorithm::default(), Digits::default(), Period::default())
    }

    /// The same with another hash, length or period.
    #[must_use]
    pub fn with(secret: Secret, algorithm: Algorithm, digits: Digits, period: Period) -> Self {
        Self { hotp: Hotp::with(secret, algorithm, digits), period }
    }

    /// The step T that a time falls in: RFC 6238 section 4.2.
    #[must_use]
    pub const fn step_at(&self, unix_seconds: u64) -> u64 {
        unix_seconds / self.period.seconds()
    }

    /// The code for a given time.
    #[must_use]
    pub fn code_at(&self, unix_seconds: u64) -> Code {
        self.code_for_step(self.step_at(unix_seconds))
    }

    /// The code for a step.
    #[must_use]
    pub fn code_for_step(&self, step: u64) -> Code {
        self.hotp.code(step)
    }

    /// The step that `code` belongs to, among the current one and `window` steps on
    /// each side of it. To refuse replays, store the step and pass it to
    /// [`verify_after`](Self::verify_after) the next time.
    #[must_use]
    pub fn verify(&self, code: &Code, unix_seconds: u64, window: u64) -> Option<u64> {
        self.verify_after(code, unix_seconds, window, None)
    }

    /// As [`verify`](Self::verify), looking only at steps after `last_step`, the
    /// last one accepted: RFC 6238 section 5.2 forbids accepting a code twice.
    #[must_use]
    pub fn verify_after(
        &self,
        code: &Code,
        unix_seconds: u64,
        window: u64,
        last_step: Option<u64>,
    ) -> Option<u64> {
        let now = self.step_at(unix_seconds);
        let first = match last_step {
            Some(used) => now.saturating_sub(window).max(used.checked_add(1)?),
            None => now.saturating_sub(window),
        };
        self.hotp.search(code, first..=now.saturating_add(window))
    }

    /// The shared key.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        self.hotp.secret()
    }

    /// The hash.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.hotp.algorithm()
    }

    /// The code's length.
    #[must_use]
    pub const fn digits(&self) -> Digits {
        self.hotp.digits()
    }

    /// How long a code is shown.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totp() -> Totp {
        Totp::new(Secret::from_bytes(b"12345678901234567890").expect("160 bits"))
    }

    #[test]
    fn the_window_is_symmetric_and_exact() {
        let totp = totp();
        let now = 1_000_000_020; // the first second of a step
        let step = totp.step_at(now);
        for distance in -3_i64..=3 {
            let code = totp.code_for_step(step.saturating_add_signed(distance));
            for window in 0..=3 {
                for second in [now, now + 29] {
                    let expected = distance.unsigned_abs() <= window;
                    let matched = totp.verify(&code, second, window);
                    assert_eq!(matched.is_some(), expected, "distance {distance}, window {window}");
                }
            }
        }
    }

    #[test]
    fn nothing_at_or_before_the_last_step_matches() {
        let totp = totp();
        let step = totp.step_at(1_000_000_000);
        for used in step - 2..=step + 2 {
            for candidate in step - 1..=step + 1 {
                let code = totp.code_for_step(candidate);
                let matched = totp.verify_after(&code, 1_000_000_000, 1, Some(used));
                assert_eq!(matched, (candidate > used).then_some(candidate));
            }
        }
        assert_eq!(
            totp.verify_after(&totp.code_for_step(step), 1_000_000_000, 1, Some(u64::MAX)),
            None
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let totp = totp();
        assert_eq!(totp.verify(&totp.code_at(0), 0, 10), Some(0));
        let last = totp.step_at(u64::MAX);
        assert_eq!(totp.verify(&totp.code_at(u64::MAX), u64::MAX, 1), Some(last));
    }
}
