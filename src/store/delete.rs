//! Removing a user.

use std::collections::HashMap;

use super::item::{Item, field, n, s, write_id};
use super::{MAX_TURNS, Store, StoreError, too_many_changes};

/// How long a tombstone stays, in seconds. It must outlive every request that was under way:
/// DynamoDB refuses a signature after 15 minutes.
const TOMBSTONE_SECONDS: u64 = 60 * 60;

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The user is gone.
    Deleted,
    /// There was no such user.
    NotFound,
}

impl Store {
    /// Reads a user, and puts a tombstone in the place of that very enrollment. Where there is
    /// none, too, so that a registration that got no answer cannot arrive afterwards.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn delete(&self, user: &str, now: u64) -> Result<Deleted, StoreError> {
        let mut seen = self.read_any(user).await?;
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        for _ in 0..MAX_TURNS {
            let there = seen.as_ref().is_some_and(|seen| !seen.is_tombstone());
            let verdict = if there { Deleted::Deleted } else { Deleted::NotFound };
            let (condition, value) = Item::still_there(seen.as_ref());
            let values = value.map(|value| (":seen".to_owned(), value)).into_iter().collect();
            let mut tombstone = HashMap::from([
                (field::USER_ID.to_owned(), s(user)),
                (field::ENROLLMENT_ID.to_owned(), s(&id)),
                (field::DELETED_AT.to_owned(), n(now)),
                (field::EXPIRES_AT.to_owned(), n(now.saturating_add(TOMBSTONE_SECONDS))),
            ]);
            // A tombstone in the place of another one keeps which enrollment ended, and who
            // ended it.
            let ended = seen.as_ref().filter(|seen| seen.is_tombstone());
            let ended_by = ended.and_then(|seen| seen.attribute(field::DELETED_BY)).cloned();
            tombstone.insert(field::DELETED_BY.to_owned(), ended_by.unwrap_or_else(|| s(&id)));
            let named = if there { field::ENROLLMENT_ID } else { field::REPLACED_ID };
            if let Some(replaced) = seen.as_ref().and_then(|seen| seen.attribute(named)) {
                tombstone.insert(field::REPLACED_ID.to_owned(), replaced.clone());
            }
            let Err(old) = self.put(&turn, tombstone, &condition, values).await? else {
                return Ok(verdict);
            };
            let old = Item::returned(user, old.as_ref());
            // Our first try had arrived; somebody may have registered since.
            if old.as_ref().is_some_and(|old| {
                old.carries(field::ENROLLMENT_ID, &id)
                    || old.carries(field::REPLACED_ID, &id)
                    || old.carries(field::DELETED_BY, &id)
            }) {
                return Ok(verdict);
            }
            if there {
                // What took the place of the enrollment that we saw: another deletion, which
                // came first; or a registration, perhaps of before we were asked. An item of
                // the original application gets its id when it is sealed.
                let next = old.as_ref().is_some_and(|old| took_its_place(seen.as_ref(), old));
                match &old {
                    Some(old) if next && old.is_tombstone() => return Ok(Deleted::NotFound),
                    Some(_) if next => {}
                    // It has gone, and others have come and gone since: what was to be done
                    // is done, perhaps by our first try.
                    _ => return Ok(Deleted::Deleted),
                }
            }
            seen = old;
        }
        too_many_changes()
    }
}

/// Whether an item came right after the one that we saw, or is the same one.
fn took_its_place(seen: Option<&Item>, old: &Item) -> bool {
    let before = seen.and_then(|seen| seen.attribute(field::ENROLLMENT_ID));
    old.attribute(field::REPLACED_ID) == before
}
