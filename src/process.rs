//! Values that belong to one process: a forked child starts without them.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// At most one value for each process. There is no lock, which a fork could leave
/// taken for ever: of two threads that make a value at once, the first one's stays.
pub(crate) struct PerProcess<T>(ArcSwapOption<Owned<T>>);

/// A value, and the process that made it.
pub(crate) struct Owned<T> {
    process: u32,
    /// Always there, until the drop.
    value: Option<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// The value of this process.
    pub(crate) fn get(&self) -> Option<Arc<Owned<T>>> {
        self.0.load().as_ref().filter(|owned| owned.is_ours()).cloned()
    }

    /// The value of the process this one was forked from, until [`put`](Self::put)
    /// replaces it.
    #[cfg(feature = "embedded")]
    pub(crate) fn inherited(&self) -> Option<Arc<Owned<T>>> {
        self.0.load().as_ref().filter(|owned| !owned.is_ours()).cloned()
    }

    /// Keeps a value for this process, unless another thread was first, and returns
    /// the one that is kept.
    pub(crate) fn put(&self, value: T) -> Arc<Owned<T>> {
        let made = Arc::new(Owned { process: std::process::id(), value: Some(value) });
        self.0.rcu(|current| match current {
            Some(first) if first.is_ours() => Some(Arc::clone(first)),
            _ => Some(Arc::clone(&made)),
        });
        self.get().unwrap_or(made)
    }
}

impl<T> Owned<T> {
    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken by the drop only")
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.is_ours() {
            // Closing it would wait for the parent's threads, take locks that one of
            // them may have held, or tamper with its files' locks.
            std::mem::forget(self.value.take());
        }
    }
}
