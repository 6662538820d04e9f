//! Doors into private code for the targets in `fuzz/`. No other build has them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, Item, field};
use super::{KeyRing, NewUser, Record, StoreError};
use crate::policy::{Charge, Policy};

type Attributes = HashMap<String, AttributeValue>;

/// An item, read for checking a code.
pub fn record(user: &str, attributes: &Attributes, keys: &KeyRing) -> Result<Record, StoreError> {
    Item::new(user, attributes.clone()).record(keys)
}

/// An item, read for charging an attempt.
pub fn charge(
    user: &str,
    attributes: &Attributes,
    policy: &Policy,
    now_ms: i64,
) -> Result<Charge, StoreError> {
    let item = Item::new(user, attributes.clone());
    let throttle_at = item.number(field::THROTTLE_AT)?;
    let misses = item.number(field::MISSES)?.unwrap_or(0);
    Ok(policy.charge(throttle_at, misses, now_ms))
}

/// A new user's item.
pub fn attributes(
    user: &NewUser<'_>,
    enrollment_id: &str,
    keys: &KeyRing,
) -> Result<Attributes, StoreError> {
    item::attributes(user, enrollment_id, keys)
}
