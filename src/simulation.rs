//! Doors for `tests/simulation`: the network, the clock and the randomness of a verifier
//! under the hands of a test. Only with the feature `simulation`, which no shipped build has.
//!
//! The verifier, the store and the AWS client above these doors are the real ones.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

#[cfg(feature = "python")]
compile_error!("the feature `simulation` is for tests only: build the Python module without it");

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Takes this thread's random bytes from a generator of this seed, from now on.
pub fn seed(seed: u64) {
    SEED.set(Some(seed));
}

/// Fills a buffer from this thread's generator, where it has one.
pub(crate) fn fill(buffer: &mut [u8]) -> bool {
    let Some(mut state) = SEED.get() else { return false };
    for chunk in buffer.chunks_mut(8) {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
    }
    SEED.set(Some(state));
    true
}

/// A request on its way to DynamoDB.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// Such as `UpdateItem`.
    pub operation: String,
    /// Its JSON.
    pub body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// What the sender of a request learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The HTTP status and the JSON of the reply.
    Answer(u16, String),
    /// The connection was refused or broke.
    Broken,
    /// The connector waited long enough.
    TimedOut,
}

/// A reply that has yet to come.
pub type Arriving = Pin<Box<dyn Future<Output = Reply> + Send + Sync>>;

/// Carries requests to a table.
pub trait Network: Send + Sync {
    /// Takes a request. Its sender may stop waiting for the reply at any time.
    fn carry(&self, request: Request) -> Arriving;
}

/// A clock, and the passing of its time.
pub trait Time: Send + Sync {
    /// The time since 1970, as this clock has it.
    fn now(&self) -> Duration;

    /// Ends when so much time has passed.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>>;
}

/// Waits for an operation no longer than this; `None` when its time is over.
pub(crate) async fn within<T>(
    time: &Arc<dyn Time>,
    limit: Duration,
    operation: impl Future<Output = T>,
) -> Option<T> {
    let mut timer = time.sleep(limit);
    let mut operation = std::pin::pin!(operation);
    std::future::poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}
