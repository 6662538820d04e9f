//! What the service's clock is ahead of ours: it refuses a signature that is more than some
//! minutes old, or new.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// A signature that is refused while the clocks differ by less is refused for something else.
const SPOILT_FROM: Duration = Duration::from_mins(4);

/// How far a clock is ahead of ours, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Skew(i64);

impl Skew {
    pub(super) fn spoils_signatures(self) -> bool {
        u128::from(self.0.unsigned_abs()) > SPOILT_FROM.as_millis()
    }
}

/// The service's clock, as its last reply showed it.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicI64);

impl Clock {
    /// The time that the service takes it to be.
    pub(super) fn now(&self) -> SystemTime {
        let ahead = self.0.load(Ordering::Relaxed);
        let by = Duration::from_millis(ahead.unsigned_abs());
        let now = SystemTime::now();
        let there = if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) };
        there.unwrap_or(now)
    }

    /// Takes the time from a reply to what was sent then. It was half-way when it was answered.
    pub(super) fn learn(&self, headers: &Headers, sent: SystemTime) -> Option<Skew> {
        // What a cache gives is of another time.
        if headers.contains_key("age") {
            return None;
        }
        let date = DateTime::from_str(headers.get("date")?, Format::HttpDate).ok()?;
        let half = sent.elapsed().unwrap_or_default() / 2;
        let ours = DateTime::from(sent + half).to_millis().ok()?;
        let skew = date.to_millis().ok()?.saturating_sub(ours);
        self.0.store(skew, Ordering::Relaxed);
        Some(Skew(skew))
    }
}
