//! Bytes from the operating system's random number generator.

use rand::TryRng;
use rand::rngs::SysRng;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

/// An array filled by the operating system, anew on each call. A generator seeded in
/// user space would be cloned by `fork` and by Lambda's snapshots, and would then
/// hand the same secret to two users.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// As [`bytes`], into a buffer of the caller's.
fn fill(buffer: &mut [u8]) -> Result<(), RandomError> {
    #[cfg(feature = "simulation")]
    if crate::simulation::fill(buffer) {
        return Ok(());
    }
    SysRng.try_fill_bytes(buffer).map_err(|_| RandomError)
}
