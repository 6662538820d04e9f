//! What the service's clock is ahead of ours: it refuses a signature that is more than some
//! minutes old, or new.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// A signature that is refused while the clocks differ by less is refused for something else.
const SPOILT_FROM: Duration = Duration::from_mins(4);

/// How far from the service's a time was that a request was signed for, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Off(i64);

impl Off {
    pub(super) fn spoils_signatures(self) -> bool {
        u128::from(self.0.unsigned_abs()) > SPOILT_FROM.as_millis()
    }
}

/// The service's clock, as its last reply showed it: what it is ahead of ours.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicI64);

/// When a request was sent, and what its service's clock was ahead of ours as far as we knew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    at: SystemTime,
    ahead: i64,
}

impl Clock {
    pub(super) fn now(&self) -> Sent {
        Sent { at: SystemTime::now(), ahead: self.0.load(Ordering::Relaxed) }
    }

    /// Takes the time from a reply. It was half-way when the request was answered.
    pub(super) fn learn(&self, headers: &Headers, sent: Sent) -> Option<Off> {
        // What a cache gives is of another time.
        if headers.contains_key("age") {
            return None;
        }
        let date = DateTime::from_str(headers.get("date")?, Format::HttpDate).ok()?;
        let half = sent.at.elapsed().unwrap_or_default() / 2;
        let ours = DateTime::from(sent.at + half).to_millis().ok()?;
        let ahead = date.to_millis().ok()?.saturating_sub(ours);
        self.0.store(ahead, Ordering::Relaxed);
        Some(Off(ahead.saturating_sub(sent.ahead)))
    }
}

impl Sent {
    /// When the service took that to be.
    pub(super) fn there(self) -> SystemTime {
        let by = Duration::from_millis(self.ahead.unsigned_abs());
        let there = if self.ahead < 0 { self.at.checked_sub(by) } else { self.at.checked_add(by) };
        there.unwrap_or(self.at)
    }
}
